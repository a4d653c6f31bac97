/** Tasks and Agents in every state, to be looked at. */
import { agentTasks, watchedTaskObjects } from '../../src/adapters/kubernetes/agent-tasks.ts';
import type { AgentTasks } from '../../src/ports/agent-tasks.ts';
import { fakeCluster, type FakeCluster } from '../fakes/fake-cluster.ts';
import { condition, kubeTask, kubeTaskAgent, openCodeAgent, openCodeTask, putPod, running } from '../fakes/tasks.ts';

const now = Date.parse('2026-01-02T04:04:05Z');

export function tasksOf(cluster: FakeCluster): AgentTasks {
  return agentTasks(watchedTaskObjects(cluster), { now: () => new Date(now) });
}

const agentRef = { name: 'opencode-with-quite-a-long-name', namespace: 'agents' };

const states = [
  { phase: 'Queued', conditions: [condition('Queued', 'True', 'AgentAtCapacity', 'Waiting for agent (max: 2)')] },
  { ...running, podName: 'pod', podNamespace: 'agents' },
  { phase: 'Completed', conditions: [condition('Stopped', 'True', 'UserStopped', 'Task stopped by user')] },
  {
    ...running,
    phase: 'Failed',
    completionTime: '2026-01-02T03:14:05Z',
    podName: 'pod',
    podNamespace: 'agents',
    conditions: [
      condition(
        'Ready',
        'False',
        'InitFailed',
        'Init container git-init-0 has failed with exit code 128: the repository https://git.example/a-group/with-a-project/whose-name-is-long.git cannot be cloned.',
      ),
    ],
  },
  undefined,
];

const contexts = [
  { name: 'guide', type: 'ConfigMap', mountPath: 'guides', configMap: { name: 'guides' } },
  { name: 'source', type: 'Git', mountPath: 'source', git: { repository: 'https://git.example/shop/web.git' } },
];

export function manyTasks(): AgentTasks {
  let created = now - 7 * 86_400_000;
  const cluster = fakeCluster({ now: () => created });
  putAgents(cluster);
  for (let index = 0; index < 130; index += 1) {
    created += 4_000_000;
    const name = `task-${index}`;
    const state = states[index % states.length];
    const status = state && ('podName' in state ? { ...state, podName: `${name}-pod` } : state);
    const spec = { description: `Update service ${index}\nand its tests.`, contexts, agentRef };
    const task = cluster.put(openCodeTask(name, { spec, ...(status && { status }) }));
    if (state === undefined || !('podName' in state)) continue;
    const failed = { 'git-init-0': { terminated: { exitCode: 128 } } };
    const other = state.phase === 'Failed' ? { state: {}, init: failed } : {};
    putPod(cluster, task, { namespace: 'agents', name: `${name}-pod`, ...other });
    cluster.setLog(
      { namespace: 'agents', name: `${name}-pod` },
      `\u001b[32mcloning\u001b[0m\n${'a long line '.repeat(30)}\n`,
    );
  }
  cluster.put(kubeTask('nightly-report', { status: { ...running, jobName: 'nightly-report-job' } }));
  const elsewhere = { phase: 'Completed', podName: 'log-is-elsewhere-pod', podNamespace: 'secret' };
  cluster.put(openCodeTask('log-is-elsewhere', { namespace: 'elsewhere', status: elsewhere }));
  return tasksOf(cluster);
}

function putAgents(cluster: FakeCluster): void {
  const quota = { maxTaskStarts: 5, windowSeconds: 600 };
  cluster.put(openCodeAgent(agentRef.name, { namespace: agentRef.namespace, spec: { maxConcurrentTasks: 2, quota } }));
  const url = 'http://server.agents.svc.cluster.local:4096';
  const ready = [condition('ServerReady', 'True', 'DeploymentReady', 'ready')];
  const waits = [condition('ServerReady', 'False', 'DeploymentNotReady', 'no replica of the server is ready')];
  const server = { namespace: 'agents', spec: { serverConfig: {} } };
  cluster.put(
    openCodeAgent('server', { ...server, status: { serverStatus: { url, readyReplicas: 1 }, conditions: ready } }),
  );
  cluster.put(
    openCodeAgent('slow', { ...server, status: { serverStatus: { url, readyReplicas: 0 }, conditions: waits } }),
  );
  cluster.put(openCodeAgent('broken', { spec: { serviceAccountName: '' } }));
  cluster.put(kubeTaskAgent('default', { spec: { toolsImage: 'registry.example/tools:v1' } }));
}
