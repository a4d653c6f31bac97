/**
 * Both reconcilers in their loops, with all that happens between them: what one writes is what the other hears of. The process
 * is killed at each of its calls, before and after it took effect, and another takes over.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createActionReconciler } from '../../src/controllers/actions/reconciler.ts';
import type { Key } from '../../src/controllers/runtime/reconciler.ts';
import { startReconciler } from '../../src/controllers/runtime/start-reconciler.ts';
import { concerned } from '../../src/controllers/workflows/concerned.ts';
import { createWorkflowReconciler } from '../../src/controllers/workflows/reconcile-workflows.ts';
import { tektonEngine } from '../../src/controllers/workflows/tekton-engine.ts';
import type { Kind, KubeObject } from '../../src/kernel/kube-object.ts';
import { ok } from '../../src/kernel/result.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import type { Actions } from '../../src/ports/actions.ts';
import { kinds, workflowKinds } from '../../src/workflow/kinds.ts';
import { parseWorkflowStatus } from '../../src/workflow/parse-status.ts';
import { parseSettings } from '../../src/workflow/settings.ts';
import { fakeCluster, type FakeCluster } from '../fakes/fake-cluster.ts';
import { fakeKubelet } from '../fakes/fake-kubelet.ts';

const image = `registry.test/actions/one@sha256:${'a'.repeat(64)}`;
const [workflowKind] = workflowKinds;
if (workflowKind === undefined) throw new Error('there are kinds of workflows');
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const leads = { isLeader: () => true, onChange: () => () => undefined };
const noMetrics = {
  workflowStarted: () => undefined,
  workflowFinished: () => undefined,
  stepFinished: () => undefined,
  parallelSteps: () => undefined,
};
const actions: Actions = {
  prove: (action) => Promise.resolve(ok({ image, signers: ['sha256:key'], template: action.template, warnings: [] })),
};

/** One process of ours, from its start to its end. */
function begin(cluster: FakeCluster): { readonly end: () => void } {
  const { settings } = parseSettings({}, {});
  const common = {
    objects: cluster,
    events: { tell: () => undefined },
    clock: { now: () => new Date() },
    log: silent,
    settings: () => settings,
    registry: () => ({ actions: new Map(), problems: new Map() }),
  };
  const history = { keep: () => Promise.resolve(ok(undefined)), isStored: () => true };
  const tekton = tektonEngine({ objects: cluster, actions });
  const keysOf = (listed: readonly Kind[]): readonly Key[] =>
    listed.flatMap((kind) => cluster.list(kind)).map(({ metadata: { namespace = '', name } }) => ({ namespace, name }));
  const running = { workers: 4, leadership: leads, log: silent };
  const workflows = startReconciler({
    ...running,
    reconciler: createWorkflowReconciler({ ...common, history, tekton, metrics: noMetrics }),
    everything: () => keysOf(workflowKinds),
  });
  const ofActions = startReconciler({
    ...running,
    reconciler: createActionReconciler({ ...common, actions }),
    everything: () => keysOf([kinds.action]),
  });
  cluster.onChange((object) => {
    const keys = concerned(object, cluster);
    for (const key of keys.workflows) workflows.enqueue(key);
    for (const key of keys.actions) ofActions.enqueue(key);
  });
  return {
    end: () => {
      void workflows.close();
      void ofActions.close();
    },
  };
}

interface Step {
  readonly name: string;
  readonly runAfter?: readonly string[];
  readonly volumes?: readonly object[];
}

const steps: readonly Step[] = [
  { name: 'look' },
  { name: 'scale', runAfter: ['look'] },
  { name: 'label', runAfter: ['look'] },
  { name: 'check', runAfter: ['scale', 'label'] },
  { name: 'note' },
  { name: 'tell', runAfter: ['check', 'note'] },
];

interface Run {
  readonly workflow: KubeObject;
  /** Names of the Pods, in the order of their beginnings. */
  readonly pods: readonly string[];
  readonly calls: number;
  readonly ms: number;
}

/** Until it has ended, and nothing is written any more. */
async function run(kill?: { readonly at: number; readonly when: 'before' | 'after' }, exitCode = 0): Promise<Run> {
  const cluster = fakeCluster();
  const kubelet = fakeKubelet(cluster);
  const pods: string[] = [];
  if (kill !== undefined) cluster.failAfter(kill.at, kill.when);
  let process = begin(cluster);
  const { apiVersion, kind } = workflowKind as Kind;
  const spec = { steps: steps.map((step) => ({ ...step, image, inputs: { step: step.name } })) };
  cluster.put({ apiVersion, kind, metadata: { name: 'repair', namespace: 'shop' }, spec });
  const place = { kind: workflowKind as Kind, namespace: 'shop', name: 'repair' };
  const began = Date.now();
  for (let round = 0; round < 600; round += 1) {
    await vi.advanceTimersByTimeAsync(100);
    if (cluster.isKilled()) {
      process.end();
      cluster.revive();
      process = begin(cluster);
      continue;
    }
    const before = cluster.all(kinds.pod).length;
    kubelet.step((job) => ({ exitCode: job.metadata.name === 'repair-scale' ? exitCode : 0, log: '{"done": 1}' }));
    pods.push(
      ...cluster
        .all(kinds.pod)
        .slice(before)
        .map(({ metadata }) => metadata.name),
    );
    const stored = cluster.get(place);
    if (/Completed|Failed/.test(parseWorkflowStatus(stored).phase)) break;
  }
  const ms = Date.now() - began;
  await vi.advanceTimersByTimeAsync(60_000);
  const calls = cluster.callCount();
  await vi.advanceTimersByTimeAsync(600_000);
  expect(cluster.callCount() - calls, 'calls in ten minutes after the end').toBe(0);
  process.end();
  const workflow = cluster.get(place);
  if (workflow === undefined) throw new Error('the workflow is gone');
  return { workflow, pods: pods.map((name) => name.replace(/-\d+$/, '')).toSorted(), calls, ms };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const everyStepOnce = steps.map(({ name }) => `repair-${name}`).toSorted();

describe('a workflow of six steps', () => {
  test('completes, each step once, and nothing is asked of the API server afterwards', async () => {
    const { workflow, pods, ms } = await run();
    const status = parseWorkflowStatus(workflow);
    expect(status.phase).toBe('Completed');
    expect(status.steps.map(({ phase, outputs }) => [phase, outputs])).toEqual(
      steps.map(() => ['Completed', { done: 1 }]),
    );
    expect(pods).toEqual(everyStepOnce);
    expect(ms).toBeLessThan(5_000);
  });

  test('fails with its step, and what depends on it never begins', async () => {
    const { workflow, pods } = await run(undefined, 3);
    const status = parseWorkflowStatus(workflow);
    expect([status.phase, status.failureDetails?.failedStepName]).toEqual(['Failed', 'scale']);
    expect(pods).not.toContain('repair-check');
    expect(pods).not.toContain('repair-tell');
  });

  test.each(['before', 'after'] as const)(
    'a kill at each call, %s it took effect, changes nothing of that',
    async (when) => {
      const { calls } = await run();
      expect(calls).toBeGreaterThan(20);
      const bad: unknown[] = [];
      for (let at = 1; at <= calls; at += 1) {
        const { workflow, pods } = await run({ at, when });
        const { phase } = parseWorkflowStatus(workflow);
        const isFine = phase === 'Completed' && JSON.stringify(pods) === JSON.stringify(everyStepOnce);
        if (!isFine) bad.push({ at, phase, pods, status: asRecord(workflow['status']) });
      }
      expect(bad).toEqual([]);
    },
    120_000,
  );
});
