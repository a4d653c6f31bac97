/** What is made for Tasks and Agents as users write them, from their text to the objects in the cluster. */
import type { Agent, ConfigMaps, SystemConfig, TaskProblem } from '../../src/agents/model.ts';
import { mergeTemplate } from '../../src/agents/merge-template.ts';
import { parseAgent } from '../../src/agents/parse-agent.ts';
import { parseSystemConfig } from '../../src/agents/parse-config.ts';
import { parseKubeTaskAgent } from '../../src/agents/parse-kube-task-agent.ts';
import { parseKubeTask } from '../../src/agents/parse-kube-task.ts';
import { parseTask } from '../../src/agents/parse-task.ts';
import { parseTaskTemplate } from '../../src/agents/parse-template.ts';
import { kubeTaskConfigMap } from '../../src/agents/kube-task-config-map.ts';
import { kubeTaskJob } from '../../src/agents/kube-task-job.ts';
import { layOutKubeTask } from '../../src/agents/kube-task-workspace.ts';
import { serverConfigMap, serverDeployment, serverService, serverWork } from '../../src/agents/server.ts';
import { taskConfigMap } from '../../src/agents/task-config-map.ts';
import { taskNames } from '../../src/agents/task-names.ts';
import { taskPod } from '../../src/agents/task-pod.ts';
import { workProblem } from '../../src/agents/work-problem.ts';
import { layOut } from '../../src/agents/workspace.ts';
import type { NewObject } from '../../src/kernel/kube-object.ts';
import type { Result } from '../../src/kernel/result.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { configMaps } from './workspace-work.ts';

export interface Given {
  readonly agent?: object;
  readonly agentNamespace?: string;
  readonly task?: object;
  readonly template?: object;
  /** By `namespace/name`. */
  readonly configMaps?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface Made {
  readonly pod: NewObject;
  readonly configMap?: NewObject;
  /** Of that ConfigMap. */
  readonly data: Readonly<Record<string, string>>;
}

const openCode = 'kubeopencode.io/v1alpha1';
const kubeTask = 'kubetask.io/v1alpha1';

function written(apiVersion: string, kind: string, name: string, spec: object, namespace = 'default'): object {
  const metadata = { name, namespace, uid: `${name}-uid`, creationTimestamp: '2026-01-01T00:00:00Z', generation: 1 };
  return { apiVersion, kind, metadata, spec };
}

function valueOf<T>(result: Result<T, TaskProblem>): T {
  if (!result.ok) throw new Refused(result.failure);
  return result.value;
}

/** What the Task would fail with. */
export class Refused extends Error {
  readonly problem: TaskProblem;

  constructor(problem: TaskProblem) {
    super(`${problem.reason}: ${problem.message}`);
    this.problem = problem;
  }
}

const systemConfig = (): SystemConfig =>
  valueOf(parseSystemConfig(undefined, { systemImage: 'quay.io/kubeopencode/kubeopencode:latest' }));

function mapsOf(given: Given['configMaps'] = {}): ConfigMaps {
  return configMaps(Object.fromEntries(Object.entries(given).map(([place, data]) => [place, { data }])));
}

function agentOf({ agent: spec = {}, agentNamespace = 'default' }: Given): Agent {
  const usual = { serviceAccountName: 'test-sa', workspaceDir: '/workspace' };
  return valueOf(parseAgent(written(openCode, 'Agent', 'test-agent', { ...usual, ...spec }, agentNamespace)));
}

/** Task `test-task` of namespace `default`. */
export function madeForTask(given: Given): Made {
  const owner = agentOf(given);
  const task = valueOf(parseTask(written(openCode, 'Task', 'test-task', given.task ?? {})));
  const template = given.template && written(openCode, 'TaskTemplate', 'test-template', given.template);
  const merged = mergeTemplate(task, template && valueOf(parseTaskTemplate(template)));
  const ofAgent = owner.contexts.map((item) => ({ item, namespace: owner.namespace }));
  const work = { task, ...merged, agent: owner, contexts: [...ofAgent, ...merged.contexts] };
  const config = systemConfig();
  const workspace = valueOf(layOut(work, mapsOf(given.configMaps), config.allowedUrlHosts));
  const problem = workProblem(work, workspace);
  if (problem !== undefined) throw new Refused(problem);
  const names = taskNames(work, 'plain');
  const configMap = taskConfigMap(work, workspace, names);
  return { pod: taskPod(work, workspace, names, config), ...filesOf(configMap) };
}

export function madeForServer(given: Given): { readonly deployment: NewObject; readonly service: NewObject } & Files {
  const owner = agentOf(given);
  const config = systemConfig();
  const workspace = valueOf(layOut(serverWork(owner), mapsOf(given.configMaps), config.allowedUrlHosts));
  return {
    deployment: serverDeployment(owner, workspace, config),
    service: serverService(owner),
    ...filesOf(serverConfigMap(owner, workspace)),
  };
}

export function madeForKubeTask(given: Given): { readonly job: NewObject } & Files {
  const usual = { serviceAccountName: 'test-sa' };
  const owner = valueOf(
    parseKubeTaskAgent(written(kubeTask, 'Agent', 'test-agent', { ...usual, ...given.agent }, 'default')),
  );
  const task = valueOf(parseKubeTask(written(kubeTask, 'Task', 'test-task', { contexts: [], ...given.task })));
  const workspace = valueOf(layOutKubeTask({ task, agent: owner }, mapsOf(given.configMaps)));
  return { job: kubeTaskJob(task, owner, workspace), ...filesOf(kubeTaskConfigMap(task, workspace)) };
}

type Files = Pick<Made, 'configMap' | 'data'>;

function filesOf(configMap: NewObject | undefined): Files {
  if (configMap === undefined) return { data: {} };
  const entries = Object.entries(asRecord(configMap['data']) ?? {}).map(([key, text]) => [key, String(text)] as const);
  return { configMap, data: Object.fromEntries(entries) };
}
