import { describe, expect, test } from 'vitest';
import { Bench, reviewOf, unsigned, type Sent } from './bench.ts';

const canonical: Sent = {
  group: 'workflowexecution.kubernaut.ai',
  version: 'v1alpha1',
  resource: 'workflowexecutions',
  kind: 'WorkflowExecution',
};
const other: Sent = { ...canonical, group: 'kubernaut.ai' };
const action: Sent = {
  group: 'execution.kubernaut.ai',
  version: 'v1alpha1',
  resource: 'actionexecutions',
  kind: 'ActionExecution',
};

const image = 'ghcr.io/kubernaut/actions/scale@sha256:abc123';
type Changes = Readonly<Record<string, unknown>>;

function workflow(spec: unknown, metadata: object = {}): Record<string, unknown> {
  return { apiVersion: 'kubernaut.ai/v1alpha1', kind: 'WorkflowExecution', metadata: { name: 'w', ...metadata }, spec };
}

/** No image is signed here, and no policy was read yet: nobody asks. */
async function review(object: unknown, of: Sent, changes: Changes = {}) {
  const bench = new Bench({ facts: () => unsigned, policies: 'none yet' });
  const { response } = await bench.review('validate', reviewOf(object, of, changes));
  expect(bench.asked).toEqual([]);
  return { response, decision: bench.decisions[0] };
}

const good = {
  steps: [
    { name: 'a', image },
    { name: 'b', image, runAfter: ['a'] },
  ],
};
const cycle = {
  steps: [
    { name: 'a', runAfter: ['b'] },
    { name: 'b', runAfter: ['a'] },
  ],
};

describe.each([canonical, other])('a workflow of $group', (of) => {
  test('is taken, whatever is known of its images', async () => {
    const { response, decision } = await review(workflow(good), of);
    expect(response).toMatchObject({ allowed: true });
    expect(decision).toMatchObject({ verdict: 'admit' });
  });

  test.each<[string, unknown, string, object?]>([
    ['a cycle', cycle, 'dependency cycle detected: steps involved in cycle: [a b]'],
    [
      'an unknown dependency',
      { steps: [{ name: 'a', runAfter: ['x'] }] },
      'invalid dependency: step a depends on non-existent step x',
    ],
    ['no steps', { steps: [] }, 'spec.steps: is empty'],
    ['two steps of one name', { steps: [{ name: 'a' }, { name: 'a' }] }, 'duplicate step name: a'],
    ['a name that is no label', { steps: [{ name: 'A_b' }] }, 'spec.steps[0].name: is "A_b"; write'],
    [
      'large inputs',
      { steps: [{ name: 'a', inputs: { x: 'y'.repeat(1e6) } }] },
      'spec.steps[0].inputs: has 1000008 bytes',
    ],
    ['an inexact number', { steps: [{ name: 'a', inputs: { x: 2 ** 53 } }] }, 'member "x" holds a number beyond'],
    ['an unknown engine', good, 'is "argo"; write job or tekton', { annotations: { 'kubernaut.io/executor': 'argo' } }],
    ['a name that no PipelineRun can have', good, 'metadata.name: is "a.b"', { name: 'a.b' }],
    ['a spec that is none', 'x', 'spec: is no object'],
  ])('with %s is refused', async (_title, spec, sentence, metadata) => {
    const { response, decision } = await review(workflow(spec, metadata), of);
    expect(response).toMatchObject({ allowed: false, status: { code: 403 } });
    expect(response.status?.message).toMatch(/^WORKFLOW_INVALID: /);
    expect(response.status?.message).toContain(sentence);
    expect(decision).toMatchObject({ verdict: 'refuse' });
  });

  test.each<[string, object]>([
    ['labels', workflow(cycle, { labels: { a: 'b' } })],
    ['a finalizer', workflow(cycle, { finalizers: [] })],
    ['suspend', workflow({ ...cycle, suspend: true })],
    ['cancel', workflow({ ...cycle, cancel: true })],
    ['ttlSecondsAfterFinished', workflow({ ...cycle, ttlSecondsAfterFinished: 1 })],
  ])('that would be refused today may still change its %s', async (_title, after) => {
    const { response, decision } = await review(after, of, { operation: 'UPDATE', oldObject: workflow(cycle) });
    expect(response).toMatchObject({ allowed: true });
    expect(decision).toMatchObject({ verdict: 'skip', skipped: 'work-unchanged' });
  });

  test('is judged anew when its steps change', async () => {
    const { response } = await review(workflow(cycle), of, { operation: 'UPDATE', oldObject: workflow(good) });
    expect(response).toMatchObject({ allowed: false });
  });

  test.each(['status', 'scale'])('may change its %s', async (subResource) => {
    const changes = { operation: 'UPDATE', subResource, oldObject: workflow(good) };
    const { response } = await review(workflow(cycle), of, changes);
    expect(response).toMatchObject({ allowed: true });
  });
});

describe('an ActionExecution', () => {
  const of = (spec: unknown): Record<string, unknown> => ({
    apiVersion: 'execution.kubernaut.ai/v1alpha1',
    kind: 'ActionExecution',
    metadata: { name: 'w-a', labels: { 'kubernaut.io/workflow': 'w', 'kubernaut.io/step': 'a' } },
    spec,
  });

  test('is taken, whatever is known of its image', async () => {
    const { response } = await review(of({ image, inputs: { replicas: 10 } }), action);
    expect(response).toMatchObject({ allowed: true });
  });

  test.each<[string, unknown, string]>([
    ['neither image nor type', {}, 'spec.image: is missing, and so is actionType'],
    ['a weaker verification', { image, imageVerification: { policy: 'none' } }, 'is "none"; write strict'],
    [
      'a volume elsewhere',
      { image, volumes: [{ name: 'workspace', pvcName: 'c', mountPath: '/' }] },
      'write /workspace',
    ],
    ['a timeout that is none', { image, timeout: 'soon' }, 'spec.timeout: is "soon"; write a duration'],
  ])('with %s is refused', async (_title, spec, sentence) => {
    const { response } = await review(of(spec), action);
    expect(response).toMatchObject({ allowed: false });
    expect(response.status?.message).toContain(sentence);
  });
});
