import { expect, test } from 'vitest';
import { kinds } from '../../../src/workflow/kinds.ts';
import { twinKind, world, type StepSpec } from './world.ts';

const manySteps = (count: number): readonly StepSpec[] =>
  Array.from({ length: count }, (_, index) => ({ name: `s${index}` }));
const two: readonly StepSpec[] = [{ name: 'a' }, { name: 'b', runAfter: ['a'] }];
const writes = (one: ReturnType<typeof world>): number => one.cluster.callCount();

// ---- before it begins

test.each([
  {
    title: 'a cycle',
    steps: [
      { name: 'a', runAfter: ['b'] },
      { name: 'b', runAfter: ['a'] },
    ],
    reason: 'InvalidDependencyGraph',
    says: 'dependency cycle detected: steps involved in cycle: [a b]',
  },
  {
    title: 'an unknown dependency',
    steps: [{ name: 'a', runAfter: ['nobody'] }],
    reason: 'InvalidDependencyGraph',
    says: 'invalid dependency: step a depends on non-existent step nobody',
  },
  { title: 'no steps', steps: [], reason: 'InvalidDependencyGraph', says: 'give at least one step' },
  { title: 'a step name that is no label', steps: [{ name: 'Not_One' }], reason: 'InvalidSpec', says: 'Not_One' },
])('a workflow with $title fails, and nothing of it is started', async ({ steps, reason, says }) => {
  const one = world();
  one.apply('w', steps);
  await one.run();
  expect(one.status('w')).toMatchObject({ phase: 'Failed', failureDetails: { reason } });
  expect(one.status('w').message).toContain(says);
  expect(one.status('w').engine).toBeUndefined();
  expect(one.cluster.all(kinds.action)).toEqual([]);
  expect(one.kept).toEqual([]);
});

test('one with more steps than the threshold waits for the annotation, and says which', async () => {
  const one = world();
  const { metadata } = one.apply('w', manySteps(11));
  await one.run();
  expect(one.status('w')).toMatchObject({ phase: '', message: expect.stringContaining('kubernaut.io/approved=true') });
  expect(one.cluster.calls.get('writeStatus WorkflowExecution')).toBe(1);
  expect(one.events.map(({ reason }) => reason)).toEqual(['WorkflowWaiting']);
  const object = one.objectOf('w');
  one.cluster.put({ ...object, metadata: { ...metadata, annotations: { 'kubernaut.io/approved': 'true' } } });
  await one.run();
  expect(one.status('w').phase).toBe('Completed');
});

test('one that is suspended from the beginning waits', async () => {
  const one = world();
  one.apply('w', two, { suspend: true });
  await one.run();
  expect(one.status('w').phase).toBe('');
  expect(one.cluster.all(kinds.action)).toEqual([]);
  one.change('w', { suspend: false });
  await one.run();
  expect(one.status('w').phase).toBe('Completed');
});

test('one that is cancelled from the beginning never begins', async () => {
  const one = world();
  one.apply('w', two, { cancel: true });
  await one.run();
  expect(one.status('w')).toMatchObject({
    phase: 'Failed',
    failureDetails: { reason: 'Cancelled' },
    steps: [{ phase: 'Cancelled' }, { phase: 'Cancelled' }],
  });
});

test('who asks for Tekton where it is off does not get Jobs instead', async () => {
  const one = world({
    settings: { tekton: { enabled: false, stage: 'all', includeDependencies: false, trackingActionExecutions: false } },
  });
  one.apply('w', two, {}, { annotations: { 'kubernaut.io/executor': 'tekton' } });
  one.apply('v', two);
  await one.run();
  expect(one.status('w')).toMatchObject({ phase: 'Failed', failureDetails: { reason: 'UnsupportedEngine' } });
  expect(one.status('v')).toMatchObject({ phase: 'Completed', engine: 'job' });
});

test('the engine is kept when settings change', async () => {
  const one = world();
  one.apply('w', two);
  await one.reconcileAll();
  one.state.settings = { ...one.state.settings, tekton: { ...one.state.settings.tekton, stage: 'all' } };
  await one.run();
  expect(one.status('w')).toMatchObject({ phase: 'Completed', engine: 'job' });
});

test('of two of one name in both groups the older one runs undisturbed', async () => {
  const one = world();
  one.apply('w', two);
  one.advance(2_000);
  one.apply('w', two, {}, { twin: true });
  await one.run();
  expect(one.status('w').phase).toBe('Completed');
  expect(one.status('w', twinKind)).toMatchObject({ phase: 'Failed', failureDetails: { reason: 'NameTaken' } });
  expect(one.status('w', twinKind).message).toContain('workflowexecution.kubernaut.ai/v1alpha1');
  expect(one.runs).toEqual(['w/a', 'w/b']);
});

test('one that was refused for its name is in nobody’s way', async () => {
  const one = world();
  one.apply('w', two);
  one.advance(2_000);
  one.apply('w', two, {}, { twin: true });
  await one.run();
  one.cluster.drop(one.place('w'));
  one.apply('w', two);
  await one.run();
  expect(one.status('w').phase).toBe('Completed');
});

test('one that is created anew under its old name waits until the remains of the old one are gone', async () => {
  const one = world();
  one.apply('w', two);
  await one.run(3);
  const remains = one.cluster.all(kinds.action);
  one.cluster.drop(one.place('w'));
  // The garbage collector takes its time.
  for (const action of remains) one.cluster.put(action);
  one.apply('w', two);
  await one.reconcileAll();
  expect(await one.reconcile('w')).toMatchObject({ kind: 'retry', why: expect.stringContaining('predecessor') });
  for (const { metadata } of remains) one.cluster.drop({ kind: kinds.action, namespace: 'apps', name: metadata.name });
  await one.run();
  expect(one.status('w').phase).toBe('Completed');
});

// ---- one workflow per target

test('while one acts on a target another is refused, and one that comes later is not', async () => {
  const one = world();
  const targetResource = 'production/Deployment/payment';
  one.apply('first', two, { targetResource });
  await one.run(2);
  one.apply('second', two, { targetResource });
  one.apply('other', two, { targetResource: 'production/Deployment/search' });
  await one.run();
  expect(one.status('first').phase).toBe('Completed');
  expect(one.status('other').phase).toBe('Completed');
  expect(one.status('second')).toMatchObject({ phase: 'Failed', failureDetails: { reason: 'Deduplicated' } });
  expect(one.status('second').message).toContain('apps/first');
  expect(one.events.some(({ reason }) => reason === 'WorkflowDeduplicated')).toBe(true);
  one.apply('third', two, { targetResource });
  await one.run();
  expect(one.status('third').phase).toBe('Completed');
});

test('of two that would begin at the same moment one does', async () => {
  const one = world();
  one.apply('first', two, { targetResource: 'apps/Deployment/x' });
  one.apply('second', two, { targetResource: 'apps/Deployment/x' });
  await Promise.all([one.reconcile('first'), one.reconcile('second')]);
  await one.run();
  const ends = [one.status('first'), one.status('second')].map(({ phase }) => phase);
  expect(ends.toSorted()).toEqual(['Completed', 'Failed']);
  expect(one.runs).toHaveLength(2);
});

// ---- after it has ended

test('a step is recorded when it begins and when it ends, in this order', async () => {
  const one = world();
  one.apply('w', two, { workflowType: 'restart', reason: 'OOM' });
  await one.run();
  expect(one.kept.map(({ step, status }) => `${step} ${status}`)).toEqual([
    'a executing',
    'a completed',
    'b executing',
    'b completed',
  ]);
  expect(one.kept[1]).toMatchObject({
    workflowUid: one.objectOf('w').metadata.uid,
    workflowId: 'w',
    namespace: 'apps',
    workflowType: 'restart',
    reason: 'OOM',
    engine: 'job',
    outputs: { step: 'a' },
    durationMs: 1_000,
  });
});

test('steps that never ran are recorded as skipped', async () => {
  const one = world({ ending: () => 'Failed' });
  one.apply('w', two);
  await one.run();
  const last = new Map(one.kept.map(({ step, status, failureReason }) => [step, [status, failureReason]]));
  expect(Object.fromEntries(last)).toEqual({ a: ['failed', 'TaskFailed'], b: ['skipped', undefined] });
});

test('what a process before has not handed over is handed over at the end', async () => {
  const one = world();
  one.state.isStored = false;
  one.apply('w', two);
  await one.run();
  one.kept.length = 0;
  one.restart();
  await one.run();
  expect(one.kept.map(({ step, status }) => `${step} ${status}`)).toEqual(['a completed', 'b completed']);
});

test('what the outbox could not keep is handed over again', async () => {
  const one = world();
  one.state.isOutboxBroken = true;
  one.apply('w', two);
  await one.run();
  expect(one.status('w').phase).toBe('Completed');
  expect(one.status('w').conditions.find(({ type }) => type === 'Recorded')?.status).toBe('False');
  one.state.isOutboxBroken = false;
  await one.run();
  expect(one.kept.map(({ step, status }) => `${step} ${status}`)).toEqual(['a completed', 'b completed']);
  expect(one.status('w').conditions.find(({ type }) => type === 'Recorded')?.status).toBe('True');
});

test('a finished workflow is not written in ten minutes, however often it is looked at', async () => {
  const one = world();
  one.apply('done', two);
  one.apply('failed', [{ name: 'a', runAfter: ['nobody'] }]);
  await one.run();
  const before = writes(one);
  for (let second = 0; second < 600; second += 1) {
    one.advance(1_000);
    await one.reconcileAll();
  }
  expect(writes(one)).toBe(before);
  expect(await one.reconcile('done')).toEqual({ kind: 'settled' });
});

test('a finished workflow is not written while its history is away either', async () => {
  const one = world();
  one.state.isStored = false;
  one.apply('w', two, { ttlSecondsAfterFinished: 1 });
  await one.run();
  const before = writes(one);
  const kept = one.kept.length;
  await one.run(600);
  expect(writes(one)).toBe(before);
  expect(one.kept).toHaveLength(kept);
  expect(one.objectOf('w')).toBeDefined();
});

test.each([
  { title: 'its own', spec: { ttlSecondsAfterFinished: 100 }, settings: {}, leaves: true },
  { title: 'the setting', spec: {}, settings: { workflowTtlSeconds: 100 }, leaves: true },
  { title: 'none', spec: {}, settings: {}, leaves: false },
])('is removed when its time is over and its history is stored: $title', async ({ spec, settings, leaves }) => {
  const one = world({ settings });
  one.apply('w', [{ name: 'a' }], spec);
  await one.run(20);
  const completedAt = Date.parse(one.status('w').completedAt ?? '');
  const settled = await one.reconcile('w');
  const remains = completedAt + 100_000 - one.now().getTime();
  expect(settled).toEqual(leaves ? { kind: 'settled', requeueAfterMs: remains } : { kind: 'settled' });
  one.advance(remains - 1);
  await one.reconcileAll();
  expect(one.objectOf('w')).toBeDefined();
  one.advance(1);
  await one.reconcileAll();
  expect(one.cluster.get(one.place('w')) === undefined).toBe(leaves);
});
