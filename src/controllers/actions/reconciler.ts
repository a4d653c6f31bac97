/**
 * Runs ActionExecutions on Jobs: observe, decide, act, and nothing between two rounds that the cluster does not know. What
 * is kept in memory saves a question or shortens a wait; a process that begins anew comes to the same end.
 */
import { LRUCache } from 'lru-cache';
import type { ActionContract } from '../../contract/model.ts';
import { defined } from '../../kernel/defined.ts';
import { ok, type Result } from '../../kernel/result.ts';
import type { KubeObject } from '../../kernel/kube-object.ts';
import type { Actions } from '../../ports/actions.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import type { Events } from '../../ports/events.ts';
import { kinds } from '../../workflow/kinds.ts';
import { names, type ActionRegistry, type ActionStatus, type WorkflowSettings } from '../../workflow/model.ts';
import { parseAction } from '../../workflow/parse-action.ts';
import { parseActionStatus } from '../../workflow/parse-status.ts';
import type { Setback } from '../runtime/answers.ts';
import { limited } from '../runtime/limited.ts';
import { MissingSince } from '../runtime/missing-since.ts';
import type { Key, Reconciler, Settled } from '../runtime/reconciler.ts';
import { tell } from '../runtime/tell.ts';
import { act } from './act.ts';
import { decide, removalGraceMs } from './decide.ts';
import type { ActionAct, ActionDecision, LogRead, Next, Observed } from './decision.ts';
import { jobsOf } from './observe.ts';
import { eventsOf } from './transitions.ts';

export interface ActionReconcilerPorts {
  readonly objects: ClusterObjects;
  readonly actions: Actions;
  readonly events: Events;
  readonly settings: () => WorkflowSettings;
  readonly registry: () => ActionRegistry;
  readonly clock: Clock;
}

/** What this round has found out already. */
interface Found {
  proof?: NonNullable<Observed['proof']>;
  log?: LogRead;
  told?: NonNullable<Observed['told']>;
  readonly jobs: KubeObject[];
  readonly setbacks: Setback[];
}

type Outcome = Settled | { readonly kind: 'again' };

/** A proof, a Job, a log, what comes of them, and each once more. */
const maxDecisions = 8;
const proofTimeoutMs = 30_000;
const logTimeoutMs = 15_000;
const readTimeoutMs = 10_000;
const maxLogBytes = 128 * 1024;
const maxContracts = 2_000;
const supersededMs = 1_000;

export function createActionReconciler(ports: ActionReconcilerPorts): Reconciler {
  const { objects, actions, settings, registry, clock } = ports;
  /** By UID of the action. */
  const contracts = new LRUCache<string, ActionContract>({ max: maxContracts });
  const missing = new MissingSince();

  async function reconcile({ namespace, name }: Key, signal: AbortSignal): Promise<Settled> {
    if (!objects.isReady()) return { kind: 'retry', why: 'not everything that is watched was listed yet' };
    const found: Found = { jobs: [], setbacks: [] };
    let hasLooked = false;
    for (let count = 0; count < maxDecisions; count += 1) {
      const action = objects.get({ kind: kinds.action, namespace, name });
      // Its Jobs go with it.
      if (action === undefined || action.metadata.deletionTimestamp !== undefined) return { kind: 'settled' };
      const observed = observe(action, found);
      if (observed.missingMs >= removalGraceMs && !hasLooked) {
        hasLooked = true;
        const looked = await lookForJob(observed, found, signal);
        if (!looked.ok) return { kind: 'retry', why: looked.failure.message };
        continue;
      }
      const outcome = await doNext(action, observed, decide(observed), found, signal);
      if (outcome.kind !== 'again') return outcome;
    }
    return { kind: 'retry', why: 'it cannot be decided what is to become of it' };
  }

  /** Nothing is said to be removed because somebody was slow to tell. */
  async function lookForJob(
    { namespace, name, status }: Observed,
    found: Found,
    signal: AbortSignal,
  ): Promise<Result<void>> {
    const place = { kind: kinds.job, namespace, name: status.executionName ?? name };
    const read = await objects.read(place, limited(signal, readTimeoutMs));
    if (!read.ok) return read;
    if (read.value !== undefined && read.value.metadata.uid === status.jobUID) found.jobs.push(read.value);
    return ok(undefined);
  }

  function observe(action: KubeObject, { jobs, ...found }: Found): Observed {
    const { uid, namespace = '', name, generation = 0 } = action.metadata;
    const status = parseActionStatus(action);
    const ours = jobsOf(objects, action.metadata, jobs);
    const now = clock.now();
    return {
      parsed: parseAction(action),
      namespace,
      name,
      generation,
      status,
      settings: settings(),
      registry: registry(),
      jobs: ours,
      missingMs: missing.ms(uid, isMissing(status, ours), now),
      ...defined('contract', contracts.get(uid)),
      ...found,
      now,
    };
  }

  async function doNext(
    action: KubeObject,
    observed: Observed,
    next: Next,
    found: Found,
    signal: AbortSignal,
  ): Promise<Outcome> {
    switch (next.kind) {
      case 'prove': {
        const proof = await actions.prove(next.what, limited(signal, proofTimeoutMs));
        found.proof = proof;
        if (proof.ok && proof.value.contract !== undefined) contracts.set(action.metadata.uid, proof.value.contract);
        return signal.aborted ? { kind: 'retry', why: 'it was stopped' } : { kind: 'again' };
      }
      case 'read-log':
        found.log = await readLog(observed.namespace, next.pod, signal);
        return signal.aborted ? { kind: 'retry', why: 'it was stopped' } : { kind: 'again' };
      case 'read-warning':
        found.told = await readWarning(observed.namespace, next.job, signal);
        return signal.aborted ? { kind: 'retry', why: 'it was stopped' } : { kind: 'again' };
      case 'decided':
        return actAll(action, observed, next, found, signal);
    }
  }

  async function readLog(namespace: string, pod: string, signal: AbortSignal): Promise<LogRead> {
    const where = { namespace, name: pod, container: names.container };
    const read = await objects.logTail(where, maxLogBytes, limited(signal, logTimeoutMs));
    if (!read.ok) return { kind: 'unavailable', why: read.failure.message };
    return read.value === undefined ? { kind: 'gone' } : { kind: 'read', text: read.value };
  }

  /** It only explains: nothing waits for it. */
  async function readWarning(namespace: string, uid: string, signal: AbortSignal): Promise<Found['told'] & object> {
    const read = await objects.newestWarning({ namespace, uid }, limited(signal, logTimeoutMs));
    return defined('warning', read.ok ? read.value : undefined);
  }

  async function actAll(
    action: KubeObject,
    observed: Observed,
    { acts, requeueAfterMs }: ActionDecision,
    found: Found,
    signal: AbortSignal,
  ): Promise<Outcome> {
    for (const one of acts) {
      const outcome = await act(objects, action, one, signal);
      switch (outcome.kind) {
        case 'done':
          noteDone(action, observed.status, one);
          break;
        case 'created':
          found.jobs.push(outcome.job);
          return { kind: 'again' };
        case 'setback':
          found.setbacks.push(outcome.setback);
          return { kind: 'again' };
        case 'superseded':
          return { kind: 'settled', requeueAfterMs: supersededMs };
        case 'retry':
          return outcome;
      }
    }
    return { kind: 'settled', ...defined('requeueAfterMs', requeueAfterMs) };
  }

  /** Said when it is true: after the status is written. */
  function noteDone(action: KubeObject, before: ActionStatus, one: ActionAct): void {
    if (one.kind !== 'status') return;
    for (const told of eventsOf(before, one.status)) tell(ports.events, action, told);
  }

  return { name: 'actions', reconcile };
}

function isMissing({ jobUID }: ActionStatus, jobs: Observed['jobs']): boolean {
  return jobUID !== undefined && jobs.every(({ uid }) => uid !== jobUID);
}
