/** One Task from its creation to its end, in a fake cluster. */
import { describe, expect, test } from 'vitest';
import { agentKinds } from '../../../src/agents/kinds.ts';
import { names } from '../../../src/agents/model.ts';
import type { Key } from '../../../src/controllers/runtime/reconciler.ts';
import { taskNames } from '../../../src/agents/task-names.ts';
import { home, key, podPlace, running, World } from './world.ts';

describe('a Task that goes well', () => {
  test('is marked, claimed, given ConfigMap and Pod, and completed when its Pod has succeeded', async () => {
    const world = await running();
    expect(world.status()).toMatchObject({
      phase: 'Running',
      podName: 'fix-pod',
      podNamespace: home,
      startTime: '2026-01-01T00:00:00Z',
      agentRef: { namespace: home, name: 'default' },
    });
    expect(world.task()?.metadata.labels).toMatchObject({ [names.agentLabel]: 'default' });
    expect(world.task()?.metadata.finalizers).toEqual([names.finalizer]);
    expect(world.names('configMap')).toEqual([`${home}/fix-context`]);
    world.nowMs += 90_000;
    world.pods.finish(podPlace);
    world.nowMs += 5_000;
    await world.reconcile();
    expect(world.status()).toMatchObject({ phase: 'Completed', completionTime: '2026-01-01T00:01:30Z' });
    expect(world.told).toEqual(['Normal PodCreated', 'Normal TaskCompleted']);
    expect(world.finished).toEqual([
      { system: 'kubeopencode', namespace: home, agent: 'default', phase: 'Completed', seconds: 90 },
    ]);
  });

  test('costs six calls from its creation to its end, and none before or after', async () => {
    const world = await running();
    world.pods.finish(podPlace);
    await world.reconcile();
    expect(Object.fromEntries(world.cluster.calls)).toEqual({
      'patch Task': 1,
      'writeStatus Task': 3,
      'create ConfigMap': 1,
      'create Pod': 1,
    });
    await world.reconcile();
    expect(world.cluster.callCount()).toBe(6);
  });

  test('keeps Pod and ConfigMap until it is deleted', async () => {
    const world = await running();
    world.pods.finish(podPlace);
    await world.reconcile();
    expect(world.names('pod')).toEqual([`${home}/fix-pod`]);
    world.cluster.drop({ kind: agentKinds.task, ...key });
    await world.reconcile();
    expect([world.task(), world.names('pod'), world.names('configMap')]).toEqual([undefined, [], []]);
  });

  test('does not mind that its Agent goes while it runs', async () => {
    const world = await running();
    world.cluster.drop({ kind: agentKinds.agent, namespace: home, name: 'default' });
    await world.reconcile();
    world.pods.finish(podPlace);
    await world.reconcile();
    expect(world.status().phase).toBe('Completed');
  });

  test('waits for its ConfigMaps to be read, and is put together from them', async () => {
    const world = new World();
    world.agent();
    world.put({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'guide', namespace: home },
      data: { a: 'one' },
    });
    const item = { type: 'ConfigMap', configMap: { name: 'guide', key: 'a' }, mountPath: 'guide.md' };
    world.add({ contexts: [item] });
    await world.reconcile();
    const made = world.cluster.all(agentKinds.configMap).find(({ metadata }) => metadata.name === 'fix-context');
    expect(JSON.stringify(made?.['data'])).toContain('one');
    expect(world.status().phase).toBe('Running');
  });
});

interface Wrong {
  readonly what: string;
  readonly spec?: object;
  readonly agent?: object | 'none';
  readonly reason: string;
  readonly says: string;
}

const wrong: readonly Wrong[] = [
  { what: 'its Agent is missing', agent: 'none', reason: 'AgentError', says: 'not found' },
  { what: 'the Agent it names is missing', spec: { agentRef: 'other' }, reason: 'AgentError', says: '"team/other"' },
  {
    what: 'its Agent has no account',
    agent: { serviceAccountName: '' },
    reason: 'AgentError',
    says: 'serviceAccountName',
  },
  {
    what: 'its template is missing',
    spec: { taskTemplateRef: { name: 'gone' } },
    reason: 'TaskTemplateError',
    says: '"team/gone" not found',
  },
  {
    what: 'a ConfigMap is missing',
    spec: { contexts: [{ type: 'ConfigMap', configMap: { name: 'gone' } }] },
    reason: 'ContextError',
    says: 'gone',
  },
  {
    what: 'a context is of no type',
    spec: { contexts: [{ type: 'Secret', mountPath: 'a' }] },
    reason: 'ContextError',
    says: 'type',
  },
];

describe('a Task fails before anything is made for it', () => {
  test.each(wrong)('when $what', async ({ spec, agent, reason, says }) => {
    const world = new World();
    if (agent !== 'none') world.agent(agent);
    world.add(spec);
    await world.reconcile();
    expect(world.status()).toMatchObject({ phase: 'Failed', completionTime: '2026-01-01T00:00:00Z' });
    expect(world.condition('Ready')).toContain(`False ${reason}: `);
    expect(world.condition('Ready')).toContain(says);
    expect([world.names('pod'), world.names('configMap')]).toEqual([[], []]);
    expect(world.told).toEqual([`Warning ${reason}`]);
  });

  test('when its namespace may not use the Agent', async () => {
    const world = new World();
    world.agent({ allowedNamespaces: ['dev-*'] }, 'shared', 'agents');
    world.add({ agentRef: { name: 'shared', namespace: 'agents' } });
    await world.reconcile();
    expect(world.condition('Ready')).toContain('is not allowed to use Agent');
  });
});

interface Trouble {
  readonly what: string;
  readonly happens: (world: World) => void;
  readonly reason: string;
  readonly says: string;
  /** Seconds until it is said. */
  readonly after: number;
  readonly keepsPod: boolean;
}

const troubles: readonly Trouble[] = [
  {
    what: 'its agent fails',
    happens: ({ pods }) => pods.finish(podPlace, { exitCode: 3 }),
    reason: 'AgentFailed',
    says: 'exit code 3',
    after: 0,
    keepsPod: true,
  },
  {
    what: 'it uses too much memory',
    happens: ({ pods }) => pods.finish(podPlace, { exitCode: 137, reason: 'OOMKilled' }),
    reason: 'OOMKilled',
    says: 'memory',
    after: 0,
    keepsPod: true,
  },
  {
    what: 'an init container fails',
    happens: ({ pods }) => pods.failInit(podPlace, 'git-init-0', 'repository not found'),
    reason: 'InitFailed',
    says: 'git-init-0 of Pod team/fix-pod failed with exit code 128: Error: repository not found',
    after: 0,
    keepsPod: true,
  },
  {
    what: 'it is evicted',
    happens: ({ pods }) => pods.evict(podPlace),
    reason: 'NodeLost',
    says: 'Evicted',
    after: 0,
    keepsPod: true,
  },
  {
    what: 'its Pod is deleted by hand',
    happens: ({ pods }) => pods.remove(podPlace),
    reason: 'PodLost',
    says: 'was removed',
    after: 0,
    keepsPod: false,
  },
  {
    what: 'its image cannot be pulled',
    happens: ({ pods }) => pods.wait(podPlace, 'ErrImagePull', 'not found'),
    reason: 'ImagePullFailed',
    says: 'not found',
    after: 30,
    keepsPod: false,
  },
  {
    what: 'a Secret is missing',
    happens: ({ pods }) => pods.wait(podPlace, 'CreateContainerConfigError', 'secret "token" not found'),
    reason: 'ConfigurationError',
    says: 'secret \\"token\\" not found',
    after: 30,
    keepsPod: false,
  },
  {
    what: 'a Secret of a volume is missing',
    happens: ({ pods }) =>
      pods.withoutVolume(podPlace, 'MountVolume.SetUp failed for volume "credential-0" : secret "nowhere" not found'),
    reason: 'ConfigurationError',
    says: 'secret \\"nowhere\\" not found',
    after: 30,
    keepsPod: false,
  },
  {
    what: 'its node does not answer',
    happens: ({ pods }) => pods.terminate(podPlace),
    reason: 'NodeLost',
    says: 'does not answer',
    after: 61,
    keepsPod: true,
  },
];

describe('a Task of an Agent with a server', () => {
  const serverOf = (world: World, ready: 'True' | 'False' | undefined): void => {
    const place = { kind: agentKinds.agent, namespace: home, name: 'default' };
    const condition = { type: 'ServerReady', status: ready, reason: 'DeploymentReady', message: '' };
    world.cluster.setStatus(place, { conditions: ready === undefined ? [] : [condition] });
  };

  test.each([undefined, 'False'] as const)('waits until it is ready: %s', async (before) => {
    const world = new World();
    world.agent({ serverConfig: { port: 4096 } });
    serverOf(world, before);
    world.add();
    await world.reconcile();
    expect(world.status()).toMatchObject({ phase: 'Queued', conditions: [{ reason: 'AgentServerNotReady' }] });
    expect(world.status().conditions[0]?.message).toBe('Waiting for agent "default" server');
    const woken: Key[] = [];
    world.cluster.onChange((object, change) => woken.push(...world.reconciler.concerned(object, change)));
    serverOf(world, 'True');
    expect(woken).toEqual([key]);
    await world.reconcile();
    expect(world.status()).toMatchObject({ phase: 'Running' });
    expect(world.status().conditions).toContainEqual(
      expect.objectContaining({ type: 'Queued', status: 'False', reason: 'AgentServerReady' }),
    );
  });

  test('asks nobody while it waits', async () => {
    const world = new World();
    world.agent({ serverConfig: { port: 4096 } });
    world.add();
    await world.reconcile();
    const calls = world.cluster.callCount();
    world.nowMs += 60_000;
    await world.reconcile();
    expect(world.cluster.callCount()).toBe(calls);
  });
});

describe('a Task that runs fails', () => {
  test.each(troubles)('when $what', async ({ happens, reason, says, after, keepsPod }) => {
    const world = await running();
    happens(world);
    await world.reconcile();
    expect(world.status().phase).toBe(after > 0 ? 'Running' : 'Failed');
    await world.after(after);
    expect(world.status().phase).toBe('Failed');
    expect(world.condition('Ready')).toContain(`False ${reason}: `);
    expect(world.condition('Ready').replaceAll('"', '\\"')).toContain(says);
    expect(world.names('pod')).toHaveLength(keepsPod ? 1 : 0);
    expect(world.told.at(-1)).toBe(`Warning ${reason}`);
    expect(world.finished).toHaveLength(1);
  });

  test('and leaves no ConfigMap where its Pod did not end by itself', async () => {
    const world = await running();
    world.pods.remove(podPlace);
    await world.reconcile();
    expect(world.names('configMap')).toEqual([]);
  });

  test.each([
    ['ErrImagePull', 'failed to pull: 503 Service Unavailable'],
    ['RegistryUnavailable', 'away'],
  ])('not while a registry is away (%s)', async (reason, message) => {
    const world = await running();
    world.pods.wait(podPlace, reason, message);
    await world.reconcile();
    world.pods.wait(podPlace, 'ImagePullBackOff', 'Back-off pulling image');
    await world.after(20);
    await world.after(600);
    expect(world.status().phase).toBe('Running');
  });

  test('not while a volume is only slow', async () => {
    const world = await running();
    world.pods.withoutVolume(podPlace, 'MountVolume.SetUp failed for volume "a": timed out waiting for the condition');
    await world.reconcile();
    expect(await world.after(31)).toEqual({ kind: 'settled', requeueAfterMs: 30_000 });
    expect(world.status().phase).toBe('Running');
  });

  test('not while no node has room', async () => {
    const world = await running();
    world.pods.unschedulable(podPlace, '0/3 nodes are available');
    await world.reconcile();
    await world.after(3_600);
    expect(world.status().phase).toBe('Running');
  });
});

interface RefusedBy {
  readonly what: string;
  readonly status: number;
  readonly message: string;
  readonly reason: string;
}

const refusals: readonly RefusedBy[] = [
  {
    what: 'by a webhook',
    status: 403,
    message: 'admission webhook "gate.example" denied the request: SIGNATURE_MISSING: r.example/a is not signed',
    reason: 'Refused',
  },
  {
    what: 'by Pod security',
    status: 403,
    message: 'pods "fix-pod" is forbidden: violates PodSecurity',
    reason: 'Refused',
  },
  { what: 'as invalid', status: 422, message: 'Pod "fix-pod" is invalid', reason: 'PodCreationError' },
];

function refusePods(world: World, status: number, message: string): void {
  world.cluster.refuse = (verb, kind) => (verb === 'create' && kind === 'Pod' ? { status, message } : undefined);
}

describe('a Pod that is refused', () => {
  test.each(refusals)('$what is the end of its Task', async ({ status, message, reason }) => {
    const world = new World();
    world.agent();
    world.add();
    refusePods(world, status, message);
    await world.reconcile();
    expect(world.condition('Ready')).toContain(`False ${reason}: `);
    expect(world.condition('Ready').replaceAll('\\', '')).toContain(message.slice(-20));
    expect([world.names('pod'), world.names('configMap')]).toEqual([[], []]);
  });

  test('for want of quota waits for it', async () => {
    const world = new World();
    world.agent();
    world.add();
    refusePods(world, 403, 'pods "fix-pod" is forbidden: exceeded quota: small');
    expect(await world.reconcile()).toEqual({ kind: 'settled', requeueAfterMs: 10_000 });
    expect(world.status().phase).toBe('Running');
    expect(world.told).toEqual(['Warning ExceededQuota']);
    world.cluster.refuse = undefined;
    await world.after(10);
    expect(world.names('pod')).toEqual([`${home}/fix-pod`]);
  });

  test('for want of its service account waits a while for it', async () => {
    const world = new World();
    world.agent();
    world.add();
    const message = 'pods "fix-pod" is forbidden: error looking up service account team/worker: not found';
    world.cluster.refuse = (verb, kind) => (verb === 'create' && kind === 'Pod' ? { status: 403, message } : undefined);
    await world.reconcile();
    expect(world.status().phase).toBe('Running');
    await world.after(31);
    expect(world.condition('Ready')).toContain('False ConfigurationError: ');
  });
});

describe('names that are taken', () => {
  const strange = (kind: 'Pod' | 'ConfigMap', name: string) => ({
    apiVersion: 'v1',
    kind,
    metadata: { name, namespace: home },
    data: { theirs: 'yes' },
  });

  test.each([
    ['Pod', 'fix-pod'],
    ['ConfigMap', 'fix-context'],
  ] as const)('by another %s are left alone, and others are used', async (kind, name) => {
    const world = new World();
    world.agent();
    const theirs = world.put(strange(kind, name));
    world.add();
    await world.reconcile();
    const { podName = '' } = world.status();
    expect(podName).toMatch(/^fix-[0-9a-f]{10}-pod$/);
    expect(world.names('pod')).toContain(`${home}/${podName}`);
    expect(world.names('configMap').filter((one) => one !== `${home}/${name}`)).toHaveLength(1);
    const place = { kind: kind === 'Pod' ? agentKinds.pod : agentKinds.configMap, namespace: home, name };
    const read = await world.cluster.read(place, new AbortController().signal);
    expect(read).toEqual({ ok: true, value: theirs });
    world.pods.finish({ namespace: home, name: podName });
    await world.reconcile();
    world.cluster.drop({ kind: agentKinds.task, ...key });
    await world.reconcile();
    expect([...world.names('pod'), ...world.names('configMap')]).toEqual([`${home}/${name}`]);
  });

  test('all of them: the Task fails', async () => {
    const world = new World();
    world.agent();
    const uid = world.add().metadata.uid;
    const task = { ...key, uid, createdAt: '2026-01-01T00:00:00Z' };
    const { pod } = taskNames({ task, agent: { namespace: home } }, 'hashed');
    world.put(strange('Pod', 'fix-pod'));
    world.put(strange('Pod', pod));
    await world.reconcile();
    expect(world.condition('Ready')).toContain(`False NameTaken: Pod team/${pod} belongs to somebody else`);
    expect(world.names('configMap')).toEqual([]);
    expect(world.names('pod')).toEqual([`${home}/fix-pod`, `${home}/${pod}`]);
  });
});
