/** Does what was decided about a Task, one act after the other. What cannot be done ends the round; nothing is undone. */
import { agentKinds } from '../../agents/kinds.ts';
import { kubeTaskConfigMapName, type TaskIdentity } from '../../agents/kube-task-names.ts';
import { asWritten } from '../../agents/task-conditions.ts';
import { defined } from '../../kernel/defined.ts';
import type { Kind, KubeObject, NewObject } from '../../kernel/kube-object.ts';
import { stableJson } from '../../kernel/stable-json.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import { isControlledBy } from '../../workflow/controller-reference.ts';
import { created, done, removed, written, type ActWritten, type Setback } from '../runtime/answers.ts';
import { limited } from '../runtime/limited.ts';
import type { TaskAct } from './decision.ts';

export type Done =
  | ActWritten
  /** Our Job is there: what comes of it is decided at once. */
  | { readonly kind: 'created'; readonly job: KubeObject }
  | { readonly kind: 'setback'; readonly setback: Setback };

const actTimeoutMs = 15_000;

export async function act(objects: ClusterObjects, task: KubeObject, what: TaskAct, outer: AbortSignal): Promise<Done> {
  const signal = limited(outer, actTimeoutMs);
  switch (what.kind) {
    case 'create':
      return create(objects, task, what, signal);
    case 'remove':
      return removed(await objects.remove(what.place, what.uid, signal));
    case 'remove-files':
      return removeFiles(objects, task, signal);
    case 'status':
      return written(await objects.writeStatus(task, agentKinds.kubeTask, asWritten(what.status), signal));
  }
}

async function create(
  objects: ClusterObjects,
  task: KubeObject,
  { object: wanted, as }: Extract<TaskAct, { readonly kind: 'create' }>,
  signal: AbortSignal,
): Promise<Done> {
  const outcome = created(task, wanted, as, await objects.create(wanted, as, signal));
  if (outcome.kind !== 'ours') return outcome;
  if (as.kind === agentKinds.job.kind) return { kind: 'created', job: outcome.object };
  return brought(objects, outcome.object, wanted, as, signal);
}

/** Files that were made a while ago, by a process before us, become those that are wanted now. */
async function brought(
  objects: ClusterObjects,
  found: KubeObject,
  wanted: NewObject,
  kind: Kind,
  signal: AbortSignal,
): Promise<Done> {
  const patch = { data: changes(found, wanted, 'data'), binaryData: changes(found, wanted, 'binaryData') };
  if (stableJson(patch) === stableJson({ data: {}, binaryData: {} })) return done;
  const { uid, name, namespace } = found.metadata;
  const place = { kind, name, ...defined('namespace', namespace) };
  return written(await objects.patch(place, { metadata: { uid }, ...patch }, signal));
}

/** As a merge patch has them. RFC 7386 */
function changes(
  found: NewObject,
  wanted: NewObject,
  member: 'data' | 'binaryData',
): Readonly<Record<string, unknown>> {
  const [before, after] = [asRecord(found[member]) ?? {}, asRecord(wanted[member]) ?? {}];
  const gone = Object.keys(before).filter((key) => !Object.hasOwn(after, key));
  const changed = Object.entries(after).filter(([key, value]) => before[key] !== value);
  return Object.fromEntries([...gone.map((key) => [key, null] as const), ...changed]);
}

async function removeFiles(objects: ClusterObjects, { metadata }: KubeObject, signal: AbortSignal): Promise<Done> {
  const { namespace = '', name, uid } = metadata;
  const task: TaskIdentity = { namespace, name, uid };
  const place = { kind: agentKinds.configMap, namespace, name: kubeTaskConfigMapName(task) };
  const read = await objects.read(place, signal);
  if (!read.ok) return { kind: 'retry', why: read.failure.message };
  const found = read.value;
  if (found === undefined || !isControlledBy(found, uid)) return done;
  return removed(await objects.remove(place, found.metadata.uid, signal));
}
