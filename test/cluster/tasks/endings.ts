/** How Tasks end that are stopped, deleted, or cannot run: phase, reason, and that nothing of them stays behind. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ApiObject } from '../gate/api.ts';
import { until } from '../processes.ts';
import { startLostNode, type LostNode } from './lost-node.ts';
import { whyOf, type World } from './world.ts';

export function endings(place: () => World): void {
  let world: World;
  let elsewhere: string;
  let node: LostNode;

  beforeAll(async () => {
    world = place();
    elsewhere = await world.another();
    const { api } = world;
    await api.apply(
      world.agent('long', { command: ['sh', '-c', 'echo begun; trap "echo ended; exit 0" TERM; sleep 600 & wait'] }),
    );
    await api.apply(world.agent('one', { command: ['sleep', '600'], maxConcurrentTasks: 1 }));
    await api.apply(world.agent('fails', { command: ['sh', '-c', 'echo no; exit 3'] }));
    node = await startLostNode(api);
  }, 60_000);
  afterAll(() => node?.close());

  const podOf = async (task: ApiObject): Promise<ApiObject> => {
    const { podName = '', podNamespace = '' } = (await world.status(task)) ?? {};
    return { apiVersion: 'v1', kind: 'Pod', metadata: { name: podName, namespace: podNamespace } };
  };
  const isGone = async (object: ApiObject): Promise<boolean> => (await world.api.read(object)) === undefined;
  const runs = async (task: ApiObject): Promise<ApiObject> => {
    await world.reached(task, 'Running');
    const pod = await podOf(task);
    expect(await until(async () => (await world.log(task)).includes('begun'), 30_000)).toBe(true);
    return pod;
  };
  const stop = (task: ApiObject): Promise<unknown> =>
    world.api.merge(task, { metadata: { annotations: { 'kubeopencode.io/stop': 'true' } } });
  const stopped = { type: 'Stopped', status: 'True', reason: 'UserStopped' };
  /** What is made for Tasks, in all namespaces of this suite. */
  const left = async (name: string): Promise<readonly string[]> => {
    const kinds = [
      ['v1', 'pods'],
      ['v1', 'configmaps'],
      ['batch/v1', 'jobs'],
    ] as const;
    const lists = kinds.flatMap(([api, plural]) =>
      [world.namespace, elsewhere].map((ns) => world.list(api, plural, ns)),
    );
    return (await Promise.all(lists))
      .flat()
      .flatMap(({ metadata }) => (metadata.name.includes(name) ? [metadata.name] : []));
  };

  test('stopped while it runs: Completed, Stopped, its last words kept until it is deleted', async () => {
    const task = world.task('stop-running', { agentRef: { name: 'long' } });
    await world.api.create(task);
    const pod = await runs(task);
    await stop(task);
    const status = await world.ended(task);
    expect(status).toMatchObject({
      phase: 'Completed',
      conditions: expect.arrayContaining([expect.objectContaining(stopped)]),
    });
    expect(status.conditions.find(({ type }) => type === 'Stopped')?.message).toBe(
      'Task stopped by user via kubeopencode.io/stop annotation',
    );
    expect(await until(() => isGone(pod), 30_000)).toBe(true);
    const kept = await world.api.read(world.configMap('stop-running-log', {}));
    expect(kept).toMatchObject({ data: { 'agent.log': expect.stringContaining('begun') } });
    await world.api.remove(task);
    expect(await until(async () => (await left('stop-running')).length === 0, 30_000)).toBe(true);
  });

  test('stopped while it waits: Completed, Stopped, and nothing was ever made', async () => {
    const first = world.task('holds-the-slot', { agentRef: { name: 'one' } });
    const task = world.task('stop-queued', { agentRef: { name: 'one' } });
    await world.api.create(first);
    await world.reached(first, 'Running');
    await world.api.create(task);
    await world.reached(task, 'Queued');
    await stop(task);
    expect(await world.ended(task)).toMatchObject({
      phase: 'Completed',
      conditions: expect.arrayContaining([expect.objectContaining(stopped)]),
    });
    expect(await left('stop-queued')).toEqual([]);
    await world.api.remove(first);
    expect(await until(() => isGone(first), 60_000)).toBe(true);
  });

  test('spec.timeout: Completed, Stopped by Timeout', async () => {
    const task = world.task('times-out', { agentRef: { name: 'long' }, timeout: '3s' });
    await world.api.create(task);
    expect(await world.ended(task)).toMatchObject({
      phase: 'Completed',
      conditions: expect.arrayContaining([expect.objectContaining({ ...stopped, reason: 'Timeout' })]),
    });
  });

  test.each(['its own', 'another'] as const)('deleted while it runs in %s namespace', async (where) => {
    const namespace = where === 'another' ? elsewhere : world.namespace;
    const name = where === 'another' ? 'removed-there' : 'removed-here';
    const task = world.task(
      name,
      { agentRef: { name: 'long', namespace: world.namespace }, description: 'x' },
      { namespace },
    );
    await world.api.create(task);
    const pod = await runs(task);
    expect(pod.metadata.namespace).toBe(world.namespace);
    await world.api.remove(task);
    expect(await until(() => isGone(task), 60_000)).toBe(true);
    expect(await until(async () => (await left(name)).length === 0, 60_000)).toBe(true);
  });

  test('its Pod deleted by hand: Failed, and not run again', async () => {
    const task = world.task('pod-lost', { agentRef: { name: 'long' } });
    await world.api.create(task);
    const pod = await runs(task);
    await world.api.remove(pod);
    const status = await world.ended(task);
    expect([status.phase, whyOf(status).reason]).toEqual(['Failed', 'PodLost']);
    expect(await until(() => isGone(pod), 30_000)).toBe(true);
  });

  test('its Job deleted by hand: Failed, and not run again', async () => {
    await world.api.apply(world.kubeTaskAgent('sleeper', { agentImage: world.image('sleeper', 'sleep 600') }));
    const task = world.kubeTask('job-lost', { agentRef: 'sleeper' });
    await world.api.create(task);
    await world.reached(task, 'Running');
    const job: ApiObject = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'job-lost-job', namespace: world.namespace },
    };
    await world.api.remove(job);
    const status = await world.ended(task);
    expect([status.phase, whyOf(status).reason]).toEqual(['Failed', 'PodLost']);
    expect(await until(async () => (await left('job-lost')).every((name) => !name.includes('-job')), 30_000)).toBe(
      true,
    );
  });

  test('its node gone: Failed, NodeLost', async () => {
    await world.api.apply(world.agent('away', { podSpec: { scheduling: node.scheduling } }));
    const task = world.task('node-lost', { agentRef: { name: 'away' } });
    await world.api.create(task);
    await world.reached(task, 'Running');
    expect(await until(() => node.runs('node-lost-pod', world.namespace), 30_000)).toBe(true);
    await node.lose();
    const status = await world.ended(task, 120_000);
    expect([status.phase, whyOf(status).reason]).toEqual(['Failed', 'NodeLost']);
  });

  describe('Failed, with the reason', () => {
    const context = (more: object): object => ({ contexts: [more] });
    const missing = { type: 'ConfigMap', mountPath: '/workspace/x', configMap: { name: 'nowhere' } };
    test.each<[string, object, object, string, RegExp]>([
      ['exit-code', { agentRef: { name: 'fails' } }, {}, 'AgentFailed', /exit code 3/],
      ['no-agent', { agentRef: { name: 'nobody' } }, {}, 'AgentError', /nobody/],
      ['no-template', { taskTemplateRef: { name: 'nothing' } }, {}, 'TaskTemplateError', /nothing/],
      ['no-configmap', context(missing), {}, 'ContextError', /nowhere/],
      [
        'no-key',
        context({ ...missing, configMap: { name: 'kube-root-ca.crt', key: 'absent' } }),
        {},
        'ContextError',
        /key absent not found in ConfigMap kube-root-ca.crt/,
      ],
    ])('%s', async (name, spec, agent, reason, message) => {
      await world.api.apply(world.agent(`of-${name}`, agent));
      const task = world.task(name, { agentRef: { name: `of-${name}` }, description: 'x', ...spec });
      const status = await world.run(task);
      expect([status.phase, whyOf(status).reason]).toEqual(['Failed', reason]);
      expect(whyOf(status).message).toMatch(message);
      expect(status.completionTime).toBeDefined();
    });

    // Each waits 30 s for what may still come: side by side.
    test('what never can be had, after a while', { timeout: 120_000 }, async () => {
      const secret = { name: 'x', secretRef: { name: 'nowhere', key: 'x' }, env: 'X' };
      const cases: readonly (readonly [string, object, string, RegExp])[] = [
        ['secret-missing', { credentials: [secret] }, 'ConfigurationError', /nowhere/],
        [
          'secret-volume',
          { credentials: [{ ...secret, env: undefined, mountPath: '/tmp/x' }] },
          'ConfigurationError',
          /nowhere/,
        ],
        ['no-account', { serviceAccountName: 'nobody' }, 'ConfigurationError', /nobody/],
        ['runs-as-root', { executorImage: world.image('rooted', 'id', '0') }, 'ConfigurationError', /root/],
      ];
      for (const [name, agent] of cases) await world.api.apply(world.agent(name, agent));
      for (const [name] of cases) await world.api.create(world.task(name, { agentRef: { name } }));
      for (const [name, , reason, message] of cases) {
        const status = await world.ended(world.task(name), 100_000);
        expect([name, status.phase, whyOf(status).reason]).toEqual([name, 'Failed', reason]);
        expect(whyOf(status).message).toMatch(message);
        expect(await until(async () => (await left(`${name}-pod`)).length === 0, 60_000)).toBe(true);
      }
    });

    test('an image that is not there, or not signed: the gate refuses the Pod', async () => {
      const { registry } = world.gate;
      const cases = [
        ['absent', `${registry.host}/agents/absent:1.0`],
        ['unsigned', world.unsigned('unsigned-agent')],
      ] as const;
      for (const [name, executorImage] of cases) {
        await world.api.apply(world.agent(`image-${name}`, { executorImage }));
        const status = await world.run(world.task(`image-${name}`, { agentRef: { name: `image-${name}` } }));
        expect([status.phase, whyOf(status).reason]).toEqual(['Failed', 'Refused']);
        expect(whyOf(status).message).toContain('countersign.dev');
        expect(await left(`image-${name}-pod`)).toEqual([]);
        await world.api.apply(world.kubeTaskAgent(`image-${name}`, { agentImage: executorImage }));
        const other = await world.run(world.kubeTask(`kube-image-${name}`, { agentRef: `image-${name}` }));
        expect([other.phase, whyOf(other).reason]).toEqual(['Failed', 'Refused']);
      }
    });
  });

  test('a context that may be missing is left out', async () => {
    const item = { type: 'ConfigMap', optional: true, mountPath: '/workspace/x', configMap: { name: 'nowhere' } };
    const task = world.task('optional', { description: 'Say it.', contexts: [item] });
    expect(await world.run(task)).toMatchObject({ phase: 'Completed' });
    expect(await world.log(task)).toBe('TOLD Say it.\n');
  });
}
