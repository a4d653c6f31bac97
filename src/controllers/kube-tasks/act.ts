/** Does what was decided about a Task, one act after the other. What cannot be done ends the round; nothing is undone. */
import { agentKinds } from '../../agents/kinds.ts';
import { kubeTaskConfigMapName, type TaskIdentity } from '../../agents/kube-task-names.ts';
import { asWritten } from '../../agents/task-conditions.ts';
import { defined } from '../../kernel/defined.ts';
import { quoted } from '../../kernel/failure.ts';
import type { Kind, KubeObject, NewObject, ObjectPlace } from '../../kernel/kube-object.ts';
import type { Result } from '../../kernel/result.ts';
import { stableJson } from '../../kernel/stable-json.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { ClusterObjects, Created, Written } from '../../ports/cluster-objects.ts';
import { isControlledBy } from '../../workflow/controller-reference.ts';
import type { Setback } from '../workflows/decision.ts';
import type { TaskAct } from './decision.ts';

export type Done =
  | { readonly kind: 'done' }
  /** Our Job is there: what comes of it is decided at once. */
  | { readonly kind: 'created'; readonly job: KubeObject }
  | { readonly kind: 'setback'; readonly setback: Setback }
  /** Somebody was faster: what there is now comes with the watch. */
  | { readonly kind: 'superseded' }
  | { readonly kind: 'retry'; readonly why: string };

const done: Done = { kind: 'done' };
const actTimeoutMs = 15_000;

export async function act(
  objects: ClusterObjects,
  task: KubeObject,
  what: TaskAct,
  signal: AbortSignal,
): Promise<Done> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(actTimeoutMs)]);
  switch (what.kind) {
    case 'create':
      return created(objects, task, what, limited);
    case 'remove':
      return removed(await objects.remove(what.place, what.uid, limited));
    case 'remove-files':
      return removeFiles(objects, task, limited);
    case 'status':
      return written(await objects.writeStatus(task, agentKinds.kubeTask, asWritten(what.status), limited));
  }
}

async function created(
  objects: ClusterObjects,
  task: KubeObject,
  { object: wanted, as }: Extract<TaskAct, { readonly kind: 'create' }>,
  signal: AbortSignal,
): Promise<Done> {
  const answer: Result<Created> = await objects.create(wanted, as, signal);
  if (!answer.ok) return { kind: 'retry', why: answer.failure.message };
  const place = placeOf(wanted, as);
  if (answer.value.kind === 'refused') {
    const { status, message } = answer.value;
    return { kind: 'setback', setback: { kind: 'refused', place, status, message } };
  }
  const { object } = answer.value;
  const isOurs = answer.value.kind === 'created' || isControlledBy(object, task.metadata.uid);
  if (!isOurs) return taken(task, object, place);
  if (as.kind === agentKinds.job.kind) return { kind: 'created', job: object };
  return brought(objects, object, wanted, place, signal);
}

function placeOf({ metadata: { namespace, name } }: NewObject, kind: Kind): ObjectPlace {
  return { kind, name, ...defined('namespace', namespace) };
}

function taken({ apiVersion, kind, metadata }: KubeObject, found: KubeObject, place: ObjectPlace): Done {
  const owner = found.metadata.ownerReferences?.find(({ controller }) => controller === true);
  // Created anew under its old name: what belonged to the old one is about to go.
  if (owner?.apiVersion === apiVersion && owner.kind === kind && owner.name === metadata.name) {
    return { kind: 'retry', why: `waits until ${found.kind} ${found.metadata.name} of its predecessor is gone` };
  }
  const named =
    owner === undefined ? 'nobody we know of' : quoted(`${owner.kind} ${owner.name} (${owner.apiVersion})`, 400);
  return { kind: 'setback', setback: { kind: 'taken', place, owner: named } };
}

/** Files that were made a while ago, by a process before us, become those that are wanted now. */
async function brought(
  objects: ClusterObjects,
  found: KubeObject,
  wanted: NewObject,
  place: ObjectPlace,
  signal: AbortSignal,
): Promise<Done> {
  const patch = { data: changes(found, wanted, 'data'), binaryData: changes(found, wanted, 'binaryData') };
  if (stableJson(patch) === stableJson({ data: {}, binaryData: {} })) return done;
  const { uid } = found.metadata;
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

function removed(answer: Result<'removed' | 'gone'>): Done {
  return answer.ok ? done : { kind: 'retry', why: answer.failure.message };
}

function written(answer: Result<Written>): Done {
  if (!answer.ok) return { kind: 'retry', why: answer.failure.message };
  switch (answer.value.kind) {
    case 'written':
      return done;
    case 'superseded':
      return { kind: 'superseded' };
    case 'refused':
      return { kind: 'retry', why: `the API server refused it (${answer.value.status}): ${answer.value.message}` };
  }
}
