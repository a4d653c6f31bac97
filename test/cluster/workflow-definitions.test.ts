/** The kinds of workflows at a real API server: what it takes, what it refuses by itself, and what it shows. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { clusterFacts, hasCluster, kubeconfig } from './access.ts';
import { connect, type Api, type ApiObject } from './gate/api.ts';
import { define } from './gate/installation.ts';
import { refusal } from './gate/refusal.ts';

const root = join(import.meta.dirname, '../..');
const files = ['workflowexecutions', 'workflowexecutions-kubernaut', 'actionexecutions'];
// Files of ours.
const read = (path: string): ApiObject => parse(readFileSync(join(root, path), 'utf8')) as ApiObject;
const samples = readdirSync(join(root, 'test/fixtures/workflows')).map((file) =>
  read(`test/fixtures/workflows/${file}`),
);

describe.runIf(hasCluster)('the kinds of workflows', () => {
  let api: Api;
  let namespace: string;

  beforeAll(async () => {
    api = connect(kubeconfig);
    for (const file of files) await define(api, read(`manifests/crds/${file}.yaml`));
    namespace = await api.namespace({});
  }, 120_000);
  afterAll(() => api?.close());

  const workflow = (name: string, spec: object, group = 'workflowexecution.kubernaut.ai'): ApiObject => ({
    apiVersion: `${group}/v1alpha1`,
    kind: 'WorkflowExecution',
    metadata: { name, namespace },
    spec,
  });
  const action = (name: string, spec: object): ApiObject => ({
    apiVersion: 'execution.kubernaut.ai/v1alpha1',
    kind: 'ActionExecution',
    metadata: { name, namespace },
    spec,
  });

  test.each(samples)('take the sample $metadata.name word for word', async (sample) => {
    const here = { ...sample, metadata: { ...sample.metadata, namespace } };
    expect(await api.create(here)).toMatchObject({ spec: sample['spec'] });
  });

  test.each<[string, object, string]>([
    ['empty', { steps: [] }, 'spec.steps in body should have at least 1 items'],
    ['without', {}, 'spec.steps: Required value'],
    ['twice', { steps: [{ name: 'a' }, { name: 'a' }] }, 'spec.steps[1]: Duplicate value'],
    ['self', { steps: [{ name: 'a', runAfter: ['a'] }] }, 'a step cannot run after itself'],
    ['step-name', { steps: [{ name: 'A_b' }] }, 'spec.steps[0].name in body should match'],
    ['retries', { steps: [{ name: 'a', retries: 11 }] }, 'should be less than or equal to 10'],
    ['inputs', { steps: [{ name: 'a', inputs: 'x' }] }, 'must be of type object'],
    ['with.dots', { steps: [{ name: 'a' }] }, 'it becomes the name of a PipelineRun'],
    ['a'.repeat(64), { steps: [{ name: 'a' }] }, 'it becomes the name of a PipelineRun'],
    ['many', { steps: Array.from({ length: 501 }, (_, n) => ({ name: `s${n}` })) }, 'must have at most 500 items'],
  ])('refuse a workflow (%s)', async (name, spec, sentence) => {
    for (const group of ['workflowexecution.kubernaut.ai', 'kubernaut.ai']) {
      const refused = await refusal(api.create(workflow(name, spec, group)));
      expect(refused).toMatchObject({ code: 422, webhook: '' });
      expect(refused.sentence).toContain(sentence);
    }
  });

  test.each<[string, object, string]>([
    ['nothing', { inputs: {} }, 'give image or actionType, or both'],
    ['policy', { image: 'i', imageVerification: { policy: 'none' } }, 'supported values: "strict"'],
    ['mount', { image: 'i', volumes: [{ name: 'workspace', pvcName: 'c', mountPath: '/' }] }, '"/workspace"'],
  ])('refuse an action (%s)', async (name, spec, sentence) => {
    const refused = await refusal(api.create(action(name, spec)));
    expect(refused.code).toBe(422);
    expect(refused.sentence).toContain(sentence);
  });

  test('take 500 steps of which each waits for all before', async () => {
    const all = Array.from({ length: 500 }, (_, n) => `s${n}`);
    const large = workflow('large', { steps: all.map((name, n) => ({ name, runAfter: all.slice(0, n) })) });
    await api.create(large);
    expect(await api.merge(large, { spec: { suspend: true } })).toMatchObject({ spec: { suspend: true } });
  });

  describe('keep what is to be done as it was', () => {
    const step = { name: 'a', image: 'i', inputs: { a: { b: [1, { c: 2 }] } } };
    const kept = (): ApiObject => workflow('kept', { steps: [step], workflowType: 'x' });
    const keptAction = (): ApiObject => action('kept', { image: 'i', inputs: step.inputs });
    beforeAll(async () => {
      await api.create(kept());
      await api.create(keptAction());
    });

    test.each<[object, string]>([
      [{ steps: [{ ...step, image: 'j' }] }, 'spec.steps: cannot be changed'],
      [{ steps: [{ ...step, inputs: { a: { b: [1, { c: 3 }] } } }] }, 'spec.steps: cannot be changed'],
      [{ steps: [{ ...step, inputs: { ...step.inputs, more: 1 } }] }, 'spec.steps: cannot be changed'],
      [{ steps: [step, { name: 'b' }] }, 'spec.steps: cannot be changed'],
      [{ workflowType: 'y' }, 'spec.workflowType: cannot be changed'],
      [{ workflowType: null }, 'spec.workflowType: cannot be changed'],
      [{ reason: 'r' }, 'spec.reason: cannot be changed'],
      [{ timeout: '5m' }, 'spec.timeout: cannot be changed'],
      [{ targetResource: 'a/b' }, 'spec.targetResource: cannot be changed'],
      [{ trackingActionExecutions: false }, 'spec.trackingActionExecutions: cannot be changed'],
    ])('a workflow, against %j', async (spec, sentence) => {
      expect((await refusal(api.merge(kept(), { spec }))).sentence).toContain(sentence);
    });

    test.each<[object, string]>([
      [{ image: 'j' }, 'spec.image: cannot be changed'],
      [{ inputs: { a: { b: [1, { c: 3 }] } } }, 'spec.inputs: cannot be changed'],
      [{ inputs: null }, 'spec.inputs: cannot be changed'],
      [{ retries: 1 }, 'spec.retries: cannot be changed'],
      [{ mirrors: 'x' }, 'spec.mirrors: cannot be changed'],
    ])('an action, against %j', async (spec, sentence) => {
      expect((await refusal(api.merge(keptAction(), { spec }))).sentence).toContain(sentence);
    });

    test('but let it be suspended, cancelled and removed sooner', async () => {
      await api.merge(kept(), { spec: { suspend: true, cancel: true, ttlSecondsAfterFinished: 5 } });
      await api.merge(keptAction(), { spec: { cancel: true } });
      expect(await api.read(kept())).toMatchObject({ spec: { suspend: true, cancel: true } });
    });
  });

  test('show phase, engine and message under their short names, and keep outputs as they are', async () => {
    const outputs = { replicas: 10, list: [1, { deep: true }] };
    const steps = [{ name: 'a', phase: 'Completed', outputs }];
    const status = { phase: 'Completed', engine: 'job', message: 'done', steps };
    for (const [short, group] of [
      ['wfe', 'workflowexecution.kubernaut.ai'],
      ['kwfe', 'kubernaut.ai'],
    ] as const) {
      const shown = workflow('shown', { steps: [{ name: 'a', image: 'i' }] }, group);
      await api.create(shown);
      kubectl('patch', short, 'shown', '--subresource=status', '--type=merge', '-p', JSON.stringify({ status }));
      expect(await api.read(shown)).toMatchObject({ status });
      const [header = '', line = ''] = kubectl('get', short, 'shown', '--output=wide').split('\n');
      expect(header.trim().split(/\s{2,}/)).toEqual(columns);
      expect(line.split(/\s+/).slice(0, 4)).toEqual(['shown', 'Completed', 'job', 'done']);
    }
    expect(kubectl('get', 'kubernaut', '--output=name')).toContain('/shown');
    expect(kubectl('explain', 'ae.spec.inputs')).toContain('as its contract describes it');
  });

  const columns = ['NAME', 'PHASE', 'ENGINE', 'MESSAGE', 'TYPE', 'REASON', 'FAILED STEP', 'ENDED', 'AGE'];

  function kubectl(...words: readonly string[]): string {
    const args = ['--kubeconfig', kubeconfig, '--namespace', namespace, ...words];
    return execFileSync(clusterFacts().kubectl, args, { encoding: 'utf8', timeout: 30_000 });
  }
});
