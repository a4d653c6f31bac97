/** What Tekton 1.15 writes, a round at a time: claims, TaskRuns in the order of runAfter, their Pods, and how all of it ends. */
import type { KubeObject, NewObject } from '../../src/kernel/kube-object.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { kinds } from '../../src/workflow/kinds.ts';
import type { FakeCluster } from './fake-cluster.ts';

type Members = Readonly<Record<string, unknown>>;

/** How a step ends; `stays`: it goes on and on. */
export type TaskEnding =
  | { readonly kind: 'succeeds'; readonly outputs?: string }
  | { readonly kind: 'fails'; readonly reason: string; readonly message: string; readonly container?: Members }
  | { readonly kind: 'stays'; readonly pod?: Members };

export interface FakeTekton {
  /** TaskRuns that began, as PipelineRun/task. */
  readonly runs: readonly string[];
  /** Everybody does one thing. */
  round(): void;
}

export function fakeTekton(
  cluster: FakeCluster,
  { now, ending }: { readonly now: () => number; readonly ending: (task: string) => TaskEnding },
): FakeTekton {
  const runs: string[] = [];
  const time = (): string => new Date(now()).toISOString().replace(/\.\d+Z$/, 'Z');
  const condition = (status: string, reason: string, message = ''): object => ({
    type: 'Succeeded',
    status,
    reason,
    message,
  });

  function child(
    owner: KubeObject,
    kind: (typeof kinds)['pod' | 'taskRun' | 'claim'],
    name: string,
    more: object,
  ): void {
    const { apiVersion, kind: ownerKind, metadata } = owner;
    const reference = { apiVersion, kind: ownerKind, name: metadata.name, uid: metadata.uid, controller: true };
    const object: NewObject = {
      apiVersion: kind.apiVersion,
      kind: kind.kind,
      ...more,
      metadata: {
        name,
        namespace: metadata.namespace ?? '',
        ownerReferences: [reference],
        labels: { ...metadata.labels, ...textsIn(asRecord(more)?.['labels']) },
      },
    };
    cluster.put(object);
  }

  function advance(pipelineRun: KubeObject): void {
    const spec = asRecord(pipelineRun['spec']) ?? {};
    const isCancelled = spec['status'] === 'Cancelled';
    const taskRuns = cluster.ownedBy(kinds.taskRun, pipelineRun.metadata.uid, String(pipelineRun.metadata.namespace));
    const open = taskRuns.filter((taskRun) => outcomeOf(taskRun) === 'Unknown');
    for (const taskRun of open) {
      if (isCancelled) endTaskRun(taskRun, condition('False', 'TaskRunCancelled', 'TaskRun was cancelled'));
      else advanceTaskRun(taskRun);
    }
    const hasFailed = taskRuns.some((taskRun) => outcomeOf(taskRun) === 'False');
    const tasks = isCancelled || hasFailed ? [] : tasksOf(spec).filter((task) => isReady(task, taskRuns));
    for (const task of tasks) start(pipelineRun, task);
    if (open.length > 0 || tasks.length > 0) return;
    const isDone = tasksOf(spec).every(({ name }) => taskRuns.some((one) => taskOf(one) === name && succeededIn(one)));
    if (isDone) endRun(pipelineRun, condition('True', 'Succeeded'));
    else if (isCancelled) endRun(pipelineRun, condition('False', 'Cancelled', 'PipelineRun was cancelled'));
    else if (hasFailed) endRun(pipelineRun, condition('False', 'Failed', 'Tasks Completed: 1 (Failed: 1)'));
  }

  function start(pipelineRun: KubeObject, task: Members): void {
    const name = `${pipelineRun.metadata.name}-${String(task['name'])}`;
    runs.push(`${pipelineRun.metadata.name}/${String(task['name'])}`);
    child(pipelineRun, kinds.taskRun, name, { labels: { 'tekton.dev/pipelineTask': String(task['name']) } });
  }

  function advanceTaskRun(taskRun: KubeObject): void {
    const status = asRecord(taskRun['status']) ?? {};
    const podName = `${taskRun.metadata.name}-pod`;
    const how = ending(taskOf(taskRun));
    if (status['startTime'] === undefined) {
      const pod = how.kind === 'stays' ? how.pod : { phase: 'Running' };
      child(taskRun, kinds.pod, podName, { status: pod ?? { phase: 'Running' } });
      set(taskRun, { startTime: time(), podName, conditions: [condition('Unknown', 'Running')] });
    } else if (how.kind === 'fails') {
      const containerStatuses = [{ name: 'step-execute', state: { terminated: how.container } }];
      const place = { kind: kinds.pod, namespace: taskRun.metadata.namespace ?? '', name: podName };
      if (how.container !== undefined) cluster.setStatus(place, { phase: 'Failed', containerStatuses });
      endTaskRun(taskRun, condition('False', how.reason, how.message));
    } else if (how.kind === 'succeeds') {
      const results = how.outputs === undefined ? [] : [{ name: 'outputs', type: 'string', value: how.outputs }];
      endTaskRun(taskRun, condition('True', 'Succeeded'), { results });
    }
  }

  function endTaskRun(taskRun: KubeObject, ended: object, more: object = {}): void {
    set(taskRun, { ...asRecord(taskRun['status']), completionTime: time(), conditions: [ended], ...more });
  }

  function endRun(pipelineRun: KubeObject, ended: object): void {
    set(pipelineRun, { startTime: time(), completionTime: time(), conditions: [ended] });
  }

  function set({ apiVersion, kind, metadata }: KubeObject, status: object): void {
    const of = kind === 'TaskRun' ? kinds.taskRun : kinds.pipelineRun;
    if (of.apiVersion !== apiVersion) throw new Error(`${apiVersion} is not served`);
    cluster.setStatus({ kind: of, namespace: metadata.namespace ?? '', name: metadata.name }, status);
  }

  function makeClaim(pipelineRun: KubeObject): void {
    const workspaces = asRecord(pipelineRun['spec'])?.['workspaces'];
    if (!Array.isArray(workspaces) || asRecord(pipelineRun['status'])?.['conditions'] !== undefined) return;
    const template = asRecord(asRecord(workspaces[0])?.['volumeClaimTemplate']);
    const labels = asRecord(template?.['metadata'])?.['labels'];
    child(pipelineRun, kinds.claim, `pvc-${pipelineRun.metadata.uid.slice(-6)}`, { labels });
    set(pipelineRun, { conditions: [condition('Unknown', 'Running')] });
  }

  return {
    runs,
    round() {
      for (const pipelineRun of cluster.all(kinds.pipelineRun)) {
        if (outcomeOf(pipelineRun) !== 'Unknown') continue;
        makeClaim(pipelineRun);
        advance(pipelineRun);
      }
    },
  };
}

function tasksOf(spec: Members): readonly Members[] {
  const tasks = asRecord(spec['pipelineSpec'])?.['tasks'];
  return Array.isArray(tasks) ? tasks.map((task: unknown) => asRecord(task) ?? {}) : [];
}

function isReady({ name, runAfter }: Members, taskRuns: readonly KubeObject[]): boolean {
  const parents: readonly unknown[] = Array.isArray(runAfter) ? runAfter : [];
  const isDone = (task: unknown): boolean => taskRuns.some((one) => taskOf(one) === task && succeededIn(one));
  return !taskRuns.some((one) => taskOf(one) === name) && parents.every(isDone);
}

function taskOf({ metadata }: KubeObject): string {
  return metadata.labels?.['tekton.dev/pipelineTask'] ?? '';
}

function succeededIn(run: KubeObject): boolean {
  return outcomeOf(run) === 'True';
}

function outcomeOf(run: KubeObject): string {
  const conditions = asRecord(run['status'])?.['conditions'];
  const status = asRecord(Array.isArray(conditions) ? conditions[0] : undefined)?.['status'];
  return typeof status === 'string' ? status : 'Unknown';
}

function textsIn(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(asRecord(value) ?? {}).map(([key, text]) => [key, String(text)]));
}
