/**
 * Runs Tasks of KubeTask as Jobs: observe, decide, act, and nothing between two rounds that the cluster does not know. What
 * is kept in memory shortens a wait; a process that begins anew comes to the same end.
 */
import { LRUCache } from 'lru-cache';
import { agentKinds } from '../../agents/kinds.ts';
import { kubeTaskJobName } from '../../agents/kube-task-names.ts';
import { names, type Place, type TaskStatus } from '../../agents/model.ts';
import { parseKubeTaskAgent } from '../../agents/parse-kube-task-agent.ts';
import { parseKubeTask } from '../../agents/parse-kube-task.ts';
import { parseTaskStatus } from '../../agents/parse-status.ts';
import { defined } from '../../kernel/defined.ts';
import type { KubeObject } from '../../kernel/kube-object.ts';
import { ok, type Result } from '../../kernel/result.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import type { Events } from '../../ports/events.ts';
import type { TaskGauges, TaskMetrics } from '../../ports/task-metrics.ts';
import { isControlledBy } from '../../workflow/controller-reference.ts';
import { Seen } from '../../workflow/seen.ts';
import { readConfigMaps } from '../agents/read-config-maps.ts';
import type { Setback } from '../runtime/answers.ts';
import { limited } from '../runtime/limited.ts';
import { MissingSince } from '../runtime/missing-since.ts';
import type { Key, Reconciler, Settled } from '../runtime/reconciler.ts';
import { tell } from '../runtime/tell.ts';
import { act } from './act.ts';
import { decide, removalGraceMs } from './decide.ts';
import type { Next, Observed, TaskAct, TaskDecision } from './decision.ts';
import { finishedTask, kubeTaskLoad } from './measures.ts';
import { jobOf } from './observe.ts';
import { eventsOf } from './transitions.ts';

export interface KubeTaskPorts {
  readonly objects: ClusterObjects;
  readonly events: Events;
  readonly clock: Clock;
  readonly metrics?: Pick<TaskMetrics, 'taskFinished'>;
}

/** What this round has found out already. */
interface Found {
  agent?: KubeObject | 'absent';
  configMaps?: NonNullable<Observed['configMaps']>;
  told?: NonNullable<Observed['told']>;
  job?: KubeObject;
  readonly setbacks: Setback[];
}

type Outcome = Settled | { readonly kind: 'again' };
const again: Outcome = { kind: 'again' };

/** An Agent, ConfigMaps, files, a Job, a warning, what comes of them, and one more. */
const maxDecisions = 8;
const readTimeoutMs = 15_000;
const supersededMs = 1_000;
/** One that is forgotten is read once more. */
const maxCurrent = 5_000;

export function createKubeTaskReconciler(ports: KubeTaskPorts): Reconciler & { load(): TaskGauges } {
  const { objects, clock } = ports;
  const missing = new MissingSince();
  /** Tasks that this process has read or written since it leads, by UID. */
  const current = new LRUCache<string, true>({ max: maxCurrent });

  async function reconcile({ namespace, name }: Key, signal: AbortSignal): Promise<Settled> {
    if (!objects.isReady()) return { kind: 'retry', why: 'not everything that is watched was listed yet' };
    const found: Found = { setbacks: [] };
    let hasLooked = false;
    for (let count = 0; count < maxDecisions; count += 1) {
      const task = objects.get({ kind: agentKinds.kubeTask, namespace, name });
      // What was made for it goes with it.
      if (task === undefined || task.metadata.deletionTimestamp !== undefined) return { kind: 'settled' };
      const observed = observe(task, found);
      if (observed.missingMs >= removalGraceMs && !hasLooked) {
        hasLooked = true;
        const looked = await lookForJob(observed, found, signal);
        if (!looked.ok) return { kind: 'retry', why: looked.failure.message };
        continue;
      }
      const outcome = await doNext(task, observed, decide(observed), found, signal);
      if (outcome.kind !== 'again') return outcome;
    }
    return { kind: 'retry', why: 'it cannot be decided what is to become of it' };
  }

  function observe(task: KubeObject, found: Found): Observed {
    const { uid, namespace = '', name, generation = 0 } = task.metadata;
    const { agent: _, job: foundJob, ...ofThisRound } = found;
    const identity = { namespace, name, uid };
    const status = parseTaskStatus(task);
    const job = jobOf(objects, identity, status, foundJob);
    const now = clock.now();
    return {
      task: identity,
      generation,
      parsed: parseKubeTask(task),
      status,
      agent: agentOf(task, found),
      ...defined('job', job),
      isCurrent: current.has(uid),
      missingMs: missing.ms(uid, status.phase === 'Running' && job === undefined, now),
      ...ofThisRound,
      now,
    };
  }

  function agentOf(task: KubeObject, { agent: read }: Found): Observed['agent'] {
    const agent = objects.get({ kind: agentKinds.kubeTaskAgent, ...agentPlace(task) }) ?? read;
    if (agent === undefined) return 'missing';
    return agent === 'absent' ? agent : parseKubeTaskAgent(agent);
  }

  /** Nothing is said to be removed because somebody was slow to tell. */
  async function lookForJob({ task, status }: Observed, found: Found, signal: AbortSignal): Promise<Result<void>> {
    const name = status.jobName ?? kubeTaskJobName(task);
    const read = await objects.read(
      { kind: agentKinds.job, namespace: task.namespace, name },
      limited(signal, readTimeoutMs),
    );
    if (!read.ok) return read;
    if (read.value !== undefined && isControlledBy(read.value, task.uid)) found.job = read.value;
    return ok(undefined);
  }

  async function doNext(
    task: KubeObject,
    observed: Observed,
    next: Next,
    found: Found,
    signal: AbortSignal,
  ): Promise<Outcome> {
    switch (next.kind) {
      case 'read-task': {
        const { uid, namespace, name } = observed.task;
        const read = await objects.read({ kind: agentKinds.kubeTask, namespace, name }, limited(signal, readTimeoutMs));
        if (!read.ok) return { kind: 'retry', why: read.failure.message };
        current.set(uid, true);
        return again;
      }
      case 'read-agent': {
        const read = await objects.read(
          { kind: agentKinds.kubeTaskAgent, ...agentPlace(task) },
          limited(signal, readTimeoutMs),
        );
        if (!read.ok) return { kind: 'retry', why: read.failure.message };
        found.agent = read.value ?? 'absent';
        return again;
      }
      case 'read-config-maps': {
        const read = await readConfigMaps(objects, next.places, signal);
        if (!read.ok) return { kind: 'retry', why: read.failure.message };
        found.configMaps = read.value;
        return again;
      }
      case 'read-warning': {
        const { namespace } = observed.task;
        const read = await objects.newestWarning({ namespace, uid: next.uid }, limited(signal, readTimeoutMs));
        if (signal.aborted) return { kind: 'retry', why: 'it was stopped' };
        // It only explains: nothing waits for it.
        found.told = defined('warning', read.ok ? read.value : undefined);
        return again;
      }
      case 'decided':
        return actAll(task, observed.status, next, found, signal);
    }
  }

  async function actAll(
    task: KubeObject,
    before: TaskStatus,
    { acts, requeueAfterMs }: TaskDecision,
    found: Found,
    signal: AbortSignal,
  ): Promise<Outcome> {
    for (const one of acts) {
      const outcome = await act(objects, task, one, signal);
      switch (outcome.kind) {
        case 'done':
          noteDone(task, before, one);
          break;
        case 'created':
          found.job = outcome.job;
          return again;
        case 'setback':
          found.setbacks.push(outcome.setback);
          return again;
        case 'superseded':
          return { kind: 'settled', requeueAfterMs: supersededMs };
        case 'retry':
          return outcome;
      }
    }
    return { kind: 'settled', ...defined('requeueAfterMs', requeueAfterMs) };
  }

  /** Said when it is true: after the status is written. */
  function noteDone(task: KubeObject, before: TaskStatus, one: TaskAct): void {
    if (one.kind !== 'status') return;
    current.set(task.metadata.uid, true);
    for (const told of eventsOf(before, one.status)) tell(ports.events, task, told);
    const finished = finishedTask(agentPlace(task), before, one.status);
    if (finished !== undefined) ports.metrics?.taskFinished(finished);
  }

  return { name: 'kube-tasks', begin: () => current.clear(), reconcile, load: () => kubeTaskLoad(objects) };
}

/** Also of a Task that makes no sense otherwise. */
function agentPlace({ metadata, spec }: KubeObject): Place {
  return { namespace: metadata.namespace ?? '', name: new Seen(spec).text('agentRef') ?? names.defaultAgent };
}
