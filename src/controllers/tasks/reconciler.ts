/**
 * Runs Tasks of KubeOpenCode on Pods: observe, decide, act. What is kept in memory saves a question or shortens a wait, but
 * for reservations: a place with an Agent is taken in memory in the same moment in which it is decided to be free, until the
 * claim is seen in the Task, or known not to have been written.
 *
 * Whoever begins to lead may be behind with what the one before has written. So the first Task that needs a place with a
 * limited Agent, and the first that is found claimed and without a Pod, has all Tasks listed once; everything else stands on
 * the version that was read: writing it is refused if there is a newer one.
 *
 * Pods carry no finalizer of ours: it would make their removal by hand visible for certain, but would block `kubectl delete`
 * and whole namespaces where no controller runs any more. Condition PodCreated (agents/task-conditions.ts) does instead: what
 * remains is a kill between two calls together with a removal by hand before the next leader has looked.
 */
import { agentKinds } from '../../agents/kinds.ts';
import { defined } from '../../kernel/defined.ts';
import type { KubeObject } from '../../kernel/kube-object.ts';
import { ok, type Result } from '../../kernel/result.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import type { Events } from '../../ports/events.ts';
import type { TaskGauges, TaskMetrics } from '../../ports/task-metrics.ts';
import { readConfigMaps } from '../agents/read-config-maps.ts';
import { limited } from '../runtime/limited.ts';
import type { Key, Reconciler, Settled } from '../runtime/reconciler.ts';
import { tell } from '../runtime/tell.ts';
import { act } from './act.ts';
import { Concerned } from './concerned.ts';
import { decide } from './decide.ts';
import { logPatienceMs } from './decide-running.ts';
import type { Act, Decision, Next, Observed } from './decision.ts';
import { askFor, lookForPod, readLog, readTimeoutMs, readWarning, type Found } from './find-out.ts';
import { loadOf } from './load.ts';
import { observe } from './observe.ts';
import { Patience } from './patience.ts';
import { Roster } from './roster.ts';
import { startRecords } from './start-records.ts';
import { eventsOf, finishedTask } from './transitions.ts';

export interface TaskReconcilerPorts {
  readonly objects: ClusterObjects;
  readonly events: Events;
  readonly clock: Clock;
  readonly metrics?: Pick<TaskMetrics, 'taskFinished'>;
  /** Where no KubeOpenCodeConfig names one. */
  readonly systemImage: string;
}

export interface TaskReconciler extends Reconciler {
  load(): TaskGauges;
  /** Which Tasks look again after this change; asked for each of them, in their order. */
  concerned(object: KubeObject, change: 'present' | 'gone'): readonly Key[];
}

type Outcome = Settled | { readonly kind: 'again' };

/** References, marks, ConfigMaps, claim, Pod and what comes of it, each with another name once more. */
const maxDecisions = 14;
const refreshTimeoutMs = 120_000;
const supersededMs = 1_000;
const stoppedWhy: Settled = { kind: 'retry', why: 'it was stopped' };

export function createTaskReconciler(ports: TaskReconcilerPorts): TaskReconciler {
  const { objects, clock } = ports;
  const roster = new Roster(objects);
  const concerned = new Concerned(objects, roster);
  const patience = new Patience();
  const starts = startRecords(ports);
  /** Claims of this term, by UID. */
  const claims = new Set<string>();
  /** Claims of which nobody knows whether they were written, by UID. */
  const unheard = new Set<string>();
  let isFresh = false;
  let refreshing: Promise<Result<void>> | undefined;
  roster.rebuild();
  objects.onChange((object, change) => {
    roster.see(object, change);
    if (change !== 'gone') return;
    claims.delete(object.metadata.uid);
    unheard.delete(object.metadata.uid);
  });

  function begin(): void {
    roster.rebuild();
    patience.clear();
    claims.clear();
    unheard.clear();
    isFresh = false;
    refreshing = undefined;
  }

  async function reconcile({ namespace, name }: Key, signal: AbortSignal): Promise<Settled> {
    if (!objects.isReady()) return { kind: 'retry', why: 'not everything that is watched was listed yet' };
    const found: Found = { asked: [], hasLooked: false, setbacks: [] };
    roster.letGo(objects.get({ kind: agentKinds.task, namespace, name })?.metadata.uid);
    for (let count = 0; count < maxDecisions; count += 1) {
      const object = objects.get({ kind: agentKinds.task, namespace, name });
      if (object === undefined) return { kind: 'settled' };
      const { uid } = object.metadata;
      const heard = unheard.has(uid) ? await hear(object, signal) : ok(undefined);
      if (!heard.ok) return { kind: 'retry', why: heard.failure.message };
      const newest = objects.get({ kind: agentKinds.task, namespace, name }) ?? object;
      const outcome = await lookInLine(newest, found, signal);
      if (outcome.kind !== 'again') return outcome;
    }
    return { kind: 'retry', why: 'it cannot be decided what is to become of it' };
  }

  /** Whether the claim was written says the Task itself. */
  async function hear({ metadata }: KubeObject, signal: AbortSignal): Promise<Result<void>> {
    const { namespace = '', name, uid } = metadata;
    const read = await objects.read({ kind: agentKinds.task, namespace, name }, limited(signal, readTimeoutMs));
    if (!read.ok) return read;
    unheard.delete(uid);
    roster.release(uid);
    return ok(undefined);
  }

  /** Whoever cannot be dealt with is out of the line until it is tried again, so that others need not wait for it. */
  async function lookInLine(object: KubeObject, found: Found, signal: AbortSignal): Promise<Outcome> {
    const { uid } = object.metadata;
    let outcome: Outcome | undefined;
    try {
      outcome = await look(object, found, signal);
      return outcome;
    } finally {
      if (outcome === undefined || outcome.kind === 'retry') roster.holdUp(uid);
    }
  }

  async function look(object: KubeObject, found: Found, signal: AbortSignal): Promise<Outcome> {
    const { uid } = object.metadata;
    const observed = observe(object, found, { ...ports, roster, patience, isFresh, isOurClaim: claims.has(uid) });
    return doNext(object, observed, decide(observed), found, signal);
  }

  async function doNext(
    object: KubeObject,
    observed: Observed,
    next: Next,
    found: Found,
    signal: AbortSignal,
  ): Promise<Outcome> {
    switch (next.kind) {
      case 'decided':
        return actAll(object, observed, next, found, signal);
      case 'refresh':
        return answered(await refresh(signal), signal);
      case 'ask-for':
        return answered(await askFor(objects, next.place, found, signal), signal);
      case 'read-config-maps': {
        const read = await readConfigMaps(objects, next.places, signal);
        if (read.ok) found.configMaps = read.value;
        return answered(read, signal);
      }
      case 'look-for-pod':
        return answered(await lookForPod(objects, observed.task, next.place, found, signal), signal);
      case 'read-log':
        found.log = await readLog(objects, next.pod, () => logMs(observed), signal);
        return signal.aborted ? stoppedWhy : { kind: 'again' };
      case 'read-warning':
        found.told = await readWarning(objects, next.pod, signal);
        return signal.aborted ? stoppedWhy : { kind: 'again' };
    }
  }

  /** One list for all who ask. */
  async function refresh(signal: AbortSignal): Promise<Result<void>> {
    const own = (refreshing ??= objects.refresh(agentKinds.task, limited(signal, refreshTimeoutMs)));
    const answer = await own;
    if (refreshing !== own) return answer;
    refreshing = undefined;
    if (answer.ok && !signal.aborted) isFresh = true;
    return answer;
  }

  async function actAll(
    object: KubeObject,
    observed: Observed,
    decision: Decision,
    found: Found,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { acts, thenAgain, requeueAfterMs } = decision;
    const { uid } = observed.task;
    // Before anything is waited for: nobody else decides upon the same place.
    for (const one of acts) if (one.kind === 'status' && one.claims !== undefined) roster.reserve(uid, one.claims);
    try {
      for (const one of acts) {
        const ends = await actOn(object, observed, one, found, signal);
        if (ends !== undefined) return ends;
      }
    } finally {
      // A Task that is seen to run is counted for itself.
      if (!unheard.has(uid)) roster.release(uid);
    }
    const settled: Outcome = { kind: 'settled', ...defined('requeueAfterMs', requeueAfterMs) };
    return thenAgain === undefined ? settled : { kind: 'again' };
  }

  /** Undefined: the next may be done. */
  async function actOn(
    object: KubeObject,
    observed: Observed,
    one: Act,
    found: Found,
    signal: AbortSignal,
  ): Promise<Outcome | undefined> {
    if (one.kind === 'tell') {
      tell(ports.events, object, { type: 'Warning', reason: one.reason, message: one.message });
      return undefined;
    }
    const outcome = await act({ objects, starts }, object, observed.task, one, signal);
    switch (outcome.kind) {
      case 'done':
        noteDone(object, observed, one);
        return undefined;
      case 'pod':
        found.pod = outcome.pod;
        return undefined;
      case 'setback':
        found.setbacks.push(outcome.setback);
        return { kind: 'again' };
      case 'full':
        return { kind: 'again' };
      case 'superseded':
        return { kind: 'settled', requeueAfterMs: supersededMs };
      case 'retry':
        if (one.kind === 'keep-log' && logMs(observed) >= logPatienceMs) return undefined;
        if (outcome.isUnheard === true && isClaim(one)) unheard.add(observed.task.uid);
        return { kind: 'retry', why: outcome.why };
    }
  }

  /** For how long its log could not be kept. */
  function logMs({ task }: Observed): number {
    return patience.logMs(task.uid, clock.now().getTime());
  }

  /** Said when it is true: after the status is written. */
  function noteDone(object: KubeObject, { task, status }: Observed, one: Act): void {
    if (one.kind !== 'status') return;
    if (isClaim(one)) claims.add(task.uid);
    for (const told of eventsOf(status, one.status)) tell(ports.events, object, told);
    const finished = finishedTask(task, status, one.status);
    if (finished === undefined) return;
    claims.delete(task.uid);
    ports.metrics?.taskFinished(finished);
  }

  return {
    name: 'tasks',
    begin,
    reconcile,
    load: () => loadOf(objects, roster),
    concerned: (object, change) => concerned.keys(object, change),
  };
}

function isClaim(one: Act): boolean {
  return one.kind === 'status' && one.claims !== undefined;
}

function answered(answer: Result<unknown>, signal: AbortSignal): Outcome {
  if (signal.aborted) return stoppedWhy;
  return answer.ok ? { kind: 'again' } : { kind: 'retry', why: answer.failure.message };
}
