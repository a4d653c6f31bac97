/** Does what was decided about a Task, one act after the other. What cannot be done ends the round; nothing is undone. */
import { agentKinds } from '../../agents/kinds.ts';
import { ownerOf } from '../../agents/ownership.ts';
import { asWritten } from '../../agents/task-conditions.ts';
import type { KubeObject, NewObject } from '../../kernel/kube-object.ts';
import type { Result } from '../../kernel/result.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { ClusterObjects, Created, Written } from '../../ports/cluster-objects.ts';
import { done, removed, written, type ActDone } from '../runtime/answers.ts';
import { limited } from '../runtime/limited.ts';
import type { Act, Setback, TaskFacts } from './decision.ts';
import type { StartRecords } from './start-records.ts';

export type Done =
  | ActDone
  /** Our Pod is there. */
  | { readonly kind: 'pod'; readonly pod: KubeObject }
  | { readonly kind: 'setback'; readonly setback: Setback }
  /** Somebody was faster: it is decided anew. */
  | { readonly kind: 'full' }
  | { readonly kind: 'superseded' }
  /** `isUnheard`: it may have been done all the same. */
  | { readonly kind: 'retry'; readonly why: string; readonly isUnheard?: true };

const actTimeoutMs = 15_000;

export interface ActPorts {
  readonly objects: ClusterObjects;
  readonly starts: StartRecords;
}

export async function act(
  { objects, starts }: ActPorts,
  object: KubeObject,
  task: TaskFacts,
  what: Exclude<Act, { readonly kind: 'tell' }>,
  outer: AbortSignal,
): Promise<Done> {
  const signal = limited(outer, actTimeoutMs);
  const place = { kind: agentKinds.task, namespace: task.namespace, name: task.name };
  switch (what.kind) {
    case 'mark':
    case 'unmark':
      return heard(await objects.patch(place, what.patch, signal));
    case 'record-start':
      return starts.record(what.agent, task, signal);
    case 'forget-start': {
      // It only counts for longer than it has to.
      await starts.forget(what.agent, task, signal);
      return done;
    }
    case 'create':
      return create(objects, task, what, signal);
    case 'keep-log': {
      const answer = await objects.create(what.object, agentKinds.configMap, signal);
      return answer.ok ? done : { kind: 'retry', why: answer.failure.message };
    }
    case 'remove-pod': {
      const { namespace, name, uid } = what.pod;
      return removed(await objects.remove({ kind: agentKinds.pod, namespace, name }, uid, signal));
    }
    case 'remove-config-maps':
      return removeConfigMaps(objects, task, what, signal);
    case 'status': {
      // What others have written into it stays.
      const status = { ...others(object), ...asWritten(what.status) };
      return heard(await objects.writeStatus(object, agentKinds.task, status, signal));
    }
  }
}

/** Members of a status that are ours to leave out. */
const own: readonly string[] = ['phase', 'agentRef', 'podName', 'podNamespace', 'startTime', 'completionTime'];

function others(object: KubeObject): object {
  const members = Object.entries(asRecord(object['status']) ?? {});
  return Object.fromEntries(members.filter(([name]) => !own.includes(name)));
}

async function create(
  objects: ClusterObjects,
  task: TaskFacts,
  { what, object }: { readonly what: 'Pod' | 'ConfigMap'; readonly object: NewObject },
  signal: AbortSignal,
): Promise<Done> {
  const kind = what === 'Pod' ? agentKinds.pod : agentKinds.configMap;
  const answer: Result<Created> = await objects.create(object, kind, signal);
  if (!answer.ok) return { kind: 'retry', why: answer.failure.message };
  const { name } = object.metadata;
  if (answer.value.kind === 'refused') {
    const { status, message } = answer.value;
    return { kind: 'setback', setback: { kind: 'refused', what, name, status, message } };
  }
  const found = answer.value.object;
  const owner = answer.value.kind === 'created' ? 'task' : ownerOf(found, task);
  if (owner === 'task') return what === 'Pod' ? { kind: 'pod', pod: found } : done;
  if (owner === 'predecessor' && isGoing(found)) {
    return { kind: 'retry', why: `waits until ${what} ${name} of its predecessor is gone` };
  }
  return { kind: 'setback', setback: { kind: 'taken', what, name } };
}

/** It is deleted, or has an owner who is: then the garbage collector comes. */
function isGoing({ metadata: { deletionTimestamp, ownerReferences = [] } }: KubeObject): boolean {
  return deletionTimestamp !== undefined || ownerReferences.some(({ controller }) => controller === true);
}

async function removeConfigMaps(
  objects: ClusterObjects,
  task: TaskFacts,
  { namespace, names }: Extract<Act, { readonly kind: 'remove-config-maps' }>,
  signal: AbortSignal,
): Promise<Done> {
  for (const name of names) {
    const place = { kind: agentKinds.configMap, namespace, name };
    const read = await objects.read(place, signal);
    if (!read.ok) return { kind: 'retry', why: read.failure.message };
    const found = read.value;
    if (found === undefined || ownerOf(found, task) !== 'task') continue;
    const outcome = removed(await objects.remove(place, found.metadata.uid, signal));
    if (outcome.kind !== 'done') return outcome;
  }
  return done;
}

function heard(answer: Result<Written>): Done {
  const outcome = written(answer);
  return outcome.kind === 'retry' && !answer.ok ? { ...outcome, isUnheard: true } : outcome;
}
