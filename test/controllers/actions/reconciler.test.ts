import { describe, expect, test } from 'vitest';
import { failure, type FailureCode } from '../../../src/kernel/failure.ts';
import { fail } from '../../../src/kernel/result.ts';
import { kinds } from '../../../src/workflow/kinds.ts';
import { contractWith } from '../../contract/kit.ts';
import { image, key, proven, signer, start, World } from './world.ts';

const job = key;
const jobPlace = { kind: kinds.job, ...key };

async function started(spec: object = {}): Promise<World> {
  const world = new World();
  world.add(spec);
  await world.reconcile();
  world.kubelet.startJobs();
  return world;
}

describe('an action that goes well', () => {
  test('is proven, run and told, with as few writes as there are news', async () => {
    const world = await started();
    expect(world.status).toMatchObject({
      phase: 'Running',
      jobUID: expect.any(String),
      attempts: 1,
      executionName: 'fix-scale',
      image,
      signers: [signer],
    });
    world.kubelet.run(job);
    await world.after(1);
    world.kubelet.finish(job, { log: 'scaling\n{"replicas":3}\n' });
    await world.after(1);
    expect(world.status).toMatchObject({
      phase: 'Completed',
      startedAt: '2026-01-01T00:00:00Z',
      completedAt: '2026-01-01T00:00:01Z',
      outputs: { replicas: 3 },
      podName: expect.stringMatching(/^fix-scale-/),
      message: 'Completed',
      conditions: [
        { type: 'Verified', status: 'True', reason: 'Proven', message: `signed by ${signer}` },
        { type: 'Complete', status: 'True' },
      ],
    });
    expect(world.told).toStrictEqual(['Normal ActionVerified', 'Normal JobCreated', 'Normal ActionCompleted']);
    expect(Object.fromEntries(world.cluster.calls)).toStrictEqual({
      'create Job': 1,
      'writeStatus ActionExecution': 2,
      'logTail Pod': 1,
      'patch Job': 1,
    });
    expect(world.cluster.get(jobPlace)).toMatchObject({ spec: { ttlSecondsAfterFinished: 300 } });
  });

  test('is not taken for removed when its Job is only seen late', async () => {
    const world = await started();
    const seen = world.cluster.ownedBy.bind(world.cluster);
    world.cluster.ownedBy = () => [];
    await world.after(1);
    await world.after(60);
    expect(world.status.phase).toBe('Running');
    world.cluster.ownedBy = seen;
    world.kubelet.finish(job, {});
    await world.after(1);
    expect(world.status.phase).toBe('Completed');
  });

  test('is left alone when it has ended', async () => {
    const world = await started();
    world.kubelet.finish(job, {});
    await world.after(1);
    const calls = world.cluster.callCount();
    for (let minute = 0; minute < 10; minute += 1) expect(await world.after(60)).toStrictEqual({ kind: 'settled' });
    world.cluster.drop(jobPlace);
    expect(await world.after(60)).toStrictEqual({ kind: 'settled' });
    expect(world.cluster.callCount()).toBe(calls);
    expect(world.status.phase).toBe('Completed');
  });

  test('says what its contract says otherwise of its outputs, and completes', async () => {
    const world = new World();
    const contract = contractWith({ outputs: [{ name: 'replicas', type: 'integer' }] });
    world.prove = (what) => proven(what, contract);
    world.add();
    await world.reconcile();
    // The process that asks for it is not the one that has proven it.
    world.restart();
    world.kubelet.finish(job, { log: '{"replicas":"3"}' });
    await world.after(1);
    expect(world.status).toMatchObject({
      phase: 'Completed',
      contract: 'git-clone@v1.0.0',
      outputs: { replicas: '3' },
      message: 'Completed; output replicas: expected an integer, got "3"',
    });
  });

  test('completes without outputs when its Pod is gone', async () => {
    const world = await started();
    const pod = world.kubelet.podOf(job);
    world.kubelet.finish(job, {});
    world.cluster.drop({ kind: kinds.pod, namespace: key.namespace, name: pod?.metadata.name ?? '' });
    await world.after(1);
    expect(world.status).toMatchObject({
      phase: 'Completed',
      message: 'Completed; its outputs are not known, because its Pod is gone',
    });
  });

  test('is asked for its log again for a minute, then completes without it', async () => {
    const world = await started();
    world.kubelet.finish(job, { log: '{"a":1}' });
    world.cluster.refuse = (verb) => (verb === 'logTail' ? 'unavailable' : undefined);
    expect(await world.after(1)).toStrictEqual({ kind: 'settled', requeueAfterMs: 2_000 });
    expect(world.status.phase).toBe('Running');
    await world.after(60);
    expect(world.status.phase).toBe('Completed');
    expect(world.status.message).toMatch(/its log cannot be read/);
  });

  test('that somebody else runs has no Job', async () => {
    const world = await started({ mirrors: 'fix-scale-run' });
    expect([world.jobs, world.asked, world.cluster.callCount()]).toStrictEqual([[], [], 0]);
  });

  test('that is being deleted has no Job', async () => {
    const world = new World();
    const action = world.add();
    world.cluster.put({ ...action, metadata: { ...action.metadata, finalizers: ['x/y'] } });
    world.cluster.drop({ kind: kinds.action, ...key });
    expect(await world.reconcile()).toStrictEqual({ kind: 'settled' });
    expect(world.jobs).toStrictEqual([]);
  });
});

describe('an image that is refused', () => {
  test.each<[FailureCode, string]>([
    ['SIGNATURE_MISSING', 'Forbidden'],
    ['NO_MATCHING_POLICY', 'Forbidden'],
    ['IMAGE_REFERENCE_INVALID', 'Forbidden'],
    ['IMAGE_NOT_FOUND', 'ImagePullBackOff'],
    ['INPUT_INVALID', 'ConfigurationError'],
    ['CONTRACT_INVALID', 'ConfigurationError'],
  ])('with %s fails as %s, and nothing is run', async (code, reason) => {
    const world = new World();
    world.prove = () => fail(failure(code, 'no'));
    world.add();
    await world.reconcile();
    expect(world.status).toMatchObject({
      phase: 'Failed',
      failureDetails: { reason, code, wasExecutionFailure: false, failedStepName: 'scale' },
      conditions: [
        { type: 'Verified', status: 'False', reason: code },
        { type: 'Complete', status: 'False', reason },
      ],
    });
    expect([world.jobs, world.calls('create Job'), world.told]).toStrictEqual([[], 0, ['Warning ActionFailed']]);
  });

  test('because nobody can tell yet is asked about again, with pauses that grow, and one word', async () => {
    const world = new World();
    world.prove = () => fail(failure('REGISTRY_UNREACHABLE', 'r.example does not answer', 5));
    world.add();
    const pauses: (number | undefined)[] = [];
    for (let count = 0; count < 8; count += 1) {
      const settled = await world.reconcile();
      const ms = settled.kind === 'settled' ? settled.requeueAfterMs : undefined;
      pauses.push(ms);
      world.nowMs += ms ?? 0;
    }
    expect(pauses).toStrictEqual([1_000, 1_000, 1_000, 1_500, 2_250, 3_375, 5_063, 7_594]);
    expect(world.status).toMatchObject({ phase: 'Pending', waiting: { reason: 'REGISTRY_UNREACHABLE' } });
    expect(world.status.message).toBe('Waiting: REGISTRY_UNREACHABLE: r.example does not answer');
    expect(world.calls('writeStatus ActionExecution')).toBe(1);
    world.prove = (what) => proven(what);
    await world.reconcile();
    expect(world.status.phase).toBe('Running');
    expect(world.status.waiting).toBeUndefined();
  });

  test('because nobody could tell in its time fails', async () => {
    const world = new World();
    world.prove = () => fail(failure('REGISTRY_UNREACHABLE', 'r.example does not answer'));
    world.add({ timeout: '5m' });
    await world.reconcile();
    await world.after(301);
    expect(world.status).toMatchObject({
      phase: 'Failed',
      failureDetails: { reason: 'Unknown', code: 'REGISTRY_UNREACHABLE' },
    });
    expect(world.jobs).toStrictEqual([]);
  });

  test.each([
    ['required', {}, /requires a workspace/],
    [
      'none',
      { volumes: [{ name: 'workspace', pvcName: 'fix-workspace', mountPath: '/workspace' }] },
      /uses no workspace/,
    ],
  ])('for a contract with workspace %s fails', async (workspace, spec, message) => {
    const world = new World();
    world.prove = (what) => proven(what, contractWith({ workspace }));
    world.add(spec);
    await world.reconcile();
    expect(world.status.failureDetails).toMatchObject({ reason: 'ConfigurationError', code: 'CONTRACT_CONFLICT' });
    expect(world.status.message).toMatch(message);
    expect(world.jobs).toStrictEqual([]);
  });
});

describe('an action that cannot be read', () => {
  test.each<[string, object, string]>([
    ['without an image, and not registered', { image: undefined }, 'ConfigurationError'],
    [
      'whose entry in the registry is broken',
      { image: undefined, actionType: 'kubernetes/broken' },
      'ConfigurationError',
    ],
    ['that asks for no verification', { imageVerification: { policy: 'none' } }, 'InvalidSpec'],
    ['with inputs that are no object', { inputs: [] }, 'InvalidSpec'],
  ])('%s fails', async (_what, spec, reason) => {
    const world = await started(spec);
    expect(world.status).toMatchObject({ phase: 'Failed', failureDetails: { reason } });
    expect(world.jobs).toStrictEqual([]);
  });
});

describe('a Job that is not made', () => {
  const taken = (ownerReferences: readonly object[]) => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'fix-scale', namespace: 'team', ownerReferences: ownerReferences as never },
    spec: { theirs: true },
  });

  test.each<[string, readonly object[]]>([
    ['nobody', []],
    ['a CronJob', [{ apiVersion: 'batch/v1', kind: 'CronJob', name: 'c', uid: 'c', controller: true }]],
    [
      'another action',
      [{ apiVersion: kinds.action.apiVersion, kind: 'ActionExecution', name: 'o', uid: 'o', controller: true }],
    ],
  ])('because there is one of %s is never touched', async (_whose, owners) => {
    const world = new World();
    const before = world.cluster.put(taken(owners));
    world.add();
    await world.reconcile();
    await world.after(600);
    expect(world.status).toMatchObject({ phase: 'Failed', failureDetails: { reason: 'NameTaken' } });
    expect(world.cluster.all(kinds.job)).toStrictEqual([before]);
  });

  test('because one of its predecessor is about to go is made a little later', async () => {
    const world = new World();
    const owner = {
      apiVersion: kinds.action.apiVersion,
      kind: 'ActionExecution',
      name: 'fix-scale',
      uid: 'old',
      controller: true,
    };
    world.cluster.put(taken([owner]));
    world.add();
    expect(await world.reconcile()).toMatchObject({ kind: 'retry' });
    world.cluster.drop(jobPlace);
    await world.reconcile();
    expect(world.status.phase).toBe('Running');
  });

  test.each([
    [403, 'admission webhook "validate.countersign.dev" denied the request: no', 'Forbidden'],
    [422, 'Job is invalid', 'ConfigurationError'],
    [404, 'namespaces "team" not found', 'ConfigurationError'],
  ])('because the API server says %i fails with its words', async (status, message, reason) => {
    const world = new World();
    world.cluster.refuse = (verb) => (verb === 'create' ? { status, message } : undefined);
    world.add();
    await world.reconcile();
    expect(world.status.failureDetails).toMatchObject({ reason, message: expect.stringContaining(message) });
  });

  test('because of a quota is tried until its time is over', async () => {
    const world = new World();
    const message = 'jobs.batch "fix-scale" is forbidden: exceeded quota: q, requested: count/jobs.batch=1';
    world.cluster.refuse = (verb) => (verb === 'create' ? { status: 403, message } : undefined);
    world.add({ timeout: '5m' });
    expect(await world.reconcile()).toStrictEqual({ kind: 'settled', requeueAfterMs: 1_000 });
    await world.after(20);
    expect(world.status).toMatchObject({ phase: 'Pending', waiting: { reason: 'ExceededQuota', message } });
    expect(world.calls('writeStatus ActionExecution')).toBe(1);
    await world.after(300);
    expect(world.status).toMatchObject({ phase: 'Failed', failureDetails: { reason: 'ResourceExhausted' } });
  });

  test('because the API server is away is tried again', async () => {
    const world = new World();
    world.cluster.refuse = () => 'unavailable';
    world.add();
    expect(await world.reconcile()).toMatchObject({ kind: 'retry' });
    world.cluster.refuse = undefined;
    await world.reconcile();
    expect(world.status.phase).toBe('Running');
  });
});

describe('a Pod that does not begin', () => {
  test.each([
    ['ErrImagePull', 'x: not found', 'ImagePullBackOff'],
    ['CreateContainerConfigError', 'secret "token" not found', 'ConfigurationError'],
  ])('%s is waited for a moment only, and stopped', async (reason, message, failed) => {
    const world = await started();
    world.kubelet.wait(job, reason, message);
    await world.after(1);
    expect(world.status).toMatchObject({ phase: 'Running', waiting: { reason, message } });
    world.kubelet.wait(job, reason === 'ErrImagePull' ? 'ImagePullBackOff' : reason, 'other words');
    expect(await world.after(10)).toStrictEqual({ kind: 'settled', requeueAfterMs: 20_000 });
    expect(world.calls('writeStatus ActionExecution')).toBe(2);
    await world.after(20);
    expect(world.status).toMatchObject({
      phase: 'Failed',
      failureDetails: { reason: failed, wasExecutionFailure: false },
    });
    expect(world.jobs).toStrictEqual([]);
  });

  test('goes on when what is missing comes', async () => {
    const world = await started();
    world.kubelet.wait(job, 'CreateContainerConfigError', 'secret "token" not found');
    await world.after(1);
    world.kubelet.run(job);
    await world.after(10);
    expect(world.status.waiting).toBeUndefined();
    world.kubelet.finish(job, {});
    await world.after(60);
    expect(world.status.phase).toBe('Completed');
  });

  test('because its registry is down waits, and has another attempt when its time is over', async () => {
    const world = await started();
    world.kubelet.wait(job, 'ErrImagePull', 'unexpected status from HEAD request: 503 Service Unavailable');
    await world.after(1);
    world.kubelet.wait(job, 'ImagePullBackOff', 'Back-off pulling image');
    await world.after(120);
    expect(world.status.phase).toBe('Running');
    world.kubelet.deadline(job);
    await world.after(1);
    expect(world.status).toMatchObject({ phase: 'Pending', attempts: 1 });
    await world.after(10);
    expect(world.status).toMatchObject({ phase: 'Running', attempts: 2, executionName: 'fix-scale.retry1' });
  });

  test.each([
    ['0/3 nodes are available: 3 Insufficient cpu.', 'ResourceExhausted'],
    ['pod has unbound immediate PersistentVolumeClaims', 'WorkspaceUnavailable'],
  ])('%s is waited for as long as it may take', async (message, reason) => {
    const world = await started();
    world.kubelet.unschedulable(job, message);
    expect(await world.reconcile()).toStrictEqual({ kind: 'settled', requeueAfterMs: 2_000 });
    await world.after(2);
    expect(world.status).toMatchObject({ phase: 'Running', waiting: { reason: 'Unschedulable', message } });
    await world.after(300);
    world.kubelet.deadline(job);
    await world.after(1);
    expect(world.status).toMatchObject({ phase: 'Failed', failureDetails: { reason, wasExecutionFailure: false } });
    expect(world.told.at(-1)).toBe('Warning ActionFailed');
  });

  test('because it is not even made is said after a while', async () => {
    const world = new World();
    world.add();
    expect(await world.reconcile()).toStrictEqual({ kind: 'settled', requeueAfterMs: 10_000 });
    expect(await world.after(1)).toStrictEqual({ kind: 'settled', requeueAfterMs: 9_000 });
    expect(await world.after(10)).toStrictEqual({ kind: 'settled', requeueAfterMs: 10_000 });
    expect(await world.after(44)).toStrictEqual({ kind: 'settled', requeueAfterMs: 5_000 });
    expect(world.status.waiting).toBeUndefined();
    await world.after(5);
    expect(world.status.waiting).toMatchObject({
      reason: 'PodNotCreated',
      message: expect.stringContaining('kubectl describe job fix-scale'),
    });
    world.kubelet.deadline(job);
    await world.after(1_800);
    expect(world.status.failureDetails).toMatchObject({ reason: 'Forbidden' });
  });

  const denied = (code: string): string =>
    `Error creating: admission webhook "pods.countersign.dev" denied the request: ${code}: no signatures found`;
  const warned = async (message: string, reason = 'FailedCreate'): Promise<World> => {
    const world = new World();
    world.add();
    await world.reconcile();
    world.cluster.warn(jobPlace, { reason, message });
    await world.after(10);
    return world;
  };

  test.each<[string, string, object]>([
    [
      'its service account is missing',
      'Error creating: pods "x-" is forbidden: error looking up service account team/scale-sa: serviceaccount "scale-sa" not found',
      {
        reason: 'ConfigurationError',
        naturalLanguageSummary: expect.stringMatching(/scale-sa.*create the service acc/),
      },
    ],
    ['the gate refuses it', denied('SIGNATURE_MISSING'), { reason: 'Forbidden', code: 'SIGNATURE_MISSING' }],
    ['its contract is in the way', denied('CONTRACT_CONFLICT'), { reason: 'ConfigurationError' }],
    [
      'its namespace is restricted',
      'Error creating: pods "x-" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot',
      { reason: 'Forbidden', message: expect.stringContaining('violates PodSecurity') },
    ],
    [
      'another webhook refuses it',
      'Error creating: admission webhook "other.example" denied the request: no',
      { reason: 'Forbidden' },
    ],
  ])('because %s is said soon, and is its end after half a minute', async (_, message, details) => {
    const world = await warned(message);
    expect(world.status).toMatchObject({
      phase: 'Running',
      waiting: { reason: 'PodNotCreated', message: message.replace('Error creating: ', '') },
    });
    expect(await world.after(29)).toStrictEqual({ kind: 'settled', requeueAfterMs: 1_000 });
    await world.after(1);
    expect(world.status).toMatchObject({ phase: 'Failed', failureDetails: { ...details, wasExecutionFailure: false } });
    expect(world.jobs).toStrictEqual([]);
    expect(world.told.slice(-2)).toStrictEqual(['Warning ActionWaiting', 'Warning ActionFailed']);
  });

  test.each<[string, string, string]>([
    ['a quota', 'Error creating: pods "x-" is forbidden: exceeded quota: pods, requested: pods=1', 'ResourceExhausted'],
    ['a registry that is away', denied('REGISTRY_TIMEOUT'), 'Unknown'],
    ['a gate that is away', 'Error creating: Internal error occurred: failed calling webhook "x": EOF', 'Forbidden'],
  ])('because of %s is waited for as long as it may take', async (_, message, reason) => {
    const world = await warned(message);
    expect(world.status.waiting).toMatchObject({ reason: 'PodNotCreated' });
    const writes = world.calls('writeStatus ActionExecution');
    expect(await world.after(300)).toStrictEqual({ kind: 'settled', requeueAfterMs: 30_000 });
    expect(world.calls('writeStatus ActionExecution')).toBe(writes);
    expect(world.status.phase).toBe('Running');
    world.kubelet.deadline(job);
    await world.after(1_800);
    expect(world.status).toMatchObject({ phase: 'Failed', failureDetails: { reason } });
  });

  test('waits anew when it is something else that is in its way', async () => {
    const world = await warned('Error creating: pods "x-" is forbidden: exceeded quota: pods');
    world.cluster.warn(jobPlace, { reason: 'FailedCreate', message: denied('SIGNATURE_MISSING') });
    await world.after(300);
    expect(world.status).toMatchObject({
      phase: 'Running',
      waiting: { message: expect.stringContaining('no signatures') },
    });
    await world.after(30);
    expect(world.status).toMatchObject({ phase: 'Failed', failureDetails: { code: 'SIGNATURE_MISSING' } });
  });

  test('because of something that no event explains is no reason to fail', async () => {
    const world = await warned('is slow', 'Slow');
    expect(world.status.waiting).toBeUndefined();
    world.cluster.refuse = (verb) => (verb === 'newestWarning' ? 'unavailable' : undefined);
    await world.after(600);
    expect(world.status).toMatchObject({ phase: 'Running', waiting: { reason: 'PodNotCreated' } });
    expect(await world.after(600)).toStrictEqual({ kind: 'settled', requeueAfterMs: 30_000 });
    expect(world.status.phase).toBe('Running');
  });

  test('is forgotten when it begins after all', async () => {
    const world = await warned(denied('SIGNATURE_MISSING'));
    world.kubelet.startJobs();
    world.kubelet.run(job);
    await world.after(60);
    expect(world.status).toMatchObject({ phase: 'Running' });
    expect(world.status.waiting).toBeUndefined();
  });
});

describe('an action that fails', () => {
  test('keeps what it has printed before, and does not wait for it', async () => {
    const world = await started();
    world.kubelet.finish(job, { exitCode: 3, log: '{"done":"half"}' });
    await world.after(1);
    expect(world.status).toMatchObject({ phase: 'Failed', outputs: { done: 'half' } });
    const mute = await started();
    mute.kubelet.finish(job, { exitCode: 3, log: '{"done":"half"}' });
    mute.cluster.refuse = (verb) => (verb === 'logTail' ? 'unavailable' : undefined);
    await mute.after(1);
    expect(mute.status).toMatchObject({ phase: 'Failed', failureDetails: { exitCode: 3 } });
    expect(mute.status).not.toHaveProperty('outputs');
  });

  test('by itself is not tried again', async () => {
    const world = await started();
    world.kubelet.finish(job, { exitCode: 3 });
    await world.after(1);
    expect(world.status).toMatchObject({
      phase: 'Failed',
      failureDetails: { reason: 'TaskFailed', exitCode: 3, wasExecutionFailure: true },
    });
    await world.after(600);
    expect(world.jobs).toStrictEqual(['fix-scale']);
  });

  test('out of memory says so', async () => {
    const world = await started();
    world.kubelet.finish(job, { exitCode: 137, reason: 'OOMKilled' });
    await world.after(1);
    expect(world.status.failureDetails).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
  });

  test('in the time of its contract says how long that was, whoever asks', async () => {
    const world = new World();
    world.prove = (what) => proven(what, contractWith({ timeout: '2m' }));
    world.add();
    await world.reconcile();
    world.kubelet.startJobs();
    world.kubelet.run(job);
    world.restart();
    world.kubelet.deadline(job);
    await world.after(120);
    expect(world.status.message).toMatch(/did not end within 2 min/);
  });

  test('in its time says how long it had', async () => {
    const world = await started({ timeout: '90s' });
    world.kubelet.run(job);
    await world.after(1);
    world.kubelet.deadline(job);
    await world.after(90);
    expect(world.status.failureDetails).toMatchObject({ reason: 'DeadlineExceeded' });
    expect(world.status.message).toMatch(/did not end within 90 s/);
  });

  test('with its node is tried again, after pauses that double, as often as it may', async () => {
    const world = await started({ retries: 2 });
    for (const [attempt, name] of ['fix-scale', 'fix-scale.retry1', 'fix-scale.retry2'].entries()) {
      expect(world.status).toMatchObject({ phase: 'Running', attempts: attempt + 1, executionName: name });
      world.kubelet.evict({ ...key, name });
      const settled = await world.reconcile();
      const pauseMs = settled.kind === 'settled' ? settled.requeueAfterMs : undefined;
      expect(pauseMs).toBe([1_000, 2_000, undefined][attempt]);
      await world.after((pauseMs ?? 0) / 1_000);
      world.kubelet.startJobs();
    }
    expect(world.status).toMatchObject({ phase: 'Failed', attempts: 3, failureDetails: { reason: 'Evicted' } });
    expect(world.told.filter((told) => told === 'Warning ActionRetried')).toHaveLength(2);
    expect(world.calls('create Job')).toBe(3);
    expect(world.asked).toHaveLength(3);
  });

  test('is not tried again when it may not', async () => {
    const world = await started({ retries: 0 });
    world.kubelet.evict(job);
    await world.after(1);
    expect(world.status).toMatchObject({ phase: 'Failed', failureDetails: { reason: 'Evicted' } });
  });
});

describe('somebody else', () => {
  test('removes its Job: it fails, and is not run again', async () => {
    const world = await started();
    world.cluster.drop(jobPlace);
    expect(await world.after(1)).toStrictEqual({ kind: 'settled', requeueAfterMs: 5_000 });
    await world.after(5);
    expect(world.status).toMatchObject({ phase: 'Failed', failureDetails: { reason: 'ExecutionRemoved' } });
    await world.after(600);
    expect(world.calls('create Job')).toBe(1);
  });

  test('cancels it before it runs', async () => {
    const world = await started({ cancel: true });
    expect([world.status.phase, world.jobs, world.asked]).toStrictEqual(['Cancelled', [], []]);
  });

  test('cancels it while it runs: its Job is removed', async () => {
    const world = await started();
    world.kubelet.run(job);
    world.add({ cancel: true });
    await world.after(1);
    expect([world.status.phase, world.jobs]).toStrictEqual(['Cancelled', []]);
  });

  test('cancels it after it has ended: what it came to stays', async () => {
    const world = await started();
    world.kubelet.finish(job, {});
    world.add({ cancel: true });
    await world.after(1);
    expect(world.status.phase).toBe('Completed');
  });

  test('cancels it between two attempts', async () => {
    const world = await started();
    world.kubelet.evict(job);
    await world.reconcile();
    world.add({ cancel: true });
    await world.after(60);
    expect([world.status.phase, world.calls('create Job')]).toStrictEqual(['Cancelled', 1]);
  });

  test('writes while it is decided: it is decided again', async () => {
    const world = await started();
    world.kubelet.finish(job, {});
    world.cluster.refuse = (verb) => {
      if (verb !== 'writeStatus') return undefined;
      world.cluster.refuse = undefined;
      world.add({ timeout: '1h' });
      return undefined;
    };
    expect(await world.after(1)).toStrictEqual({ kind: 'settled', requeueAfterMs: 1_000 });
    await world.after(1);
    expect(world.status.phase).toBe('Completed');
  });
});

test('an action that stands alone is found by its own name', async () => {
  const world = new World();
  const { apiVersion, kind } = kinds.action;
  world.cluster.put({ apiVersion, kind, metadata: key, spec: { image } });
  await world.reconcile();
  expect(world.cluster.get(jobPlace)).toMatchObject({ metadata: { labels: { 'kubernaut.io/workflow': 'fix-scale' } } });
  expect(start).toBe(world.nowMs);
});
