import { expect, test } from 'vitest';
import { createActionReconciler } from '../../../src/controllers/actions/reconciler.ts';
import { createWorkflowReconciler } from '../../../src/controllers/workflows/reconcile-workflows.ts';
import { failure } from '../../../src/kernel/failure.ts';
import type { KubeObject } from '../../../src/kernel/kube-object.ts';
import { fail, ok } from '../../../src/kernel/result.ts';
import { kinds } from '../../../src/workflow/kinds.ts';
import { parseWorkflowStatus } from '../../../src/workflow/parse-status.ts';
import { fakeCluster, Killed } from '../../fakes/fake-cluster.ts';
import { fakeKubelet, type Outcome } from '../../fakes/fake-kubelet.ts';
import { image, sixSteps, usualSettings, workflowKind } from './world.ts';

// Both reconcilers together, with what kubelet and Job controller write.

function bothWorld(outcome: (step: string) => Outcome = () => ({ log: 'noise\n{"done":true}\n' })) {
  let nowMs = Date.parse('2026-01-01T00:00:00.000Z');
  const cluster = fakeCluster({ now: () => nowMs });
  const kubelet = fakeKubelet(cluster, () => nowMs);
  /** UIDs of Pods that ran, by step. */
  const ran = new Map<string, Set<string>>();

  function begin() {
    const common = {
      objects: cluster,
      events: { tell: () => undefined },
      settings: () => usualSettings,
      registry: () => ({ actions: new Map(), problems: new Map() }),
      clock: { now: () => new Date(nowMs) },
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    };
    const workflows = createWorkflowReconciler({
      ...common,
      tekton: { decide: () => Promise.resolve(fail(failure('INTERNAL', 'nothing here runs on Tekton'))) },
      history: { keep: () => Promise.resolve(ok(undefined)), isStored: () => true },
      metrics: {
        workflowStarted: () => undefined,
        workflowFinished: () => undefined,
        stepFinished: () => undefined,
        parallelSteps: () => undefined,
      },
    });
    const actions = createActionReconciler({
      ...common,
      actions: {
        prove: ({ template, image: asked }) =>
          Promise.resolve(ok({ image: asked, signers: ['sha256:key'], template, warnings: [] })),
      },
    });
    return { workflows, actions };
  }
  let both = begin();

  async function reconcileAll(): Promise<void> {
    const { signal } = new AbortController();
    const keyOf = ({ metadata }: KubeObject) => ({ namespace: metadata.namespace ?? '', name: metadata.name });
    for (const workflow of cluster.all(workflowKind)) await both.workflows.reconcile(keyOf(workflow), signal);
    for (const action of cluster.all(kinds.action)) await both.actions.reconcile(keyOf(action), signal);
  }

  async function run(rounds = 80): Promise<number> {
    let kills = 0;
    for (let round = 0; round < rounds; round += 1) {
      try {
        await reconcileAll();
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
        kills += 1;
        cluster.revive();
        both = begin();
      }
      kubelet.step((job) => outcome(stepOf(job)));
      for (const pod of cluster.all(kinds.pod)) note(pod);
      nowMs += 1_000;
    }
    return kills;
  }

  function note(pod: KubeObject): void {
    const uids = ran.get(stepOf(pod)) ?? new Set();
    ran.set(stepOf(pod), uids.add(pod.metadata.uid));
  }

  const metadata = { name: 'w', namespace: 'apps' };
  const spec = { steps: sixSteps.map((step) => ({ image, inputs: { money: '$(HOME)' }, ...step })) };
  cluster.put({ apiVersion: workflowKind.apiVersion, kind: 'WorkflowExecution', metadata, spec });
  const status = () => parseWorkflowStatus(cluster.get({ kind: workflowKind, namespace: 'apps', name: 'w' }));
  const runs = (): readonly string[] => [...ran].map(([step, uids]) => `${step} ${uids.size}`).toSorted();
  return { cluster, run, status, runs };
}

function stepOf({ metadata }: KubeObject): string {
  return metadata.labels?.['kubernaut.io/step'] ?? '';
}

const everyStepOnce = ['a 1', 'b 1', 'c 1', 'd 1', 'e 1', 'f 1'];

test('six steps run on Jobs, each once, and say what they printed', async () => {
  const one = bothWorld();
  await one.run();
  expect(one.status()).toMatchObject({ phase: 'Completed' });
  expect(one.runs()).toEqual(everyStepOnce);
  for (const step of one.status().steps) {
    expect(step).toMatchObject({ phase: 'Completed', outputs: { done: true }, signers: ['sha256:key'] });
  }
  expect(one.cluster.all(kinds.claim)).toEqual([]);
});

test('a step that exits with 1 ends the workflow with its sentence', async () => {
  const one = bothWorld((step) => (step === 'c' ? { exitCode: 1 } : {}));
  await one.run();
  const { phase, failureDetails, message, steps } = one.status();
  expect(phase).toBe('Failed');
  expect(failureDetails).toMatchObject({ reason: 'TaskFailed', exitCode: 1, failedStepName: 'c', failedTaskIndex: 2 });
  expect(message).toBe(failureDetails?.naturalLanguageSummary);
  expect(message).toContain('Step c of workflow w');
  expect(steps.map((step) => step.phase).slice(4)).toEqual(['Skipped', 'Skipped']);
});

test.each(['before', 'after'] as const)(
  'a kill %s each call of both does no harm',
  async (when) => {
    const whole = bothWorld();
    await whole.run();
    const calls = whole.cluster.callCount();
    expect(calls).toBeGreaterThan(30);
    for (let at = 1; at <= calls; at += 1) {
      const one = bothWorld();
      one.cluster.failAfter(at, when);
      expect(await one.run(60), `call ${at}`).toBe(1);
      expect(one.status().phase, `call ${at}`).toBe('Completed');
      expect(one.runs(), `call ${at}`).toEqual(everyStepOnce);
    }
  },
  60_000,
);
