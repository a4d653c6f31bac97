/** A Task here, its Agent there: who may, what goes across and what never does, and names that are too long or begin with a digit. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { ApiObject } from '../gate/api.ts';
import { until } from '../processes.ts';
import { filesIn, tellFiles, whyOf, type World } from './world.ts';

const secretValue = 'kept-in-the-namespace-of-the-agent';

export function acrossNamespaces(place: () => World): void {
  let world: World;
  let team: string;
  let platform: string;

  const secret = (name: string, namespace: string, stringData: object): ApiObject => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    stringData,
  });
  const task = (name: string, agent: string, spec: object = {}): ApiObject =>
    world.task(
      name,
      { agentRef: { name: agent, namespace: platform }, description: 'x', ...spec },
      { namespace: team },
    );

  beforeAll(async () => {
    world = place();
    team = await world.another();
    platform = await world.another();
    await world.api.apply(secret('anthropic-credentials', platform, { 'api-key': secretValue }));
    const credentials = [
      { name: 'key', secretRef: { name: 'anthropic-credentials', key: 'api-key' }, env: 'ANTHROPIC_API_KEY' },
    ];
    const command = ['sh', '-c', `test "$ANTHROPIC_API_KEY" = ${secretValue} && echo "KEY known"; ${tellFiles}`];
    await world.api.apply(world.agent('shared', { credentials, command }, { namespace: platform }));
  }, 60_000);

  test('the Pod runs beside its Agent; of the Secret nothing is seen where the Task is', async () => {
    await world.api.apply(world.configMap('own', { 'a.txt': 'of the team' }, { namespace: team }));
    await world.api.apply(world.configMap('own', { 'a.txt': 'of the platform' }, { namespace: platform }));
    const one = task('across', 'shared', {
      contexts: [{ type: 'ConfigMap', mountPath: '/workspace/own', configMap: { name: 'own' } }],
    });
    const status = await world.run(one);
    expect(status).toMatchObject({ phase: 'Completed', podNamespace: platform, podName: `${team}-across-pod` });
    const log = await world.log(one);
    expect(log).toContain('KEY known');
    expect(filesIn(log).get('/workspace/own/a.txt')?.text).toBe('of the team');
    for (const [api, plural] of [
      ['v1', 'pods'],
      ['v1', 'secrets'],
      ['v1', 'configmaps'],
    ] as const)
      expect(JSON.stringify(await world.list(api, plural, team))).not.toContain(secretValue);
    expect(await world.list('v1', 'pods', team)).toEqual([]);
    expect(JSON.stringify(await world.api.read(one))).not.toContain(secretValue);
    expect(JSON.stringify(await world.list('v1', 'events', team))).not.toContain(secretValue);
    await world.api.remove(one);
    const left = async (): Promise<number> =>
      [...(await world.list('v1', 'pods', platform)), ...(await world.list('v1', 'configmaps', platform))].filter(
        ({ metadata }) => metadata.name.includes('across'),
      ).length;
    expect(await until(async () => (await left()) === 0, 30_000)).toBe(true);
  });

  describe('allowedNamespaces', () => {
    test.each<[string, readonly string[], boolean]>([
      ['nothing said', [], true],
      ['a glob', ['gate-*'], true],
      ['one of two', ['prod', 'gate-?????'], true],
      ['a class', ['[f-h]ate-*'], true],
      ['another prefix', ['dev-*'], false],
      ['a part of the name', ['gate'], false],
      ['a broken pattern', ['gate-['], false],
    ])('%s', async (title, allowedNamespaces, may) => {
      const name = `allowed-${title.replaceAll(' ', '-')}`;
      await world.api.apply(world.agent(name, { allowedNamespaces, command: ['true'] }, { namespace: platform }));
      const status = await world.run(task(name, name));
      expect(status.phase).toBe(may ? 'Completed' : 'Failed');
      const why = whyOf(status);
      expect(why.reason).toBe(may ? 'none' : 'AgentError');
      expect(why.message.includes('is not allowed to use Agent')).toBe(!may);
    });
  });

  test('a Secret that a Task names is never one of the Agent', async () => {
    const context = {
      type: 'Git',
      mountPath: '/workspace/x',
      git: { repository: 'https://git.example.com/x', secretRef: { name: 'anthropic-credentials' } },
    };
    const status = await world.run(task('borrows', 'shared', { contexts: [context] }));
    expect([status.phase, whyOf(status).reason]).toEqual(['Failed', 'ContextError']);
    expect(whyOf(status).message).toContain('secretRef');
  });

  test('Tasks whose names come to the same Pod name do not meet', async () => {
    const ends = team.slice(-5);
    const other = await world.another();
    await world.api.apply(world.agent('plain', { command: ['true'] }, { namespace: platform }));
    const agentRef = { name: 'plain', namespace: platform };
    const one = world.task(`${ends}-x`, { agentRef }, { namespace: other });
    const two = world.task('x', { agentRef }, { namespace: team });
    await world.api.create(one);
    await world.api.create(two);
    expect((await world.ended(one)).podName).not.toBe((await world.ended(two)).podName);
  });

  describe('names', () => {
    const long = `a${'b'.repeat(200)}c`;
    test.each([
      ['of 202 characters', long, 'plain'],
      ['of 63 characters', `n${'o'.repeat(61)}p`, 'plain'],
      ['that begins with a digit', '1st-task', 'plain'],
    ])('of a Task %s', async (_title, name, agent) => {
      await world.api.apply(world.agent('plain', { command: ['true'] }, { namespace: platform }));
      expect(await world.run(task(name, agent))).toMatchObject({ phase: 'Completed' });
      const own = world.kubeTask(name);
      expect(await world.run(own)).toMatchObject({ phase: 'Completed' });
    });

    test.each([
      ['of 63 characters', `a${'g'.repeat(61)}t`],
      ['of 100 characters', `a${'g'.repeat(98)}t`],
      ['that begins with a digit', '007'],
    ])('of an Agent %s, with a server', { timeout: 120_000 }, async (_title, name) => {
      const agent = world.agent(name, { serverConfig: {}, command: ['true'] }, { namespace: platform });
      await world.api.apply(agent);
      const isReady = async (): Promise<boolean> =>
        JSON.stringify(await world.api.read(agent)).includes('"DeploymentReady"');
      expect(await until(isReady, 60_000)).toBe(true);
      expect(await world.run(task(`of-${name.length}`, name))).toMatchObject({ phase: 'Completed' });
      await world.api.remove(agent);
    });
  });
}
