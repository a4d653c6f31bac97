import { describe, expect, test } from 'vitest';
import { agentTasks, watchedTaskObjects } from '../../../src/adapters/kubernetes/agent-tasks.ts';
import { agentKinds } from '../../../src/agents/kinds.ts';
import { names, type System } from '../../../src/agents/model.ts';
import type { TaskView } from '../../../src/agents/task-view.ts';
import type { Result } from '../../../src/kernel/result.ts';
import type { AgentTasks, TaskLog } from '../../../src/ports/agent-tasks.ts';
import { fakeCluster, type FakeCluster } from '../../fakes/fake-cluster.ts';
import {
  condition,
  kubeTask,
  kubeTaskAgent,
  openCodeAgent,
  openCodeTask,
  putKeptLog,
  putPod,
  running,
} from '../../fakes/tasks.ts';

const now = Date.parse('2026-01-02T04:00:00Z');
const { signal } = new AbortController();

interface World {
  readonly cluster: FakeCluster;
  readonly tasks: AgentTasks;
}

function world(): World {
  const cluster = fakeCluster({ now: () => now });
  return { cluster, tasks: agentTasks(watchedTaskObjects(cluster), { now: () => new Date(now) }) };
}

function the<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.failure.message);
  return result.value;
}

async function view({ tasks }: World, name: string, system: System = 'kubeopencode'): Promise<TaskView> {
  const found = the(await tasks.find({ system, namespace: 'shop', name }, signal));
  if (found === undefined) throw new Error(`no Task ${name}`);
  return found;
}

async function logOf(of: World, name: string, system: System = 'kubeopencode'): Promise<TaskLog> {
  return the(await of.tasks.findLog(await view(of, name, system), signal));
}

describe('a Task', () => {
  test.each([
    ['one that nobody has looked at', {}, undefined, ['Pending', undefined]],
    [
      'one that waits',
      {},
      { phase: 'Queued', conditions: [condition('Queued', 'True', 'AgentAtCapacity', 'Waiting (max: 2)')] },
      ['Queued', 'AgentAtCapacity'],
    ],
    [
      'one that has waited',
      {},
      { ...running, conditions: [condition('Queued', 'False', 'CapacityAvailable', '')] },
      ['Running', undefined],
    ],
    [
      'one that has failed',
      {},
      { phase: 'Failed', conditions: [condition('Ready', 'False', 'AgentError', 'no Agent "x"')] },
      ['Failed', 'AgentError'],
    ],
    [
      'one that was stopped',
      { annotations: { [names.stopAnnotation]: 'true' } },
      { phase: 'Completed', conditions: [condition('Stopped', 'True', 'UserStopped', 'stopped')] },
      ['Completed', 'UserStopped'],
    ],
  ])('%s', async (_what, metadata, status, [phase, reason]) => {
    const of = world();
    of.cluster.put(openCodeTask('one', { ...metadata, ...(status && { status }) }));
    const shown = await view(of, 'one');
    expect([shown.phase, shown.why?.reason, shown.isStopping]).toEqual([phase, reason, false]);
  });

  test.each([
    [{}, {}, 'shop/default'],
    [{ agentRef: 'opencode' }, {}, 'shop/opencode'],
    [{ agentRef: { name: 'opencode', namespace: 'agents' } }, {}, 'agents/opencode'],
    [{ templateRef: 'a' }, { labels: { [names.agentLabel]: 'of-the-template' } }, 'shop/of-the-template'],
    [{ agentRef: 7, contexts: 'none' }, {}, 'shop/default'],
  ])('with spec %j has an Agent', async (spec, metadata, agent) => {
    const of = world();
    of.cluster.put(openCodeTask('one', { spec, ...metadata }));
    const shown = await view(of, 'one');
    expect(`${shown.agent.namespace}/${shown.agent.name}`).toBe(agent);
  });

  test('is listed by system and namespace; a system that the cluster does not have is none', async () => {
    const { cluster, tasks } = world();
    for (const namespace of ['shop', 'other']) cluster.put(openCodeTask('one', { namespace }));
    cluster.unserve(agentKinds.kubeTask);
    expect(the(await tasks.list('kubeopencode', undefined, signal))).toHaveLength(2);
    expect(the(await tasks.list('kubeopencode', 'shop', signal))).toHaveLength(1);
    expect(the(await tasks.list('kubetask', undefined, signal))).toBeUndefined();
  });
});

describe('the log of a Task', () => {
  const started = (name: string) => ({ status: { ...running, podName: `${name}-pod`, podNamespace: 'shop' } });

  test('is that of its Pod, wherever that is', async () => {
    const of = world();
    const status = { ...running, podName: 'shop-one-pod', podNamespace: 'agents' };
    putPod(of.cluster, of.cluster.put(openCodeTask('one', { status })), { namespace: 'agents', name: 'shop-one-pod' });
    expect(await logOf(of, 'one')).toEqual({
      kind: 'container',
      from: { namespace: 'agents', name: 'shop-one-pod', container: 'agent' },
      isFailedInit: false,
    });
  });

  test('is that of the init container that has failed', async () => {
    const of = world();
    putPod(of.cluster, of.cluster.put(openCodeTask('one', started('one'))), {
      state: { waiting: { reason: 'PodInitializing' } },
      init: { 'opencode-init': { terminated: { exitCode: 0 } }, 'git-init-0': { terminated: { exitCode: 128 } } },
    });
    expect(await logOf(of, 'one')).toMatchObject({ from: { container: 'git-init-0' }, isFailedInit: true });
  });

  test.each([
    [
      { waiting: { reason: 'PodInitializing' } },
      { 'git-init-0': { running: {} } },
      'init container git-init-0 is running',
    ],
    [{ waiting: { reason: 'ImagePullBackOff', message: 'not found' } }, {}, 'ImagePullBackOff: not found'],
    [{ waiting: { reason: 'ContainerCreating' } }, {}, 'its containers are being made'],
  ])('is none while its container is %j', async (state, init, why) => {
    const of = world();
    putPod(of.cluster, of.cluster.put(openCodeTask('one', started('one'))), { state, init });
    expect(await logOf(of, 'one')).toEqual({ kind: 'none', why: `Its Pod shop/one-pod has not begun: ${why}.` });
  });

  test('is what was kept when the Pod is gone', async () => {
    const of = world();
    putKeptLog(of.cluster, of.cluster.put(openCodeTask('one', started('one'))), 'the end');
    expect(await logOf(of, 'one')).toEqual({
      kind: 'kept',
      from: { namespace: 'shop', name: 'one-log' },
      text: 'the end',
    });
  });

  test("is not that of somebody else's Pod or ConfigMap of the name", async () => {
    const of = world();
    const task = of.cluster.put(openCodeTask('one', { status: { phase: 'Failed', podName: 'one-pod' } }));
    const foreign = { ...task, metadata: { ...task.metadata, uid: 'another' } };
    putPod(of.cluster, foreign);
    putKeptLog(of.cluster, foreign, 'secret');
    expect(await logOf(of, 'one')).toEqual({ kind: 'none', why: 'Its Pod is gone, and its log was not kept.' });
  });

  test('is that of a Pod which another controller has made, by its labels', async () => {
    const of = world();
    putPod(of.cluster, of.cluster.put(openCodeTask('one', started('one'))), { annotations: {} });
    expect(await logOf(of, 'one')).toMatchObject({ kind: 'container' });
  });

  test('is that of the newest Pod of its Job', async () => {
    const of = world();
    const task = of.cluster.put(kubeTask('one', { status: { ...running, jobName: 'one-job' } }));
    putPod(of.cluster, task, { name: 'one-job-abcde' });
    expect(await logOf(of, 'one', 'kubetask')).toMatchObject({ from: { name: 'one-job-abcde', container: 'agent' } });
  });

  test.each([
    [undefined, 'It has no Pod yet.'],
    [
      { phase: 'Queued', conditions: [condition('Queued', 'True', 'QuotaExceeded', 'Waiting for quota')] },
      'It is queued and has no Pod yet: Waiting for quota.',
    ],
    [
      { phase: 'Failed', conditions: [condition('Ready', 'False', 'AgentError', 'no such Agent')] },
      'It has failed before it had a Pod: no such Agent.',
    ],
    [{ phase: 'Completed' }, 'It was stopped before it had a Pod.'],
    [{ ...running, podName: 'one-pod' }, 'Its Pod is not there yet.'],
  ])('with status %j is none', async (status, why) => {
    const of = world();
    of.cluster.put(openCodeTask('one', status && { status }));
    expect(await logOf(of, 'one')).toEqual({ kind: 'none', why });
  });
});

describe('a stop', () => {
  test('is an annotation', async () => {
    const of = world();
    of.cluster.put(openCodeTask('one', { status: running }));
    expect(the(await of.tasks.stop(await view(of, 'one'), signal))).toEqual({ kind: 'asked' });
    expect(await view(of, 'one')).toMatchObject({ isStopping: true, phase: 'Running' });
  });

  test('is none of what has ended, is gone, or is another Task of the name', async () => {
    const of = world();
    of.cluster.put(openCodeTask('done', { status: { phase: 'Completed' } }));
    expect(the(await of.tasks.stop(await view(of, 'done'), signal))).toEqual({ kind: 'ended' });
    of.cluster.put(openCodeTask('one', { status: running }));
    const former = { ...(await view(of, 'one')), uid: 'former' };
    expect(the(await of.tasks.stop(former, signal))).toMatchObject({ kind: 'refused' });
    of.cluster.drop({ kind: agentKinds.task, namespace: 'shop', name: 'done' });
    expect(the(await of.tasks.stop({ ...former, name: 'done' }, signal))).toEqual({ kind: 'gone' });

    expect((await view(of, 'one')).isStopping).toBe(false);
  });

  test('may be refused', async () => {
    const of = world();
    of.cluster.put(openCodeTask('one', { status: running }));
    const task = await view(of, 'one');
    of.cluster.refuse = () => ({ status: 403, message: 'a webhook says no' });
    expect(the(await of.tasks.stop(task, signal))).toEqual({ kind: 'refused', message: 'a webhook says no' });
  });
});

describe('Agents', () => {
  test('have Tasks of all namespaces, and starts within their window', async () => {
    const { cluster, tasks } = world();
    const start = (minutes: number) => ({
      taskName: 'a',
      taskNamespace: 'shop',
      startTime: new Date(now - minutes * 60_000).toISOString(),
    });
    cluster.put(
      openCodeAgent('opencode', {
        namespace: 'agents',
        spec: { maxConcurrentTasks: 2, quota: { maxTaskStarts: 5, windowSeconds: 600 } },
        status: { taskStartHistory: [start(1), start(5), start(60)] },
      }),
    );
    for (const [namespace, phase] of [
      ['shop', 'Running'],
      ['other', 'Running'],
      ['shop-2', 'Queued'],
      ['shop-3', 'Completed'],
    ])
      cluster.put(
        openCodeTask('one', {
          ...(namespace !== undefined && { namespace }),
          spec: { agentRef: { name: 'opencode', namespace: 'agents' } },
          status: { phase },
        }),
      );
    expect(the(await tasks.agents('kubeopencode', 'agents', signal))).toMatchObject([
      {
        name: 'opencode',
        running: 2,
        queued: 1,
        settings: { mode: 'pod', maxConcurrentTasks: 2, quota: { max: 5, windowSeconds: 600, used: 2 } },
      },
    ]);
  });

  test('with a server say how it is', async () => {
    const { cluster, tasks } = world();
    const status = {
      serverStatus: { url: 'http://opencode.shop.svc.cluster.local:4096', readyReplicas: 0 },
      conditions: [condition('ServerReady', 'False', 'DeploymentNotReady', 'no replica')],
    };
    cluster.put(openCodeAgent('opencode', { spec: { serverConfig: {} }, status }));
    expect(the(await tasks.agents('kubeopencode', undefined, signal))?.[0]?.settings).toMatchObject({
      mode: 'server',
      server: { port: 4096, isReady: false, readyReplicas: 0, why: { reason: 'DeploymentNotReady' } },
    });
  });

  test('of KubeTask have images and a Job for each Task', async () => {
    const { cluster, tasks } = world();
    cluster.put(kubeTaskAgent('default', { spec: { agentImage: 'a/b:1', toolsImage: 'c/d:2' } }));
    expect(the(await tasks.agents('kubetask', undefined, signal))?.[0]?.settings).toMatchObject({
      mode: 'job',
      images: [
        ['agent', 'a/b:1'],
        ['tools', 'c/d:2'],
      ],
    });
  });

  test('that nothing can use say why', async () => {
    const { cluster, tasks } = world();
    cluster.put(openCodeAgent('broken', { spec: { serviceAccountName: '' } }));
    const [agent] = the(await tasks.agents('kubeopencode', undefined, signal)) ?? [];
    expect(agent?.problem).toContain('serviceAccountName');
    expect(agent?.settings).toBeUndefined();
  });
});
