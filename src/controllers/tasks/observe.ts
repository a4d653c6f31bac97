/** What the cluster and this process know of a Task, before it is decided upon. */
import { agentKinds } from '../../agents/kinds.ts';
import type { TaskProblem, TaskStatus } from '../../agents/model.ts';
import { ownerOf } from '../../agents/ownership.ts';
import { readMetadata } from '../../agents/parse-metadata.ts';
import { podState, type PodState } from '../../agents/pod-state.ts';
import { isLimited, mostAtOnce } from '../../agents/queue.ts';
import { isServerReady } from '../../agents/server-problem.ts';
import { isFinished } from '../../agents/task-conditions.ts';
import { defined } from '../../kernel/defined.ts';
import type { KubeObject, ObjectPlace } from '../../kernel/kube-object.ts';
import { fail, type Result } from '../../kernel/result.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import type { Observed, TaskFacts } from './decision.ts';
import { namesInUse } from './names-in-use.ts';
import { parsedTask, startsOf, statusOf } from './parsed.ts';
import type { Patience } from './patience.ts';
import type { Found } from './find-out.ts';
import { missingFor, resolve, type Resolved } from './resolve.ts';
import type { Roster } from './roster.ts';

export interface Surroundings {
  readonly objects: Pick<ClusterObjects, 'get'>;
  readonly clock: Clock;
  readonly systemImage: string;
  readonly roster: Roster;
  readonly patience: Patience;
  readonly isFresh: boolean;
  readonly isOurClaim: boolean;
}

export function observe(object: KubeObject, found: Found, around: Surroundings): Observed {
  const { objects, clock, isFresh, isOurClaim } = around;
  const task: TaskFacts = readMetadata(object);
  const status = statusOf(object);
  const now = clock.now();
  const resolved = resolvedOf(object, status, around);
  const pod = podOf(objects, task, status, found);
  return {
    task,
    resourceVersion: object.metadata.resourceVersion,
    status,
    parsed: parsedTask(object),
    resolved,
    ...defined('missing', resolved.ok ? undefined : missingOf(objects, object, found)),
    ...placesOf(task, resolved, around),
    ...defined('pod', pod),
    troubleMs: around.patience.troubleMs(task.uid, isFinished(status.phase) ? undefined : pod, now.getTime()),
    isFresh,
    isOurClaim,
    ...defined('configMaps', found.configMaps),
    ...defined('log', found.log),
    ...defined('told', found.told),
    hasLooked: found.hasLooked,
    setbacks: found.setbacks,
    now,
  };
}

const over: Result<Resolved, TaskProblem> = fail({ reason: 'InvalidTask', message: 'it is over' });

/** What is over refers to nothing any more. */
function resolvedOf(object: KubeObject, { phase }: TaskStatus, around: Surroundings): Result<Resolved, TaskProblem> {
  const task = parsedTask(object);
  if (isFinished(phase)) return over;
  return task.ok ? resolve(around.objects, task.value, around) : task;
}

function missingOf(
  objects: Pick<ClusterObjects, 'get'>,
  object: KubeObject,
  { asked }: Found,
): ObjectPlace | undefined {
  const task = parsedTask(object);
  const missing = task.ok ? missingFor(objects, task.value) : undefined;
  const isAsked = asked.some(({ kind }) => kind === missing?.kind);
  return isAsked ? undefined : missing;
}

function placesOf(
  { uid }: TaskFacts,
  resolved: Result<Resolved, TaskProblem>,
  { objects, roster }: Surroundings,
): Pick<Observed, 'line' | 'starts' | 'isServerReady'> {
  if (!resolved.ok) return { line: { running: 0, ahead: 0 }, starts: [], isServerReady: false };
  const { agent } = resolved.value.work;
  const { namespace, name } = agent;
  const found = objects.get({ kind: agentKinds.agent, namespace, name });
  return {
    line: roster.lineOf(`${namespace}/${name}`, uid, isLimited(agent) ? mostAtOnce(agent) : 0),
    starts: found === undefined ? [] : startsOf(found),
    isServerReady: isServerReady(found, agent),
  };
}

/** The newer one counts: memory, unless only this round has heard of it. */
function podOf(
  objects: Pick<ClusterObjects, 'get'>,
  task: TaskFacts,
  status: TaskStatus,
  { pod: heard }: Found,
): PodState | undefined {
  const known = namesInUse(task, status);
  if (known === undefined) return undefined;
  const seen = objects.get({ kind: agentKinds.pod, namespace: known.namespace, name: known.pod });
  const isOurs = seen !== undefined && ownerOf(seen, task) === 'task';
  const pod = isOurs ? seen : heard;
  return pod === undefined ? undefined : podState(pod);
}
