/**
 * Writes starts of Tasks into the status of their Agent, where whoever leads next finds them. One at a time for each Agent:
 * what is written supersedes whatever was read before.
 */
import { agentKinds } from '../../agents/kinds.ts';
import type { Place, Quota, TaskStart } from '../../agents/model.ts';
import { hasStart, isStartOf, startsOfOthers, startsWithin, withStart } from '../../agents/quota.ts';
import type { KubeObject } from '../../kernel/kube-object.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import type { TaskFacts } from './decision.ts';
import { parsedAgent, startsOf } from './parsed.ts';

/** `full`: others were faster. */
export type Recorded =
  { readonly kind: 'done' } | { readonly kind: 'full' } | { readonly kind: 'retry'; readonly why: string };

export interface StartRecords {
  record(agent: Place, task: TaskFacts, signal: AbortSignal): Promise<Recorded>;
  /** It has not started after all. */
  forget(agent: Place, task: TaskFacts, signal: AbortSignal): Promise<Recorded>;
}

/** Undefined: there is nothing to be written. */
type Change = (starts: readonly TaskStart[], quota: Quota) => readonly TaskStart[] | 'full' | undefined;

const done: Recorded = { kind: 'done' };
/** The server's status is in the same object. */
const tries = 5;

export function startRecords({
  objects,
  clock,
}: {
  readonly objects: ClusterObjects;
  readonly clock: Clock;
}): StartRecords {
  const turns = new Map<string, Promise<unknown>>();

  /** One after the other. */
  async function inTurn<T>({ namespace, name }: Place, work: () => Promise<T>): Promise<T> {
    const key = `${namespace}/${name}`;
    const before = turns.get(key) ?? Promise.resolve();
    const turn = before.then(work, work);
    const settled = turn.catch(() => undefined);
    turns.set(key, settled);
    try {
      return await turn;
    } finally {
      if (turns.get(key) === settled) turns.delete(key);
    }
  }

  async function change(place: Place, what: Change, signal: AbortSignal): Promise<Recorded> {
    const at = { kind: agentKinds.agent, namespace: place.namespace, name: place.name };
    let object = objects.get(at);
    for (let count = 0; count < tries && object !== undefined; count += 1) {
      const written = await write(object, what, signal);
      if (written.kind !== 'superseded') return written;
      const read = await objects.read(at, signal);
      if (!read.ok) return { kind: 'retry', why: read.failure.message };
      object = read.value;
    }
    return { kind: 'retry', why: `the status of Agent ${place.namespace}/${place.name} cannot be written` };
  }

  async function write(
    object: KubeObject,
    what: Change,
    signal: AbortSignal,
  ): Promise<Recorded | { readonly kind: 'superseded' }> {
    const agent = parsedAgent(object);
    if (!agent.ok || agent.value.quota === undefined) return done;
    const starts = what(startsOf(object), agent.value.quota);
    if (starts === undefined) return done;
    if (starts === 'full') return { kind: 'full' };
    const status = { ...asRecord(object['status']), taskStartHistory: starts };
    const answer = await objects.writeStatus(object, agentKinds.agent, status, signal);
    if (!answer.ok) return { kind: 'retry', why: answer.failure.message };
    if (answer.value.kind !== 'refused') return answer.value.kind === 'written' ? done : { kind: 'superseded' };
    return { kind: 'retry', why: `the API server refused the status of an Agent: ${answer.value.message}` };
  }

  return {
    record: (agent, task, signal) =>
      inTurn(agent, () => {
        const now = clock.now();
        return change(
          agent,
          (starts, quota) => {
            if (hasStart(starts, task, now)) return undefined;
            const others = startsOfOthers(starts, quota, task, now);
            return others.length >= quota.maxTaskStarts ? 'full' : withStart(starts, quota, task, now);
          },
          signal,
        );
      }),
    forget: (agent, task, signal) =>
      inTurn(agent, () =>
        change(
          agent,
          (starts, quota) =>
            starts.some((start) => isStartOf(start, task))
              ? startsWithin(starts, quota, clock.now()).filter((start) => !isStartOf(start, task))
              : undefined,
          signal,
        ),
      ),
  };
}
