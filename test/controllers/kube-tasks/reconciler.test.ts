import { beforeEach, describe, expect, test } from 'vitest';
import { agentKinds } from '../../../src/agents/kinds.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import { begun, fromConfigMap, fromKey, inline, job, jobPlace, second, task, World } from './world.ts';

let world: World;

beforeEach(() => {
  world = new World();
});

const settled = { kind: 'settled' };

describe('a Task that goes well', () => {
  test('runs in a Job with its files, and completes with it', async () => {
    await begun(world);
    expect(world.status).toMatchObject({
      phase: 'Running',
      jobName: 'update-job',
      startTime: second(0),
      conditions: [],
    });
    expect(world.files?.['data']).toEqual({ 'workspace-task.md': 'Update it.' });
    expect(world.job?.metadata.ownerReferences).toEqual([
      expect.objectContaining({ kind: 'Task', name: 'update', uid: world.task?.metadata.uid, controller: true }),
    ]);
    world.kubelet.run(jobPlace);
    expect(await world.after(5)).toEqual(settled);
    world.kubelet.finish(jobPlace);
    expect(await world.after(5)).toEqual(settled);
    expect(world.status).toEqual({
      phase: 'Completed',
      observedGeneration: 1,
      jobName: 'update-job',
      startTime: second(0),
      completionTime: second(5),
      conditions: [],
    });
    expect(world.told).toEqual(['Normal TaskStarted', 'Normal TaskCompleted']);
    expect(world.finished).toEqual([
      { system: 'kubetask', namespace: 'team', agent: 'default', phase: 'Completed', seconds: 5 },
    ]);
  });

  test('costs five calls, and none when nothing has changed', async () => {
    await begun(world);
    world.kubelet.finish(jobPlace);
    await world.after(1);
    expect(Object.fromEntries(world.cluster.calls)).toEqual({
      'writeStatus Task': 3,
      'create ConfigMap': 1,
      'create Job': 1,
    });
    await world.reconcile();
    world.restart();
    await world.reconcile();
    expect(world.cluster.callCount()).toBe(5);
  });

  test('keeps its Job and its files until it goes, and then they go', async () => {
    await begun(world);
    world.kubelet.finish(jobPlace);
    await world.after(1);
    expect(world.made).toHaveLength(3);
    world.cluster.drop(task);
    expect(world.made).toEqual([]);
    expect(await world.reconcile()).toEqual(settled);
  });

  test('is never changed itself: only its status is', async () => {
    world.addAgent();
    const before = world.addTask();
    await world.reconcile();
    world.kubelet.finish(jobPlace);
    await world.after(1);
    const after = world.task;
    expect(after?.['spec']).toEqual(before['spec']);
    expect(after?.metadata).toEqual({ ...before.metadata, resourceVersion: expect.any(String) });
  });

  test('uses the Agent that it names', async () => {
    world.addAgent({ agentImage: 'registry.example/other:v1' }, 'my-agent');
    world.addTask({ agentRef: 'my-agent' });
    await world.reconcile();
    expect(JSON.stringify(world.job)).toContain('registry.example/other:v1');
    world.kubelet.finish(jobPlace);
    await world.after(1);
    expect(world.finished).toMatchObject([{ agent: 'my-agent' }]);
  });

  test('joins files of its own and of its Agent, and mounts a ConfigMap as a folder', async () => {
    world.addConfigMap('guides', { 'guide.md': 'Guide.' });
    world.addConfigMap('configs', { a: '1' });
    const contexts = [
      inline('/workspace/task.md', 'Do it.'),
      fromKey('/workspace/guide.md', 'guides', 'guide.md'),
      fromConfigMap('/workspace/configs', 'configs'),
    ];
    await begun(world, { contexts }, { defaultContexts: [inline('/workspace/task.md', 'Before.')] });
    expect(world.files?.['data']).toEqual({
      'workspace-task.md': '<context index="0">\nBefore.\n</context>\n\n<context index="1">\nDo it.\n</context>',
      'workspace-guide.md': 'Guide.',
    });
    expect(JSON.stringify(world.job)).toContain('"name":"dir-mount-0","configMap":{"name":"configs","optional":false}');
  });

  test('is not disturbed by what is written into it while it runs', async () => {
    await begun(world);
    world.addTask({ contexts: 'nonsense', agentRef: 'nobody' });
    await world.reconcile();
    expect(world.status.phase).toBe('Running');
  });

  test('whose Pod is heard of later than its Job waits for its words, and no longer than it takes', async () => {
    await begun(world);
    world.kubelet.run(jobPlace);
    const status = { failed: 1, conditions: [{ type: 'Failed', status: 'True', lastTransitionTime: second(0) }] };
    world.cluster.setStatus(job, status);
    expect(await world.reconcile()).toEqual({ kind: 'settled', requeueAfterMs: 1_000 });
    await world.after(5);
    expect(world.status.phase).toBe('Failed');
  });
});

describe('a Task that cannot begin', () => {
  const contextError = { reason: 'ContextError' };
  const rows = [
    ['without an Agent', () => world.addTask(), 'AgentError', 'Agent "default" not found in namespace "team"'],
    ['with an Agent that is not there', () => world.addTask({ agentRef: 'x' }), 'AgentError', 'Agent "x" not found'],
    [
      'with an Agent of no account',
      () => [world.addAgent({ serviceAccountName: '' }), world.addTask()],
      'AgentError',
      'serviceAccountName',
    ],
    [
      'with an unknown type of context',
      () => [world.addAgent(), world.addTask({ contexts: [{ type: 'Video' }] })],
      'ContextError',
      'unknown context type',
    ],
    ['without contexts', () => [world.addAgent(), world.addTask({ contexts: undefined })], 'ContextError', 'contexts'],
    [
      'with a key that its ConfigMap has not',
      () => {
        world.addAgent();
        world.addConfigMap('guides', { other: '' });
        world.addTask({ contexts: [fromKey('/workspace/a', 'guides', 'guide.md')] });
      },
      'ContextError',
      'key guide.md not found in ConfigMap guides',
    ],
    [
      'with a file in a folder that is a ConfigMap',
      () => {
        world.addAgent();
        world.addConfigMap('c', { a: '' });
        world.addTask({ contexts: [fromConfigMap('/workspace/c', 'c'), inline('/workspace/c/x', 'x')] });
      },
      'ContextError',
      'mount path conflict',
    ],
    [
      'with a credential over its workspace',
      () => {
        const credential = { name: 'c', secretRef: { name: 's', key: 'k' }, mountPath: '/workspace/task.md' };
        return [world.addAgent({ credentials: [credential] }), world.addTask()];
      },
      'AgentError',
      'mount path conflict',
    ],
    [
      'with a path that climbs out',
      () => [world.addAgent(), world.addTask({ contexts: [inline('/workspace/../etc/passwd', 'x')] })],
      'ContextError',
      '..',
    ],
    [
      'with more than a ConfigMap holds',
      () => [world.addAgent(), world.addTask({ contexts: [inline('/workspace/task.md', 'x'.repeat(2_000_000))] })],
      'ContextError',
      'ConfigMap holds',
    ],
  ] as const;
  test.each(rows)('%s has failed at once, and nothing was made', async (_, given, reason, words) => {
    given();
    expect(await world.reconcile()).toEqual(settled);
    expect(world.failure).toMatchObject({ reason, message: expect.stringContaining(words) });
    expect(world.status).toMatchObject({ phase: 'Failed', completionTime: second(0) });
    expect(world.status.startTime).toBeUndefined();
    expect(world.made).toEqual([]);
    expect(world.told).toEqual([`Warning ${reason}`]);
    expect(world.finished).toEqual([expect.not.objectContaining({ seconds: expect.anything() })]);
    const calls = world.cluster.callCount();
    await world.after(60);
    expect(world.cluster.callCount()).toBe(calls);
  });

  test('is not failed because we have not heard of its Agent yet', async () => {
    world.addTask();
    world.addAgent();
    world.seen = {
      ...world.cluster,
      get: (place) => (place.kind.kind === 'Agent' ? undefined : world.cluster.get(place)),
    };
    world.restart();
    await world.reconcile();
    expect(world.status.phase).toBe('Running');
  });

  test('waits for a ConfigMap that is created right after, says so once, and then runs', async () => {
    await begun(world, { contexts: [fromKey('/workspace/a', 'guides', 'guide.md')] });
    expect(world.status).toMatchObject({ phase: 'Pending' });
    expect(world.waiting).toBe('ConfigMapMissing');
    expect(world.made).toEqual([]);
    await world.after(5);
    world.addConfigMap('guides', { 'guide.md': 'Guide.' });
    await world.after(5);
    expect(world.status).toMatchObject({ phase: 'Running', conditions: [] });
    expect(world.told).toEqual(['Warning TaskWaiting', 'Normal TaskStarted']);
  });

  test.each([
    ['a key', fromKey('/workspace/a', 'guides', 'guide.md')],
    ['a folder', fromConfigMap('/workspace/a', 'guides')],
  ])('has failed when the ConfigMap of %s is missing for 30 seconds', async (_, context) => {
    await begun(world, { contexts: [context] });
    await world.after(29);
    expect(world.status.phase).toBe('Pending');
    await world.after(1);
    expect(world.failure).toMatchObject({ ...contextError, message: expect.stringContaining('team/guides not found') });
    expect(world.status.conditions).toHaveLength(1);
  });

  test.each([
    ['a key', fromKey('/workspace/a', 'guides', 'guide.md', true)],
    ['a folder', fromConfigMap('/workspace/a', 'guides', true)],
  ])('is none when the ConfigMap of %s is optional', async (_, context) => {
    await begun(world, { contexts: [inline('/workspace/task.md', 'x'), context] });
    expect(world.status.phase).toBe('Running');
  });
});

describe('what the API server says no to', () => {
  const refuse = (kind: string, status: number, message: string): void => {
    world.cluster.refuse = (verb, about) => (verb === 'create' && about === kind ? { status, message } : undefined);
  };
  const rows = [
    ['Job', 422, 'Job.batch "update-job" is invalid: spec.template', 'JobCreationError'],
    ['Job', 403, 'admission webhook "gate.example" denied the request: SIGNATURE_MISSING: no signature', 'Refused'],
    ['Job', 403, 'jobs.batch is forbidden: User "x" cannot create resource', 'Refused'],
    ['Job', 400, 'admission webhook "w.example" denied the request: no', 'Refused'],
    ['ConfigMap', 413, 'Request entity too large', 'ConfigMapCreationError'],
    ['ConfigMap', 403, 'admission webhook "w.example" denied the request: no', 'Refused'],
  ] as const;
  test.each(rows)('a %s with %i %s: the Task has failed with its words', async (kind, status, message, reason) => {
    refuse(kind, status, message);
    await begun(world);
    expect(world.failure).toMatchObject({ reason, message: expect.stringContaining(message) });
    expect(world.made).toEqual([]);
  });

  test.each([
    ['a quota', 'pods "x" is forbidden: exceeded quota: small, requested: count/jobs.batch=1', 'ExceededQuota'],
    [
      'a gate that cannot ask its registry',
      'admission webhook "gate.example" denied the request: REGISTRY_UNREACHABLE: r.example does not answer',
      'NotVerifiable',
    ],
  ])('because of %s: the Task waits, and runs when there is room', async (_, message, reason) => {
    refuse('Job', 403, message);
    await begun(world);
    expect(world.waiting).toBe(reason);
    for (let count = 0; count < 10; count += 1) await world.after(30);
    expect(world.status.phase).toBe('Pending');
    expect(world.calls('writeStatus Task')).toBe(2);
    world.cluster.refuse = undefined;
    await world.after(30);
    expect(world.status).toMatchObject({ phase: 'Running', conditions: [] });
  });

  test('an outage is no failure: the Task is tried again', async () => {
    world.addAgent();
    world.addTask();
    world.cluster.refuse = (verb) => (verb === 'create' ? 'unavailable' : undefined);
    expect(await world.reconcile()).toMatchObject({ kind: 'retry' });
    expect(world.status.phase).toBe('Pending');
    world.cluster.refuse = undefined;
    await world.reconcile();
    expect(world.status.phase).toBe('Running');
  });
});

describe('a name that somebody else has', () => {
  const stranger = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'other', uid: 'other', controller: true };

  test.each([
    ['Job', 'batch/v1', 'update-job', [], 'nobody we know of'],
    ['Job', 'batch/v1', 'update-job', [stranger], 'Deployment other (apps/v1)'],
    ['ConfigMap', 'v1', 'update-context', [stranger], 'Deployment other (apps/v1)'],
  ])(
    'of a %s (%s %s): the Task has failed, and nothing is overwritten',
    async (kind, apiVersion, name, owners, words) => {
      const metadata = { name, namespace: 'team', ownerReferences: owners };
      const before = world.cluster.put({ apiVersion, kind, metadata, spec: { theirs: true }, data: { theirs: 'x' } });
      await begun(world);
      expect(world.failure).toMatchObject({ reason: 'NameTaken', message: expect.stringContaining(words) });
      expect(world.failure?.message).toContain(name);
      const place = { kind: kind === 'Job' ? agentKinds.job : agentKinds.configMap, namespace: 'team', name };
      expect(world.cluster.all(place.kind)).toEqual([before]);
    },
  );

  test('of a Job of a Task of the same name that is gone: waits until it is gone too', async () => {
    await begun(world);
    const old = world.job;
    world.cluster.drop(task);
    if (old !== undefined) world.cluster.put({ ...old, metadata: { ...old.metadata, finalizers: ['x'] } });
    world.addTask();
    expect(await world.reconcile()).toMatchObject({ kind: 'retry', why: expect.stringContaining('predecessor') });
    world.cluster.put({ apiVersion: 'batch/v1', kind: 'Job', metadata: { ...jobPlace, finalizers: [] } });
    world.cluster.drop(job);
    await world.after(1);
    expect(world.status.phase).toBe('Running');
  });
});

describe('a Job that ends badly', () => {
  type Ending = (world: World) => void;
  const rows: readonly (readonly [string, Ending, string, string])[] = [
    ['with an exit code', (w) => w.kubelet.finish(jobPlace, { exitCode: 3 }), 'AgentFailed', 'exit code 3'],
    ['out of memory', (w) => w.kubelet.finish(jobPlace, { exitCode: 137, reason: 'OOMKilled' }), 'OOMKilled', 'memory'],
    [
      'before it began',
      (w) => w.kubelet.finish(jobPlace, { exitCode: 128, reason: 'StartError' }),
      'ConfigurationError',
      'StartError',
    ],
    ['after its time', (w) => w.kubelet.deadline(jobPlace), 'Timeout', '90 s'],
    ['on a node that is short of something', (w) => w.kubelet.evict(jobPlace), 'NodeLost', 'low on resource'],
  ];
  test.each(rows)('%s', async (_, ends, reason, words) => {
    await begun(world, { timeout: '90s' });
    world.kubelet.run(jobPlace);
    await world.after(1);
    ends(world);
    await world.after(1);
    expect(world.failure).toMatchObject({ reason, message: expect.stringContaining(words) });
    expect(world.status.completionTime).toBe(second(1));
    // What has ended by itself stays, with its log.
    expect(world.job).toBeDefined();
    expect(world.finished).toMatchObject([{ phase: 'Failed', seconds: 1 }]);
  });

  test('in the container that copies its tools', async () => {
    await begun(world, {}, { toolsImage: 'registry.example/tools:v1' });
    world.kubelet.run(jobPlace);
    world.kubelet.finish(jobPlace, { exitCode: 1 });
    const pod = world.kubelet.podOf(jobPlace);
    const place = { kind: agentKinds.pod, namespace: 'team', name: pod?.metadata.name ?? '' };
    const initContainerStatuses = [{ name: 'copy-tools', state: { terminated: { exitCode: 1, reason: 'Error' } } }];
    world.cluster.setStatus(place, { phase: 'Failed', initContainerStatuses });
    await world.after(1);
    expect(world.failure).toMatchObject({ reason: 'InitFailed', message: expect.stringContaining('toolsImage') });
  });

  test('because somebody has removed its Pod', async () => {
    await begun(world);
    world.kubelet.run(jobPlace);
    const pod = world.kubelet.podOf(jobPlace);
    world.kubelet.finish(jobPlace, { exitCode: 137 });
    world.cluster.drop({ kind: agentKinds.pod, namespace: 'team', name: pod?.metadata.name ?? '' });
    // Perhaps it was only not heard of yet.
    expect(await world.after(1)).toEqual({ kind: 'settled', requeueAfterMs: 1_000 });
    await world.after(4);
    expect(world.failure).toMatchObject({ reason: 'PodLost' });
  });

  test('because its Pod goes, and its node says nothing', async () => {
    await begun(world);
    world.kubelet.run(jobPlace);
    const pod = world.kubelet.podOf(jobPlace);
    if (pod === undefined) throw new Error('no Pod');
    world.cluster.put({ ...pod, metadata: { ...pod.metadata, finalizers: ['batch.kubernetes.io/job-tracking'] } });
    world.cluster.drop({ kind: agentKinds.pod, namespace: 'team', name: pod.metadata.name });
    expect(await world.reconcile()).toEqual({ kind: 'settled', requeueAfterMs: 60_000 });
    await world.after(59);
    expect(world.status.phase).toBe('Running');
    await world.after(1);
    expect(world.failure).toMatchObject({ reason: 'NodeLost' });
  });

  test('because somebody has removed it: the Task has failed, and it is not made again', async () => {
    await begun(world);
    world.cluster.drop(job);
    expect(await world.reconcile()).toEqual({ kind: 'settled', requeueAfterMs: 5_000 });
    await world.after(5);
    expect(world.failure).toMatchObject({ reason: 'PodLost', message: expect.stringContaining('update-job') });
    expect(world.calls('create Job')).toBe(1);
    expect(world.made).toEqual([]);
  });

  test('is not believed to be removed because nobody has told us of it', async () => {
    await begun(world);
    world.seen = {
      ...world.cluster,
      get: (place) => (place.kind.kind === 'Job' ? undefined : world.cluster.get(place)),
      ownedBy: (kind, ...rest) => (kind.kind === 'Job' ? [] : world.cluster.ownedBy(kind, ...rest)),
    };
    world.restart();
    await world.reconcile();
    await world.after(5);
    expect(world.status.phase).toBe('Running');
  });
});

test('files that were made a while ago become those that are wanted now', async () => {
  world.addAgent();
  const { metadata } = world.addTask();
  const owner = {
    apiVersion: 'kubetask.io/v1alpha1',
    kind: 'Task',
    name: 'update',
    uid: metadata.uid,
    controller: true,
  };
  const old = { name: 'update-context', namespace: 'team', ownerReferences: [owner] };
  const data = { 'workspace-task.md': 'Something else.', 'workspace-old.md': 'Old.' };
  world.cluster.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata: old, data, binaryData: { b: 'AA==' } });
  await world.reconcile();
  expect(asRecord(world.files)).toMatchObject({ data: { 'workspace-task.md': 'Update it.' }, binaryData: {} });
  expect(world.files?.['data']).toEqual({ 'workspace-task.md': 'Update it.' });
});

test('who has seen an older version of a Task makes nothing of it', async () => {
  world.addAgent();
  const old = world.addTask();
  world.seen = { ...world.cluster, get: (place) => (place.kind.kind === 'Task' ? old : world.cluster.get(place)) };
  world.cluster.setStatus(task, { phase: 'Completed' });
  world.restart();
  expect(await world.reconcile()).toEqual({ kind: 'settled', requeueAfterMs: 1_000 });
  expect(world.made).toEqual([]);
});

test('who begins to lead and is behind makes no Job for a Task that has come to its end', async () => {
  world.addAgent();
  world.addTask();
  world.cluster.refuse = (verb, kind) =>
    verb === 'create' && kind === 'Job' ? { status: 403, message: 'exceeded quota: small' } : undefined;
  await world.reconcile();
  expect(world.status.phase).toBe('Pending');
  world.cluster.refuse = undefined;
  const old = world.task;
  world.cluster.setStatus(task, { phase: 'Failed' });
  const isRead = (): boolean => world.calls('read Task') > 0;
  world.seen = {
    ...world.cluster,
    get: (place) => (place.kind.kind === 'Task' && !isRead() ? old : world.cluster.get(place)),
  };
  world.restart();
  await world.reconcile();
  expect(world.calls('create Job')).toBe(1);
});

test('Tasks are counted by namespace and phase', async () => {
  await begun(world);
  world.addTask({}, 'second');
  world.addTask({}, 'third');
  expect(world.load()).toEqual({
    agents: [],
    tasks: [
      { system: 'kubetask', namespace: 'team', phase: 'Running', count: 1 },
      { system: 'kubetask', namespace: 'team', phase: 'Pending', count: 2 },
    ],
  });
});
