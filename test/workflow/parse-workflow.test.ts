import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { checkGraph } from '../../src/workflow/graph.ts';
import { parseAction } from '../../src/workflow/parse-action.ts';
import { parseActionStatus, parseWorkflowStatus } from '../../src/workflow/parse-status.ts';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';

const samples = join(import.meta.dirname, '../fixtures/workflows');

function workflow(spec: unknown, metadata: object = {}): unknown {
  return { apiVersion: 'kubernaut.ai/v1alpha1', kind: 'WorkflowExecution', metadata: { name: 'w', ...metadata }, spec };
}

const ofStep = (members: object): unknown => workflow({ steps: [{ name: 'a', image: 'i', ...members }] });

function problemOf(object: unknown): { reason: string; message: string } {
  const read = parseWorkflow(object);
  if (read.ok) throw new Error('it was taken');
  return read.failure;
}

describe('the samples of the design documents', () => {
  test.each(readdirSync(samples))('%s is read, and its graph is in order', (file) => {
    const read = parseWorkflow(parse(readFileSync(join(samples, file), 'utf8')));
    expect(read).toMatchObject({ ok: true });
    expect(read.ok && checkGraph(read.value.steps)).toBeUndefined();
  });

  test('say what is in them', () => {
    const read = parseWorkflow(parse(readFileSync(join(samples, 'remediate-payment-oom.yaml'), 'utf8')));
    expect(read).toMatchObject({
      value: {
        apiVersion: 'workflowexecution.kubernaut.ai/v1alpha1',
        namespace: 'kubernaut-system',
        name: 'remediate-payment-oom',
        workflowType: 'multi-step-remediation',
        steps: [
          { name: 'restart-pods', inputs: { labelSelector: 'app=payment' }, usesWorkspace: false, runAfter: [] },
          { name: 'scale-deployment', inputs: { replicas: 10 } },
          { name: 'create-gitops-pr', usesWorkspace: true, runAfter: ['restart-pods', 'scale-deployment'] },
        ],
      },
    });
  });
});

test('every field is read', () => {
  const spec = {
    workflowType: 'gitops-pr-creation',
    reason: 'OOM',
    steps: [
      {
        name: 'a',
        actionType: 'git/clone',
        image: 'i@sha256:x',
        inputs: { a: [1] },
        retries: 2,
        timeout: '1h30m',
        runAfter: null,
      },
    ],
    suspend: true,
    cancel: true,
    timeout: '90s',
    ttlSecondsAfterFinished: 0,
    targetResource: 'production/Deployment/payment',
    trackingActionExecutions: true,
  };
  const metadata = {
    namespace: 'n',
    uid: 'u',
    generation: 3,
    resourceVersion: '7',
    deletionTimestamp: '2026-01-01T00:00:00Z',
    annotations: { 'kubernaut.io/executor': 'tekton', 'kubernaut.io/approved': 'true' },
  };
  const step = { name: 'a', actionType: 'git/clone', image: 'i@sha256:x', inputs: { a: [1] }, retries: 2 };
  expect(parseWorkflow(workflow(spec, metadata))).toEqual({
    ok: true,
    value: {
      apiVersion: 'kubernaut.ai/v1alpha1',
      kind: 'WorkflowExecution',
      namespace: 'n',
      name: 'w',
      uid: 'u',
      generation: 3,
      resourceVersion: '7',
      workflowType: 'gitops-pr-creation',
      reason: 'OOM',
      steps: [{ ...step, usesWorkspace: false, runAfter: [], timeoutMs: 5_400_000 }],
      suspend: true,
      cancel: true,
      timeoutMs: 90_000,
      ttlSecondsAfterFinished: 0,
      targetResource: 'production/Deployment/payment',
      trackingActionExecutions: true,
      executor: 'tekton',
      isApproved: true,
      isDeleted: true,
    },
  });
});

describe('is taken', () => {
  const deep = (levels: number): unknown => (levels === 0 ? 1 : { a: deep(levels - 1) });
  test.each<[string, unknown]>([
    ['a step that names its type alone', workflow({ steps: [{ name: 'a', actionType: 'git/clone' }] })],
    ['a step with a name alone', workflow({ steps: [{ name: 'a' }] })],
    ['300 steps', workflow({ steps: Array.from({ length: 300 }, (_, n) => ({ name: `s${n}`, image: 'i' })) })],
    ['a name that is still to be generated', workflow({ steps: [] }, { name: undefined, generateName: 'w-' })],
    ['inputs of 32 levels', ofStep({ inputs: deep(32) })],
    [
      'inputs with keys that mean something elsewhere',
      ofStep({ inputs: JSON.parse('{"__proto__":{"x":1},"constructor":2}') }),
    ],
    ['NUL and half characters in inputs', ofStep({ inputs: { a: '\0\uD800' } })],
    ['the largest exact number', ofStep({ inputs: { a: Number.MAX_SAFE_INTEGER } })],
    ['an approval that is none', workflow({ steps: [] }, { annotations: { 'kubernaut.io/approved': 'yes' } })],
  ])('%s', (_title, object) => {
    expect(parseWorkflow(object)).toMatchObject({ ok: true });
  });

  test('approval only by the word', () => {
    for (const said of ['yes', true, 'True', '', null]) {
      const read = parseWorkflow(workflow({ steps: [] }, { annotations: { 'kubernaut.io/approved': said } }));
      expect(read).toMatchObject({ value: { isApproved: false } });
    }
  });
});

describe('is refused with its field and the way out', () => {
  const deep = (levels: number): unknown => (levels === 0 ? 1 : { a: deep(levels - 1) });
  const endless: Record<string, unknown> = {};
  endless['a'] = endless;
  test.each<[unknown, string]>([
    [workflow('x'), 'spec: is no object; write a mapping'],
    [workflow({ steps: {} }), 'spec.steps: is a mapping; write a list of at most 500'],
    [
      workflow({ steps: Array.from({ length: 501 }, () => ({})) }),
      'spec.steps: has 501 items; write a list of at most 500',
    ],
    [workflow({ steps: ['a'] }), 'spec.steps[0]: is "a"; write a mapping'],
    [workflow({ steps: [{}] }), 'spec.steps[0].name: is missing'],
    [workflow({ steps: [{ name: 'a'.repeat(64) }] }), 'spec.steps[0].name: is "aaa'],
    [workflow({ steps: [{ name: '-a' }] }), 'spec.steps[0].name: is "-a"; write at most 63'],
    [workflow({ steps: [{ name: 'a\n' }] }), 'spec.steps[0].name: is "a\\u{a}"; write at most 63'],
    [workflow({ steps: [{ name: 5 }] }), 'spec.steps[0].name: is 5; write at most 63'],
    [ofStep({ actionType: 'a b' }), 'spec.steps[0].actionType: is "a b"; write letters'],
    [ofStep({ actionType: '$(params.x)' }), 'spec.steps[0].actionType: is "$(params.x)"'],
    [ofStep({ image: '$(params.x)' }), 'spec.steps[0].image: is "$(params.x)"; write an image by digest'],
    [ofStep({ image: 'a b' }), 'spec.steps[0].image: is "a b"'],
    [ofStep({ image: {} }), 'spec.steps[0].image: is a mapping'],
    [ofStep({ usesWorkspace: 'true' }), 'spec.steps[0].usesWorkspace: is "true"; write true or false'],
    [ofStep({ runAfter: 'b' }), 'spec.steps[0].runAfter: is "b"; write a list of at most 500'],
    [ofStep({ runAfter: [1] }), 'spec.steps[0].runAfter[0]: is 1; write at most 63'],
    [ofStep({ retries: -1 }), 'spec.steps[0].retries: is -1; write a whole number from 0 to 10'],
    [ofStep({ retries: 1.5 }), 'spec.steps[0].retries: is 1.5'],
    [ofStep({ timeout: '5' }), 'spec.steps[0].timeout: is "5"; write a duration'],
    [ofStep({ timeout: '1ms' }), 'spec.steps[0].timeout: is "1ms"'],
    [ofStep({ timeout: '10000h' }), 'spec.steps[0].timeout: is "10000h"'],
    [ofStep({ inputs: [] }), 'spec.steps[0].inputs: is a list; write a mapping'],
    [ofStep({ inputs: { a: 2 ** 53 } }), 'spec.steps[0].inputs: member "a" holds a number beyond 9007199254740991'],
    [ofStep({ inputs: { a: [{ b: -1e300 }] } }), 'write it as a string'],
    [ofStep({ inputs: { a: Number.NaN } }), 'spec.steps[0].inputs'],
    [ofStep({ inputs: deep(33) }), 'nested deeper than 32 levels'],
    [ofStep({ inputs: endless }), 'nested deeper than 32 levels'],
    [
      ofStep({ inputs: { a: 'x'.repeat(1 << 20) } }),
      'has 1048584 bytes as JSON, and one environment variable takes 122880',
    ],
    [ofStep({ inputs: { a: '$('.repeat(20_000) } }), 'bytes as JSON'],
    [ofStep({ inputs: { a: Array.from({ length: 70_000 }, () => 1) } }), 'holds more than 61440 values'],
    [workflow({ steps: [], suspend: 1 }), 'spec.suspend: is 1; write true or false'],
    [workflow({ steps: [], cancel: 'no' }), 'spec.cancel: is "no"'],
    [workflow({ steps: [], ttlSecondsAfterFinished: 2 ** 31 }), 'spec.ttlSecondsAfterFinished: is 2147483648'],
    [
      workflow({ steps: [], targetResource: 'payment' }),
      'spec.targetResource: is "payment"; write namespace/kind/name or kind/name',
    ],
    [workflow({ steps: [], reason: 'x'.repeat(4097) }), 'spec.reason'],
    [workflow({ steps: [] }, { name: 'a.b' }), 'metadata.name: is "a.b"; write at most 63'],
    [workflow({ steps: [] }, { name: '' }), 'metadata.name: is missing'],
    [
      workflow({
        steps: Array.from({ length: 6 }, (_, n) => ({ name: `s${n}`, inputs: { a: 'x'.repeat(110_000) } })),
      }),
      'spec.steps: their inputs have 660048 bytes together',
    ],
  ])('%#: %j', (object, sentence) => {
    const { reason, message } = problemOf(object);
    expect(reason).toBe('InvalidSpec');
    expect(message).toContain(sentence);
    expect(message.length).toBeLessThan(5000);
  });

  test('an engine that nobody has', () => {
    expect(problemOf(workflow({ steps: [] }, { annotations: { 'kubernaut.io/executor': 'argo' } }))).toEqual({
      reason: 'UnsupportedEngine',
      message: 'metadata.annotations[kubernaut.io/executor]: is "argo"; write job or tekton, or leave it out',
    });
  });

  test('everything at once, as far as anybody reads', () => {
    const steps = Array.from({ length: 20 }, () => ({ name: 'A' }));
    const { message } = problemOf(workflow({ steps, suspend: 1 }));
    expect(message).toMatch(/^spec.steps\[0\].name: .*spec.steps\[9\].name: .*; and 11 more$/);
  });
});

describe('an ActionExecution', () => {
  const action = (spec: unknown, metadata: object = {}): unknown => ({
    apiVersion: 'execution.kubernaut.ai/v1alpha1',
    kind: 'ActionExecution',
    metadata: { name: 'w-a', namespace: 'n', ...metadata },
    spec,
  });
  const owner = { apiVersion: 'kubernaut.ai/v1alpha1', kind: 'WorkflowExecution', name: 'w', uid: 'u' };

  test('of a workflow is read', () => {
    const spec = {
      actionType: 'git/clone',
      image: 'i@sha256:x',
      imageVerification: { policy: 'strict' },
      inputs: { a: 1 },
      volumes: [{ name: 'workspace', pvcName: 'w-workspace', mountPath: '/workspace' }],
      timeout: '5m',
      retries: 0,
    };
    const metadata = {
      labels: { 'kubernaut.io/workflow': 'w', 'kubernaut.io/step': 'a' },
      ownerReferences: [
        { ...owner, uid: 'other' },
        { ...owner, controller: true },
      ],
    };
    expect(parseAction(action(spec, metadata))).toMatchObject({
      value: {
        kind: 'ActionExecution',
        workflow: 'w',
        step: 'a',
        owner,
        inputs: { a: 1 },
        workspaceClaim: 'w-workspace',
        timeoutMs: 300_000,
        retries: 0,
        cancel: false,
        verification: 'strict',
      },
    });
  });

  test('that stands alone is known by its name', () => {
    const read = parseAction(action({ image: 'i' }));
    expect(read).toMatchObject({ value: { workflow: 'w-a', step: 'w-a', inputs: {} } });
    expect(read.ok && read.value.owner).toBeUndefined();
  });

  test.each<[unknown, string]>([
    [action({}), 'spec.image: is missing, and so is actionType'],
    [action(undefined), 'spec.image: is missing'],
    [action({ image: 'i', imageVerification: { policy: 'warn' } }), 'spec.imageVerification.policy: is "warn"'],
    [action({ image: 'i', imageVerification: 'off' }), 'spec.imageVerification: is no object'],
    [action({ image: 'i', volumes: [{}, {}] }), 'spec.volumes: has 2 items'],
    [action({ image: 'i', volumes: [{ name: 'x', pvcName: 'p' }] }), 'spec.volumes[0].name: is not "workspace"'],
    [action({ image: 'i', volumes: [{ name: 'workspace' }] }), 'spec.volumes[0].pvcName: is missing'],
    [action({ image: 'i', volumes: [{ name: 'workspace', pvcName: '../x' }] }), 'spec.volumes[0].pvcName: is "../x"'],
    [action({ image: 'i', mirrors: 'A B' }), 'spec.mirrors: is "A B"'],
    [action({ image: 'i' }, { labels: { 'kubernaut.io/step': '-' } }), 'metadata.labels.kubernaut.io/step'],
    [action({ image: 'i' }, { name: 'A' }), 'metadata.name: is "A"'],
  ])('is refused with its field and the way out (%#)', (object, sentence) => {
    const read = parseAction(object);
    expect(read.ok ? '' : read.failure.message).toContain(sentence);
  });
});

describe('nothing that anybody can write', () => {
  const anything = fc.oneof(
    fc.anything({ withBigInt: true, withSparseArray: true, withNullPrototype: true, withMap: true }),
    fc.record({
      metadata: fc.anything(),
      spec: fc.record({ steps: fc.array(fc.anything()), volumes: fc.anything() }),
      status: fc.anything(),
    }),
    fc.jsonValue().map((spec) => ofStep({ inputs: spec })),
  );

  test('makes a parser throw', () => {
    fc.assert(
      fc.property(anything, (object) => {
        for (const parser of [parseWorkflow, parseAction, parseWorkflowStatus, parseActionStatus]) {
          expect(parser(object)).toBeDefined();
        }
      }),
    );
  });
});
