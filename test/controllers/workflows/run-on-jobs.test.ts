import { expect, test } from 'vitest';
import { kinds } from '../../../src/workflow/kinds.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import { image, sixSteps, world, type StepSpec } from './world.ts';

const phases = (one: ReturnType<typeof world>, name = 'w') =>
  Object.fromEntries(one.status(name).steps.map((step) => [step.name, step.phase]));
const condition = (one: ReturnType<typeof world>, type: string) =>
  one.status('w').conditions.find((found) => found.type === type);
const diamond: readonly StepSpec[] = [
  { name: 'left' },
  { name: 'right' },
  { name: 'join', runAfter: ['left', 'right'] },
];

test('begins with every step pending and the words of the documents', async () => {
  const one = world();
  one.apply('w', diamond);
  await one.reconcileAll();
  expect(one.status('w')).toMatchObject({
    phase: 'Initializing',
    message: 'Workflow initialized, ready to execute steps',
    engine: 'job',
    startedAt: '2026-01-01T00:00:00.000Z',
    observedGeneration: 1,
  });
  expect(phases(one)).toEqual({ left: 'Pending', right: 'Pending', join: 'Pending' });
  expect(one.counted.started).toBe(1);
});

test('starts what waits for nothing, and says that it monitors', async () => {
  const one = world();
  one.apply('w', diamond);
  await one.reconcileAll();
  await one.reconcileAll();
  expect(one.status('w')).toMatchObject({
    phase: 'Executing',
    message: 'All steps created, monitoring execution',
  });
  expect(phases(one)).toEqual({ left: 'Running', right: 'Running', join: 'Pending' });
  expect(one.cluster.all(kinds.action).map(({ metadata }) => metadata.name)).toEqual(['w-left', 'w-right']);
});

test('an ActionExecution says what is to be run, and whose it is', async () => {
  const one = world();
  const inputs = { replicas: 10, patch: 'a\nb', money: '$(HOME)' };
  const { metadata } = one.apply('w', [
    { name: 'a', actionType: 'git/clone', inputs, usesWorkspace: true, retries: 2, timeout: '90s' },
  ]);
  await one.reconcileAll();
  await one.reconcileAll();
  expect(one.cluster.all(kinds.action)[0]).toMatchObject({
    metadata: {
      name: 'w-a',
      namespace: 'apps',
      labels: { 'kubernaut.io/workflow': 'w', 'kubernaut.io/step': 'a' },
      ownerReferences: [{ kind: 'WorkflowExecution', name: 'w', uid: metadata.uid, controller: true }],
    },
    spec: {
      actionType: 'git/clone',
      image,
      imageVerification: { policy: 'strict' },
      inputs,
      volumes: [{ name: 'workspace', pvcName: 'w-workspace', mountPath: '/workspace' }],
      retries: 2,
      timeout: '90s',
    },
  });
});

test('the third step starts when both that it waits for are completed, not before', async () => {
  const one = world();
  one.apply('w', diamond);
  await one.run();
  const [left, right, join] = one.status('w').steps;
  expect(one.runs).toEqual(['w/left', 'w/right', 'w/join']);
  const parents = [left, right].map((step) => Date.parse(step?.completedAt ?? ''));
  expect(Date.parse(join?.startedAt ?? '')).toBeGreaterThanOrEqual(Math.max(...parents));
  expect(one.status('w')).toMatchObject({ phase: 'Completed', message: 'All steps completed' });
  expect(join).toMatchObject({ outputs: { step: 'join' }, executionName: 'w-join', image });
});

test('no more steps run at a time than allowed', async () => {
  const one = world({ settings: { maxParallelSteps: 2 } });
  one.apply('w', [{ name: 'a' }, { name: 'b' }, { name: 'c' }, { name: 'd' }]);
  await one.run();
  expect(one.status('w').phase).toBe('Completed');
  expect(Math.max(...one.parallel.map(({ active }) => active))).toBe(2);
  expect(one.parallel).toContainEqual({ active: 2, queued: 2, max: 2 });
  expect(one.parallel.at(-1)).toEqual({ active: 0, queued: 0, max: 2 });
});

test('a step that fails keeps its dependents from running; what ran is let finish, and nothing else begins', async () => {
  const one = world({ ending: (step) => (step === 'bad' ? 'Failed' : 'Completed'), settings: { maxParallelSteps: 2 } });
  one.apply('w', [{ name: 'bad' }, { name: 'other' }, { name: 'later' }, { name: 'child', runAfter: ['bad'] }]);
  await one.run();
  expect(phases(one)).toEqual({ bad: 'Failed', other: 'Completed', later: 'Skipped', child: 'Skipped' });
  expect(one.status('w')).toMatchObject({
    phase: 'Failed',
    message: 'Step bad exited with code 1.',
    failureDetails: {
      reason: 'TaskFailed',
      exitCode: 1,
      failedStepName: 'bad',
      failedTaskIndex: 0,
      wasExecutionFailure: true,
    },
  });
  expect(one.runs).toEqual(['w/bad', 'w/other']);
});

test('the claim of the workspace is there before any step, and gone at the end', async () => {
  const order: string[] = [];
  const one = world();
  one.cluster.onChange((object, change) => order.push(`${object.kind} ${change}`));
  one.apply('w', [{ name: 'a' }, { name: 'b', usesWorkspace: true, runAfter: ['a'] }]);
  await one.run(3);
  expect(one.status('w').workspacePVC).toBe('w-workspace');
  expect(order.indexOf('PersistentVolumeClaim present')).toBeLessThan(order.indexOf('ActionExecution present'));
  await one.run();
  expect(one.status('w').workspacePVC).toBeUndefined();
  expect(one.cluster.all(kinds.claim)).toEqual([]);
});

test('the claim of a workflow that failed is gone too', async () => {
  const one = world({ ending: () => 'Failed' });
  one.apply('w', [{ name: 'a', usesWorkspace: true }]);
  await one.run();
  expect(one.status('w').phase).toBe('Failed');
  expect(one.cluster.all(kinds.claim)).toEqual([]);
});

test('no claim is made where no step uses the workspace', async () => {
  const one = world();
  one.apply('w', diamond);
  await one.run();
  expect(one.cluster.calls.get('create PersistentVolumeClaim')).toBeUndefined();
});

test('a claim of that name that belongs to somebody else is neither used nor removed', async () => {
  const one = world();
  const metadata = { name: 'w-workspace', namespace: 'apps', labels: { 'countersign.dev/engine': 'job' } };
  one.cluster.put({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec: {} });
  one.apply('w', sixSteps);
  await one.run();
  expect(one.status('w')).toMatchObject({ phase: 'Failed', failureDetails: { reason: 'NameTaken' } });
  expect(one.runs).toEqual([]);
  expect(one.cluster.all(kinds.claim)).toHaveLength(1);
});

test('a claim that is refused keeps everything from starting', async () => {
  const one = world();
  one.cluster.refuse = (verb, kind) =>
    verb === 'create' && kind === 'PersistentVolumeClaim' ? { status: 403, message: 'exceeded quota' } : undefined;
  one.apply('w', sixSteps);
  await one.run();
  expect(one.status('w')).toMatchObject({ phase: 'Failed', failureDetails: { reason: 'WorkspaceUnavailable' } });
  expect(one.status('w').message).toContain('exceeded quota');
  expect(one.cluster.all(kinds.action)).toEqual([]);
});

test('an ActionExecution of that name that belongs to somebody else is not touched', async () => {
  const one = world();
  const metadata = { name: 'w-right', namespace: 'apps' };
  const spec = { image: 'theirs' };
  one.cluster.put({ apiVersion: kinds.action.apiVersion, kind: 'ActionExecution', metadata, spec });
  one.cluster.setStatus({ kind: kinds.action, namespace: 'apps', name: 'w-right' }, { phase: 'Completed' });
  one.apply('w', diamond);
  await one.run();
  expect(one.status('w')).toMatchObject({ phase: 'Failed', failureDetails: { reason: 'NameTaken' } });
  expect(phases(one)).toEqual({ left: 'Completed', right: 'Failed', join: 'Skipped' });
  expect(one.objectOf('w')).toBeDefined();
  expect(one.cluster.get({ kind: kinds.action, namespace: 'apps', name: 'w-right' })?.['spec']).toEqual(spec);
});

test.each([
  { status: 403, reason: 'Forbidden' },
  { status: 404, reason: 'ConfigurationError' },
  { status: 422, reason: 'InvalidSpec' },
])('an ActionExecution that is refused with $status fails its step as $reason', async ({ status, reason }) => {
  const one = world();
  one.cluster.refuse = (verb, kind) =>
    verb === 'create' && kind === 'ActionExecution' ? { status, message: 'no, and why' } : undefined;
  one.apply('w', diamond);
  await one.run();
  expect(one.status('w')).toMatchObject({ phase: 'Failed', failureDetails: { reason, failedStepName: 'left' } });
  expect(one.status('w').message).toContain('no, and why');
});

test('an API server that is away is asked again, and the workflow fails of nothing', async () => {
  const one = world();
  one.apply('w', diamond);
  await one.reconcileAll();
  one.cluster.refuse = () => 'unavailable';
  expect(await one.reconcile('w')).toMatchObject({ kind: 'retry' });
  one.cluster.refuse = undefined;
  await one.run();
  expect(one.status('w').phase).toBe('Completed');
});

test('an ActionExecution that somebody removed while it ran fails its step after a moment', async () => {
  const one = world({ ending: (step) => (step === 'left' ? 'removed' : 'Completed') });
  one.apply('w', diamond);
  await one.run();
  expect(one.status('w')).toMatchObject({
    phase: 'Failed',
    failureDetails: { reason: 'ExecutionRemoved', failedStepName: 'left', wasExecutionFailure: true },
  });
  expect(one.runs).toEqual(['w/left', 'w/right']);
});

test('one that is only seen late is not taken for removed', async () => {
  const one = world();
  one.apply('w', [{ name: 'a' }]);
  await one.reconcileAll();
  await one.reconcileAll();
  const seen = one.cluster.ownedBy.bind(one.cluster);
  one.cluster.ownedBy = () => [];
  expect(await one.reconcile('w')).toEqual({ kind: 'settled', requeueAfterMs: 5_000 });
  one.advance(60_000);
  // The API server itself is asked.
  expect(await one.reconcile('w')).toEqual({ kind: 'settled', requeueAfterMs: 5_000 });
  one.cluster.ownedBy = seen;
  await one.run();
  expect(one.status('w').phase).toBe('Completed');
});

test('a step without image runs what the action registry has', async () => {
  const registered = {
    actionType: 'git/clone',
    image,
    contract: '/action-contract.yaml',
    verification: 'strict',
  } as const;
  const one = world({ registry: { actions: new Map([['git/clone', registered]]), problems: new Map() } });
  one.apply('w', [{ name: 'a', image: undefined, actionType: 'git/clone' }]);
  await one.run();
  expect(one.status('w').phase).toBe('Completed');
  expect(asRecord(one.cluster.all(kinds.action)[0]?.['spec'])?.['image']).toBe(image);
});

test.each([
  { title: 'not registered', actionType: 'git/other', says: 'git/other is not in the action registry' },
  { title: 'registered wrongly', actionType: 'git/broken', says: 'is of no use: image is missing' },
  { title: 'without any action', actionType: undefined, says: 'neither image nor actionType' },
])('nothing is started when a later step is $title', async ({ actionType, says }) => {
  const one = world({ registry: { actions: new Map(), problems: new Map([['git/broken', 'image is missing']]) } });
  one.apply('w', [{ name: 'a' }, { name: 'b', image: undefined, actionType, runAfter: ['a'] }]);
  await one.run();
  expect(one.status('w')).toMatchObject({
    phase: 'Failed',
    failureDetails: { reason: 'ConfigurationError', failedStepName: 'b', failedTaskIndex: 1 },
  });
  expect(one.status('w').message).toContain(says);
  expect(one.runs).toEqual([]);
});

test('a suspended workflow lets finish what runs, and goes on later', async () => {
  const one = world();
  one.apply('w', diamond);
  await one.run(2);
  one.change('w', { suspend: true });
  await one.run();
  expect(phases(one)).toEqual({ left: 'Completed', right: 'Completed', join: 'Pending' });
  expect(one.status('w').message).toContain('spec.suspend');
  one.change('w', { suspend: false });
  await one.run();
  expect(one.status('w').phase).toBe('Completed');
});

test('a cancelled workflow stops what runs and starts nothing else', async () => {
  const one = world();
  one.apply('w', diamond);
  await one.reconcileAll();
  await one.reconcileAll();
  one.change('w', { cancel: true });
  await one.reconcileAll();
  expect(one.cluster.all(kinds.action).map((action) => asRecord(action['spec'])?.['cancel'])).toEqual([true, true]);
  await one.run();
  expect(one.status('w')).toMatchObject({ phase: 'Failed', failureDetails: { reason: 'Cancelled' } });
  expect(phases(one)).toEqual({ left: 'Cancelled', right: 'Cancelled', join: 'Cancelled' });
});

test('cancelling what has completed everything does not make it fail', async () => {
  const one = world();
  one.apply('w', [{ name: 'a' }]);
  await one.run(2);
  one.runActions();
  one.change('w', { cancel: true });
  await one.run();
  expect(one.status('w').phase).toBe('Completed');
});

test('a run that takes longer than its timeout is stopped', async () => {
  const one = world();
  one.apply('w', diamond, { timeout: '10s' });
  await one.reconcileAll();
  await one.reconcileAll();
  expect(await one.reconcile('w')).toEqual({ kind: 'settled', requeueAfterMs: 10_000 });
  one.advance(10_000);
  await one.run();
  expect(one.status('w')).toMatchObject({ phase: 'Failed', failureDetails: { reason: 'DeadlineExceeded' } });
  expect(phases(one)).toEqual({ left: 'Cancelled', right: 'Cancelled', join: 'Cancelled' });
});

test('an ActionExecution that somebody cancelled ends the workflow', async () => {
  const one = world();
  one.apply('w', diamond);
  await one.reconcileAll();
  await one.reconcileAll();
  const [left] = one.cluster.all(kinds.action);
  if (left !== undefined) one.cluster.put({ ...left, spec: { ...asRecord(left['spec']), cancel: true } });
  await one.run();
  expect(one.status('w')).toMatchObject({
    phase: 'Failed',
    failureDetails: { reason: 'Cancelled', failedStepName: 'left', failedTaskIndex: 0 },
  });
  expect(phases(one)).toEqual({ left: 'Cancelled', right: 'Completed', join: 'Skipped' });
});

test('what steps print does not make the status too large', async () => {
  const one = world();
  one.apply('w', [{ name: 'a' }, { name: 'b' }, { name: 'c' }]);
  await one.reconcileAll();
  await one.reconcileAll();
  for (const name of ['w-a', 'w-b', 'w-c']) {
    const text = 'x'.repeat(name === 'w-c' ? 10 : 200_000);
    one.cluster.setStatus({ kind: kinds.action, namespace: 'apps', name }, { phase: 'Completed', outputs: { text } });
  }
  await one.run();
  const [a, b, c] = one.status('w').steps;
  expect(a?.outputs).toHaveProperty('text');
  expect(b?.outputs).toEqual({ 'countersign.dev/omitted': expect.stringContaining('200011 bytes') });
  expect(c?.outputs).toEqual({ text: 'xxxxxxxxxx' });
  expect(JSON.stringify(one.objectOf('w')['status']).length).toBeLessThan(300_000);
});

test('conditions follow the phases, and Recorded the history', async () => {
  const one = world();
  one.state.isStored = false;
  one.apply('w', [{ name: 'a' }]);
  await one.run(2);
  expect(condition(one, 'ExecutionCreated')?.status).toBe('True');
  expect(condition(one, 'ExecutionRunning')?.status).toBe('True');
  expect(condition(one, 'ExecutionComplete')?.status).toBe('False');
  await one.run();
  expect(condition(one, 'ExecutionRunning')?.status).toBe('False');
  expect(condition(one, 'ExecutionComplete')).toMatchObject({ status: 'True', reason: 'Completed' });
  expect(condition(one, 'Ready')?.status).toBe('True');
  expect(condition(one, 'Recorded')?.status).toBe('False');
  one.state.isStored = true;
  await one.run();
  expect(condition(one, 'Recorded')?.status).toBe('True');
});

test('events say what happened, from a closed set', async () => {
  const one = world({ ending: (step) => (step === 'join' ? 'Failed' : 'Completed') });
  one.apply('w', diamond);
  await one.run();
  expect(one.events.map(({ reason, type }) => `${type} ${reason}`)).toEqual([
    'Normal WorkflowInitialized',
    'Normal ExecutionCreated',
    'Normal StepCompleted',
    'Normal StepCompleted',
    'Warning StepFailed',
    'Warning WorkflowFailed',
  ]);
  expect(one.counted.steps.map(({ phase }) => phase)).toEqual(['Completed', 'Completed', 'Failed']);
  expect(one.counted.workflows).toMatchObject([{ engine: 'job', failure: 'TaskFailed' }]);
});

test('an executor that is written into the annotation later changes nothing', async () => {
  const one = world();
  one.apply('w', diamond);
  await one.run(2);
  const object = one.objectOf('w');
  const annotations = { 'kubernaut.io/executor': 'nonsense' };
  one.cluster.put({ ...object, metadata: { ...object.metadata, annotations } });
  await one.run();
  expect(one.status('w')).toMatchObject({ phase: 'Completed', engine: 'job' });
});

test('a spec that cannot be read any more pauses the workflow until it is corrected', async () => {
  const one = world();
  one.apply('w', diamond, { timeout: '1h' });
  await one.run(2);
  one.change('w', { timeout: 'soon' });
  await one.run();
  expect(one.status('w')).toMatchObject({ phase: 'Executing', message: expect.stringContaining('spec.timeout') });
  expect(one.runs).toEqual(['w/left', 'w/right']);
  one.change('w', { timeout: '1h' });
  await one.run();
  expect(one.status('w').phase).toBe('Completed');
});

test('labels that somebody took from an ActionExecution change nothing', async () => {
  const one = world();
  one.apply('w', [{ name: 'a' }]);
  await one.run(2);
  const [action] = one.cluster.all(kinds.action);
  if (action !== undefined) one.cluster.put({ ...action, metadata: { ...action.metadata, labels: {} } });
  await one.run();
  expect(one.status('w').phase).toBe('Completed');
});
