/** What holds for every Task, whatever is written into it and whatever its Job comes to. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { agentKinds } from '../../../src/agents/kinds.ts';
import type { TaskPhase } from '../../../src/agents/model.ts';
import { kubeTaskConcerned } from '../../../src/controllers/kube-tasks/concerned.ts';
import type { KubeObject } from '../../../src/kernel/kube-object.ts';
import { staleView } from '../workflows/stale-view.ts';
import { fromConfigMap, fromKey, inline, jobPlace, key, World } from './world.ts';

const paths = fc.constantFrom(
  '/workspace/task.md',
  '/workspace/a/b',
  '/workspace/c',
  '/etc/passwd',
  'relative',
  '../up',
);
const contexts = fc.array(
  fc.oneof(
    fc.tuple(paths, fc.constantFrom('', 'text', '$(TASK_NAME)')).map(([path, text]) => inline(path, text)),
    fc.tuple(paths, fc.boolean()).map(([path, optional]) => fromKey(path, 'present', 'key', optional)),
    fc.tuple(paths, fc.boolean()).map(([path, optional]) => fromKey(path, 'absent', 'key', optional)),
    fc.tuple(paths, fc.boolean()).map(([path, optional]) => fromConfigMap(path, 'present', optional)),
    fc.constant({ type: 'Video' }),
  ),
  { maxLength: 5 },
);
type Step = (world: World) => void;
const steps = fc.array(
  fc.constantFrom<Step>(
    (world) => void world.kubelet.startJobs(),
    (world) => world.job !== undefined && world.kubelet.run(jobPlace),
    (world) => world.job !== undefined && world.kubelet.wait(jobPlace, 'ErrImagePull', 'not found'),
    (world) => world.job !== undefined && world.kubelet.unschedulable(jobPlace, 'no node'),
    (world) => world.job !== undefined && world.kubelet.finish(jobPlace),
    (world) => world.job !== undefined && world.kubelet.finish(jobPlace, { exitCode: 1 }),
    (world) => world.job !== undefined && world.kubelet.evict(jobPlace),
    (world) => world.job !== undefined && world.kubelet.deadline(jobPlace),
    (world) => world.cluster.drop({ kind: agentKinds.job, ...jobPlace }),
    (world) => void world.addTask({ contexts: [] }),
    (world) => void (world.nowMs += 7_000),
    (world) => void (world.nowMs += 31_000),
    (world) => world.restart(),
  ),
  { maxLength: 8 },
);

const order: readonly TaskPhase[] = ['', 'Pending', 'Running', 'Completed'];
const rank = (phase: TaskPhase): number => (phase === 'Failed' ? order.length : order.indexOf(phase));

describe('a Task, whatever happens to it', () => {
  test('goes forward only, has one Job at most, and changes nothing when nothing has happened', async () => {
    await fc.assert(
      fc.asyncProperty(contexts, steps, async (given, happenings) => {
        const world = new World();
        world.addAgent();
        world.addConfigMap('present', { key: 'value' });
        world.addTask({ contexts: given });
        const uids = new Set<string>();
        for (const happen of [() => {}, ...happenings]) {
          happen(world);
          const before = rank(world.status.phase);
          await world.reconcile();
          expect(rank(world.status.phase)).toBeGreaterThanOrEqual(before);
          for (const { metadata } of world.cluster.all(agentKinds.job)) uids.add(metadata.uid);
          const [calls, version] = [world.calls('writeStatus Task'), world.task?.metadata.resourceVersion];
          await world.reconcile();
          expect(world.calls('writeStatus Task')).toBe(calls);
          expect(world.task?.metadata.resourceVersion).toBe(version);
        }
        expect(uids.size).toBeLessThanOrEqual(1);
        const { phase, completionTime } = world.status;
        expect(completionTime !== undefined).toBe(phase === 'Completed' || phase === 'Failed');
      }),
      { numRuns: 300 },
    );
  });

  test('runs once, however late we hear of what we have done', async () => {
    for (const kind of ['Task', 'Job', 'Pod']) {
      const world = new World();
      world.seen = staleView(
        world.cluster,
        (one) => one === kind,
        () => world.nowMs,
      );
      world.restart();
      world.seen = staleView(
        world.cluster,
        (one) => one === kind,
        () => world.nowMs,
      );
      world.addAgent();
      world.addTask();
      for (let second = 0; second < 30; second += 1) {
        await world.after(1);
        if (second === 8) world.kubelet.run(jobPlace);
        if (second === 12) world.kubelet.finish(jobPlace);
      }
      expect(world.cluster.all(agentKinds.job)).toHaveLength(1);
      expect(world.calls('create Job')).toBeLessThanOrEqual(2);
    }
  });
});

// The budget: a change that needs more calls has to say so here.
test('200 Tasks cost five calls each', async () => {
  const world = new World();
  world.addAgent();
  const due = new Set<string>();
  world.cluster.onChange((object) => {
    for (const { name } of kubeTaskConcerned(object)) due.add(name);
  });
  for (let index = 0; index < 200; index += 1) world.addTask({}, `t-${index}`);
  while (due.size > 0) {
    for (const name of due) {
      due.delete(name);
      expect((await world.reconcile(name)).kind).toBe('settled');
    }
    world.kubelet.step();
    world.nowMs += 1_000;
  }
  expect(world.load().tasks).toEqual([{ system: 'kubetask', namespace: 'team', phase: 'Completed', count: 200 }]);
  expect(world.cluster.callCount()).toBe(1_000);
});

describe('who looks again', () => {
  const of = (apiVersion: string, kind: string, metadata: object): KubeObject => ({
    apiVersion,
    kind,
    metadata: { name: 'x', namespace: 'team', uid: 'u', resourceVersion: '1', ...metadata },
  });
  const label = { 'kubetask.io/task': 'update' };
  test.each([
    ['a Task', of('kubetask.io/v1alpha1', 'Task', { name: 'update' }), [key]],
    ['its Job', of('batch/v1', 'Job', { labels: label }), [key]],
    ['its Pod', of('v1', 'Pod', { labels: label }), [key]],
    [
      'a Job of a Task with a long name',
      of('batch/v1', 'Job', { labels: label, annotations: { 'countersign.dev/task': 'team/update-and-more' } }),
      [{ ...key, name: 'update-and-more' }],
    ],
    ['a Task of KubeOpenCode', of('kubeopencode.io/v1alpha1', 'Task', { labels: label }), []],
    ['a Task of Tekton', of('tekton.dev/v1', 'Task', { labels: label }), []],
    ['a Job of nobody', of('batch/v1', 'Job', {}), []],
    ['an Agent', of('kubetask.io/v1alpha1', 'Agent', {}), []],
  ])('after %s has changed', (_, object, keys) => {
    expect(kubeTaskConcerned(object)).toEqual(keys);
  });
});
