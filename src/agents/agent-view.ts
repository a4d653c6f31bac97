/** Agents of both systems as people are shown them: what they can take, what they do, what is wrong. */
import { defined } from '../kernel/defined.ts';
import type { Kind, KubeObject } from '../kernel/kube-object.ts';
import { Seen } from '../workflow/seen.ts';
import { agentKinds } from './kinds.ts';
import type { Agent, Place, System } from './model.ts';
import { parseAgent } from './parse-agent.ts';
import { parseKubeTaskAgent } from './parse-kube-task-agent.ts';
import { readMetadata } from './parse-metadata.ts';
import { parseTaskStarts } from './parse-status.ts';
import type { TaskView } from './task-view.ts';

export const agentKindOf: Readonly<Record<System, Kind>> = {
  kubeopencode: agentKinds.agent,
  kubetask: agentKinds.kubeTaskAgent,
};

export interface AgentView extends Place {
  readonly system: System;
  readonly createdAt: string;
  readonly running: number;
  readonly queued: number;
  /** Why no Task can use it. */
  readonly problem?: string;
  /** Absent: nobody knows, it cannot be read. */
  readonly settings?: AgentSettings;
}

export interface AgentSettings {
  /** A Pod or a Job for each Task, or a server that Tasks attach to. */
  readonly mode: 'pod' | 'job' | 'server';
  readonly images: readonly (readonly [use: string, image: string])[];
  readonly serviceAccountName: string;
  readonly maxConcurrentTasks?: number;
  readonly quota?: { readonly max: number; readonly windowSeconds: number; readonly used: number };
  readonly server?: ServerView;
}

export interface ServerView {
  readonly port: number;
  readonly url?: string;
  readonly isReady: boolean;
  readonly readyReplicas: number;
  /** Of condition ServerReady; absent: not said yet. */
  readonly why?: { readonly reason: string; readonly message: string };
}

/** `tasks`: as many as may be seen. */
export function viewAgent(system: System, object: KubeObject, tasks: readonly TaskView[], now: Date): AgentView {
  const { namespace, name, createdAt } = readMetadata(object);
  const count = (phase: TaskView['phase']): number =>
    tasks.filter(
      (task) =>
        task.system === system &&
        task.phase === phase &&
        task.agent.name === name &&
        task.agent.namespace === namespace,
    ).length;
  const common = { system, namespace, name, createdAt, running: count('Running'), queued: count('Queued') };
  const settings = system === 'kubeopencode' ? settingsOf(object, now) : settingsOfKubeTask(object);
  return typeof settings === 'string' ? { ...common, problem: settings } : { ...common, settings };
}

function settingsOf(object: KubeObject, now: Date): AgentSettings | string {
  const parsed = parseAgent(object);
  if (!parsed.ok) return parsed.failure.message;
  const { agentImage, executorImage, attachImage, serviceAccountName, maxConcurrentTasks, server } = parsed.value;
  const images = [
    ['agent', agentImage],
    ['executor', executorImage],
  ] as const;
  return {
    mode: server === undefined ? 'pod' : 'server',
    images: server === undefined ? images : [...images, ['attach', attachImage]],
    serviceAccountName,
    ...defined('maxConcurrentTasks', maxConcurrentTasks),
    ...defined('quota', quotaOf(parsed.value, object, now)),
    ...defined('server', server && serverOf(server.port, object)),
  };
}

function settingsOfKubeTask(object: KubeObject): AgentSettings | string {
  const parsed = parseKubeTaskAgent(object);
  if (!parsed.ok) return parsed.failure.message;
  const { agentImage, toolsImage, serviceAccountName } = parsed.value;
  const images = [
    ['agent', agentImage] as const,
    ...(toolsImage === undefined ? [] : [['tools', toolsImage] as const]),
  ];
  return { mode: 'job', images, serviceAccountName };
}

function quotaOf({ quota }: Agent, object: KubeObject, now: Date): AgentSettings['quota'] {
  if (quota === undefined) return undefined;
  const { maxTaskStarts: max, windowSeconds } = quota;
  const since = now.getTime() - windowSeconds * 1_000;
  const used = parseTaskStarts(object).filter(({ startTime }) => Date.parse(startTime) > since).length;
  return { max, windowSeconds, used };
}

function serverOf(port: number, object: KubeObject): ServerView {
  const status = new Seen(object['status']);
  const server = new Seen(status.raw('serverStatus'));
  const ready = status.list('conditions').find((condition) => condition.text('type') === 'ServerReady');
  const why = ready && { reason: ready.text('reason') ?? '', message: ready.text('message') ?? '' };
  return {
    port,
    ...defined('url', server.text('url')),
    isReady: ready?.text('status') === 'True',
    readyReplicas: server.number('readyReplicas') ?? 0,
    ...defined('why', why),
  };
}
