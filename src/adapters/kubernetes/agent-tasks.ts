/**
 * Port AgentTasks on objects of the cluster: those that a serving process has in memory, or those that the API server has
 * now. It shows and asks for an end; everything else is the controllers'.
 */
import { viewAgent, agentKindOf } from '../../agents/agent-view.ts';
import { agentKinds } from '../../agents/kinds.ts';
import { names, type Place } from '../../agents/model.ts';
import { taskKinds, viewTask, type TaskView } from '../../agents/task-view.ts';
import { defined } from '../../kernel/defined.ts';
import { quoted } from '../../kernel/failure.ts';
import type { Kind, KubeObject, ObjectPlace } from '../../kernel/kube-object.ts';
import { ok, type Result } from '../../kernel/result.ts';
import type { AgentTasks, TaskLog } from '../../ports/agent-tasks.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import { Seen } from '../../workflow/seen.ts';
import { troubleOfPod } from '../../workflow/pod-trouble.ts';

export interface ListedObjects {
  /** Absent: in all of them. */
  readonly namespace?: string;
  readonly label?: readonly [name: string, value: string];
}

export interface TaskObjects extends Pick<ClusterObjects, 'logTail' | 'patch'> {
  /** Undefined: the cluster does not have this kind. */
  list(kind: Kind, which: ListedObjects, signal: AbortSignal): Promise<Result<readonly KubeObject[] | undefined>>;
  find(place: ObjectPlace, signal: AbortSignal): Promise<Result<KubeObject | undefined>>;
}

/** All that is shown is watched, except ConfigMaps. */
export function watchedTaskObjects(objects: ClusterObjects): TaskObjects {
  return {
    list: async (kind, { namespace, label }) =>
      ok(
        objects.isServed(kind)
          ? objects
              .list(kind)
              .filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace)
              .filter(({ metadata }) => label === undefined || metadata.labels?.[label[0]] === label[1])
          : undefined,
      ),
    find: async (place, signal) =>
      place.kind === agentKinds.configMap ? objects.read(place, signal) : ok(objects.get(place)),
    logTail: (pod, maxBytes, signal) => objects.logTail(pod, maxBytes, signal),
    patch: (place, patch, signal) => objects.patch(place, patch, signal),
  };
}

/** Of Pods of a Job, by whatever version of Kubernetes it was made. */
const jobLabel = 'job-name';

export function agentTasks(objects: TaskObjects, clock: Clock): AgentTasks {
  const list: AgentTasks['list'] = async (system, namespace, signal) => {
    const found = await objects.list(taskKinds[system], defined('namespace', namespace), signal);
    return found.ok ? ok(found.value?.map((object) => viewTask(system, object))) : found;
  };

  async function podOf(task: TaskView, signal: AbortSignal): Promise<Result<KubeObject | undefined>> {
    const { system, namespace, status } = task;
    if (system === 'kubeopencode') {
      if (status.podName === undefined) return ok(undefined);
      const place = { namespace: status.podNamespace ?? namespace, name: status.podName };
      const found = await objects.find({ kind: agentKinds.pod, ...place }, signal);
      return found.ok ? ok(found.value && isOf(found.value, task) ? found.value : undefined) : found;
    }
    if (status.jobName === undefined) return ok(undefined);
    const pods = await objects.list(agentKinds.pod, { namespace, label: [jobLabel, status.jobName] }, signal);
    return pods.ok ? ok(newest((pods.value ?? []).filter((pod) => isOf(pod, task)))) : pods;
  }

  async function keptLog(task: TaskView, signal: AbortSignal): Promise<Result<TaskLog>> {
    const { podName, podNamespace = task.namespace } = task.status;
    const isYetToCome = task.phase === 'Running';
    const why = isYetToCome ? 'Its Pod is not there yet.' : 'Its Pod is gone, and its log was not kept.';
    const nothing: TaskLog = { kind: 'none', why };
    if (podName === undefined || !podName.endsWith('-pod')) return ok(nothing);
    const from = { namespace: podNamespace, name: podName.replace(/-pod$/, '-log') };
    const found = await objects.find({ kind: agentKinds.configMap, ...from }, signal);
    if (!found.ok) return found;
    const text = found.value && isOf(found.value, task) ? new Seen(found.value['data']).raw(names.logKey) : undefined;
    return ok(typeof text === 'string' ? { kind: 'kept', from, text } : nothing);
  }

  return {
    list,
    async find({ system, ...place }, signal) {
      const found = await objects.find({ kind: taskKinds[system], ...place }, signal);
      return found.ok ? ok(found.value && viewTask(system, found.value)) : found;
    },
    async agents(system, namespace, signal) {
      // Tasks of any namespace may use it.
      const [found, tasks] = await Promise.all([
        objects.list(agentKindOf[system], defined('namespace', namespace), signal),
        list(system, undefined, signal),
      ]);
      if (!found.ok) return found;
      if (!tasks.ok) return tasks;
      const now = clock.now();
      return ok(found.value?.map((object) => viewAgent(system, object, tasks.value ?? [], now)));
    },
    async findLog(task, signal) {
      const { podName, jobName } = task.status;
      if (podName === undefined && jobName === undefined) return ok({ kind: 'none', why: notBegun(task) });
      const pod = await podOf(task, signal);
      if (!pod.ok) return pod;
      return pod.value === undefined ? keptLog(task, signal) : ok(logOfPod(pod.value));
    },
    tail: ({ namespace, name, container }, maxBytes, signal) =>
      objects.logTail({ namespace, name, container }, maxBytes, signal),
    async stop({ system, namespace, name, uid, phase }, signal) {
      if (phase === 'Completed' || phase === 'Failed') return ok({ kind: 'ended' });
      // Of another Task of the name the UID does not change: the API server refuses (422).
      const patch = { metadata: { uid, annotations: { [names.stopAnnotation]: 'true' } } };
      const written = await objects.patch({ kind: taskKinds[system], namespace, name }, patch, signal);
      if (!written.ok) return written;
      switch (written.value.kind) {
        case 'written':
          return ok({ kind: 'asked' });
        case 'superseded':
          return ok({ kind: 'gone' });
        case 'refused':
          return ok({ kind: 'refused', message: written.value.message });
      }
    },
  };
}

/** What names no UID was made by another controller; then it names the Task in a label. */
function isOf({ metadata: { annotations, labels } }: KubeObject, { system, name, uid }: TaskView): boolean {
  const owner = annotations?.[names.taskUidAnnotation];
  if (owner !== undefined) return owner === uid;
  return labels?.[system === 'kubeopencode' ? names.taskLabel : names.kubeTaskLabel] === name;
}

function newest(pods: readonly KubeObject[]): KubeObject | undefined {
  const born = ({ metadata }: KubeObject): string => metadata.creationTimestamp ?? '';
  return pods.toSorted((a, b) => born(b).localeCompare(born(a)))[0];
}

/** Its status may be written by others too, and a terminal shows what is said here. */
function notBegun({ phase, why }: TaskView): string {
  const said = (otherwise: string): string => quoted(why?.message ?? otherwise, 1_024);
  if (phase === 'Queued') return `It is queued and has no Pod yet: ${said('it waits for its Agent')}.`;
  if (phase === 'Failed') return `It has failed before it had a Pod: ${said('no reason is given')}.`;
  return phase === 'Completed' ? 'It was stopped before it had a Pod.' : 'It has no Pod yet.';
}

type ContainerState = { readonly name: string; readonly state: string; readonly exitCode?: number };

function logOfPod(pod: KubeObject): TaskLog {
  const { namespace = '', name } = pod.metadata;
  const place: Place = { namespace, name };
  const status = new Seen(pod['status']);
  const [agent] = containersOf(status, 'containerStatuses').filter((one) => one.name === names.agentContainer);
  if (agent?.state === 'running' || agent?.state === 'terminated')
    return { kind: 'container', from: { ...place, container: names.agentContainer }, isFailedInit: false };
  const init = containersOf(status, 'initContainerStatuses');
  const failed = init.find(({ state, exitCode }) => state === 'terminated' && exitCode !== 0);
  if (failed !== undefined)
    return { kind: 'container', from: { ...place, container: failed.name }, isFailedInit: true };
  return { kind: 'none', why: `Its Pod ${namespace}/${name} has not begun: ${whyNot(pod, init)}.` };
}

function whyNot(pod: KubeObject, init: readonly ContainerState[]): string {
  const running = init.find(({ state }) => state === 'running');
  if (running !== undefined) return `init container ${quoted(running.name, 63)} is running`;
  const { waiting } = troubleOfPod(pod, [names.agentContainer]);
  if (waiting === undefined) return 'its containers are being made';
  return quoted(`${waiting.reason}: ${waiting.message}`, 1_024).replace(/[.:\s]+$/, '');
}

/** core/v1 ContainerStatus */
function containersOf(status: Seen, list: string): readonly ContainerState[] {
  return status.list(list).map((container) => {
    const state = new Seen(container.raw('state'));
    const known = ['running', 'terminated', 'waiting'].find((one) => state.raw(one) !== undefined);
    const exitCode = new Seen(state.raw('terminated')).number('exitCode');
    return { name: container.text('name') ?? '', state: known ?? 'waiting', ...defined('exitCode', exitCode) };
  });
}
