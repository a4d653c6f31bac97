/** Agents with a server of their own: made, reached, scaled, taken away, and never mistaken for what is somebody else's. */
import { beforeAll, expect, test } from 'vitest';
import type { ApiObject } from '../gate/api.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import { until } from '../processes.ts';
import type { World } from './world.ts';

export function serverMode(place: () => World): void {
  let world: World;

  beforeAll(() => {
    world = place();
  });

  const deployment = (name: string): ApiObject => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: world.namespace },
  });
  const service = (name: string): ApiObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: world.namespace },
  });
  const statusOf = async (agent: ApiObject): Promise<Readonly<Record<string, unknown>>> =>
    asRecord(asRecord(await world.api.read(agent))?.['status']) ?? {};
  const condition = async (agent: ApiObject, type: string): Promise<string> => {
    const list = (await statusOf(agent))['conditions'];
    const all = Array.isArray(list) ? list.map((one: unknown) => asRecord(one) ?? {}) : [];
    const found = all.find((one) => one['type'] === type);
    return found === undefined ? 'none' : `${String(found['status'])} ${String(found['reason'])}`;
  };
  /** Of both conditions, when they say so, or after a while whatever they say. */
  const becomes = async (agent: ApiObject, ...wanted: readonly string[]): Promise<readonly string[]> => {
    const both = (): Promise<readonly string[]> =>
      Promise.all(['ServerReady', 'ServerHealthy'].map((type) => condition(agent, type)));
    await until(async () => (await both()).join() === wanted.join(), 60_000);
    return both();
  };
  const ready = ['True DeploymentReady', 'True DeploymentHealthy'];
  const notReady = ['False DeploymentNotReady', 'False DeploymentNotReady'];

  test(
    'Deployment and Service are made, the server is ready, and a Task attaches to it',
    { timeout: 180_000 },
    async () => {
      const agent = world.agent('slack-agent', {
        serverConfig: { port: 4096 },
        contexts: [{ type: 'Text', text: 'known' }],
      });
      await world.api.apply(agent);
      // As both are in one file: it waits.
      const early = world.task('early', { agentRef: { name: 'slack-agent' }, description: 'Say it.' });
      await world.api.create(early);
      expect(await becomes(agent, ...ready)).toEqual(ready);
      expect(await statusOf(agent)).toMatchObject({
        serverStatus: {
          deploymentName: 'slack-agent-server',
          serviceName: 'slack-agent',
          url: `http://slack-agent.${world.namespace}.svc.cluster.local:4096`,
          readyReplicas: 1,
        },
      });
      const task = world.task('attached', { agentRef: { name: 'slack-agent' }, description: 'Say it.' });
      expect(await world.run(task, 90_000)).toMatchObject({ phase: 'Completed' });
      expect(await world.ended(early)).toMatchObject({ phase: 'Completed' });
      expect(await world.log(task)).toBe(
        `ATTACHED http://slack-agent.${world.namespace}.svc.cluster.local:4096 {}\nTOLD Say it.\n`,
      );
    },
  );

  test('without replicas both conditions turn, and turn back', { timeout: 180_000 }, async () => {
    const agent = world.agent('slack-agent', { serverConfig: { port: 4096 } });
    const scale = (replicas: number): Promise<unknown> =>
      world.api.merge(deployment('slack-agent-server'), { spec: { replicas } });
    await scale(0);
    expect(await becomes(agent, ...notReady)).toEqual(notReady);
    await scale(1);
    expect(await becomes(agent, ...ready)).toEqual(ready);
  });

  test('without serverConfig they go; those of others of the same name stay', { timeout: 120_000 }, async () => {
    const foreign = {
      ...service('taken'),
      spec: { selector: { app: 'other' }, ports: [{ port: 80 }] },
    };
    await world.api.apply(foreign);
    const before = asRecord(asRecord(await world.api.read(foreign))?.['metadata'])?.['resourceVersion'];
    const taken = world.agent('taken', { serverConfig: {} });
    await world.api.apply(taken);
    await until(async () => (await condition(taken, 'ServerReady')) === 'False NameTaken', 30_000);
    expect(await condition(taken, 'ServerReady')).toBe('False NameTaken');
    await world.api.merge(taken, { spec: { serverConfig: null } });
    const agent = world.agent('slack-agent');
    await world.api.merge(agent, { spec: { serverConfig: null } });
    const isGone = async (): Promise<boolean> => {
      const found = await Promise.all(
        [deployment('slack-agent-server'), service('slack-agent'), deployment('taken-server')].map((one) =>
          world.api.read(one),
        ),
      );
      return found.every((one) => one === undefined);
    };
    expect(await until(isGone, 60_000)).toBe(true);
    expect(await until(async () => (await statusOf(agent))['serverStatus'] === undefined, 30_000)).toBe(true);
    const after = asRecord(await world.api.read(foreign));
    expect(asRecord(after?.['metadata'])?.['resourceVersion']).toBe(before);
    await world.api.remove(foreign);
  });

  test('an Agent named kubernetes leaves the Service of the API server alone', async () => {
    const own: ApiObject = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'kubernetes', namespace: 'default' },
    };
    const before = JSON.stringify(asRecord(await world.api.read(own))?.['spec']);
    const agent = world.agent('kubernetes', { serverConfig: {} }, { namespace: 'default' });
    await world.api.apply(agent);
    await until(async () => (await condition(agent, 'ServerReady')) === 'False NameTaken', 30_000);
    expect(await condition(agent, 'ServerReady')).toBe('False NameTaken');
    await world.api.remove(agent);
    expect(JSON.stringify(asRecord(await world.api.read(own))?.['spec'])).toBe(before);
  });
}
