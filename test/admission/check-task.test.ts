import { describe, expect, test } from 'vitest';
import { samplesOf } from '../agents/documents.ts';
import { Bench, reviewOf, unsigned, type Sent } from './bench.ts';

const openCode = { group: 'kubeopencode.io', version: 'v1alpha1' };
const task: Sent = { ...openCode, resource: 'tasks', kind: 'Task' };
const template: Sent = { ...openCode, resource: 'tasktemplates', kind: 'TaskTemplate' };
const agent: Sent = { ...openCode, resource: 'agents', kind: 'Agent' };
const kubeTaskAgent: Sent = { group: 'kubetask.io', version: 'v1alpha1', resource: 'agents', kind: 'Agent' };

type Changes = Readonly<Record<string, unknown>>;

function objectOf(of: Sent, spec: unknown, metadata: object = {}): Record<string, unknown> {
  return { apiVersion: `${of.group}/${of.version}`, kind: of.kind, metadata: { name: 'x', ...metadata }, spec };
}

/** No image is signed here, and no policy was read yet: nobody asks. */
async function review(object: unknown, of: Sent, changes: Changes = {}) {
  const bench = new Bench({ facts: () => unsigned, policies: 'none yet' });
  const { response } = await bench.review('validate', reviewOf(object, of, changes));
  expect(bench.asked).toEqual([]);
  return { response, decision: bench.decisions[0] };
}

describe('what the design documents show is taken', () => {
  const kinds: readonly Sent[] = [task, template, agent];

  test.each(samplesOf('kubeopencode').filter(({ kind }) => kinds.some((of) => of.kind === kind)))(
    '$title',
    async ({ kind, object }) => {
      const { response } = await review(object, kind === 'Task' ? task : agent);
      expect(response).toMatchObject({ allowed: true });
    },
  );

  test.each(samplesOf('kubetask').filter(({ kind }) => kind === 'Agent'))('$title', async ({ object }) => {
    const { response } = await review(object, kubeTaskAgent);
    expect(response).toMatchObject({ allowed: true });
  });
});

describe.each([task, template])('agentRef of a $kind', (of) => {
  test.each([undefined, null, '', 'a', 'a.b', { name: 'a' }, { name: 'a', namespace: 'n' }, { name: 'a', more: 1 }])(
    'may be %j',
    async (agentRef) => {
      const { response, decision } = await review(objectOf(of, { agentRef }), of);
      expect(response).toMatchObject({ allowed: true });
      expect(decision).toMatchObject({ verdict: 'admit' });
    },
  );

  test.each<[unknown, string]>([
    [5, 'spec.agentRef: is 5; write a name, or a mapping of name and namespace'],
    [true, 'spec.agentRef: is true'],
    [['a'], 'spec.agentRef: is a list'],
    ['a/b', 'spec.agentRef: is "a/b"; write the name of an object'],
    ['A', 'spec.agentRef: is "A"'],
    [{}, 'spec.agentRef.name: is missing; give one'],
    [{ namespace: 'n' }, 'spec.agentRef.name: is missing; give one'],
    [{ name: 5 }, 'spec.agentRef.name: is 5'],
    [{ name: 'a', namespace: ['n'] }, 'spec.agentRef.namespace: is a list'],
    [{ name: 'a', namespace: 'N' }, 'spec.agentRef.namespace: is "N"'],
  ])('may not be %j', async (agentRef, sentence) => {
    const { response, decision } = await review(objectOf(of, { agentRef }), of);
    expect(response).toMatchObject({ allowed: false, status: { code: 403 } });
    expect(response.status?.message).toMatch(/^TASK_INVALID: /);
    expect(response.status?.message).toContain(sentence);
    expect(decision).toMatchObject({ verdict: 'refuse' });
  });
});

// They are created, and then they fail with a reason: tools and tests wait for that.
test.each<[string, unknown]>([
  ['of an unknown type', { contexts: [{ type: 'X' }] }],
  ['of Git without a place', { contexts: [{ type: 'Git', git: { repository: 'r' } }] }],
  [
    'on one path',
    {
      contexts: [
        { type: 'Text', mountPath: 'a' },
        { type: 'Text', mountPath: 'a' },
      ],
    },
  ],
  ['that are none', { contexts: 5 }],
])('a Task with contexts %s is taken', async (_, spec) => {
  const { response } = await review(objectOf(task, spec), task);
  expect(response).toMatchObject({ allowed: true });
});

test.each<[string, unknown]>([
  ['without a service account', {}],
  ['with a quota of nothing', { quota: {} }],
  ['with config that is no JSON', { config: '{' }],
])('an Agent %s is taken', async (_, spec) => {
  const { response } = await review(objectOf(agent, spec), agent);
  expect(response).toMatchObject({ allowed: true });
});

describe.each([
  { of: agent, field: 'spec.podSpec.labels', spec: (labels: unknown) => ({ podSpec: { labels } }) },
  { of: kubeTaskAgent, field: 'spec.podLabels', spec: (podLabels: unknown) => ({ podLabels }) },
])('labels of Pods of an Agent of $of.group', ({ of, field, spec }) => {
  test.each([{}, { app: 'x' }, { 'network-policy': 'agent-restricted', 'example.com/team': 'a' }])(
    'may be %j',
    async (labels) => {
      const { response } = await review(objectOf(of, spec(labels)), of);
      expect(response).toMatchObject({ allowed: true });
    },
  );

  test.each([
    'kubeopencode.io/agent',
    'kubeopencode.io/task',
    'kubetask.io/task',
    'countersign.dev/engine',
    'batch.kubernetes.io/controller-uid',
    'job-name',
    'app.kubernetes.io/instance',
  ])('may not be %s', async (key) => {
    const { response } = await review(objectOf(of, spec({ [key]: 'other', ok: 'x' })), of);
    expect(response).toMatchObject({ allowed: false, status: { code: 403 } });
    expect(response.status?.message).toContain(
      `TASK_INVALID: ${field}: has ${key}, by which Pods are found; leave it out`,
    );
  });
});

describe('what is there already, and would be refused today,', () => {
  const cases: readonly (readonly [Sent, object, object])[] = [
    [task, { agentRef: 5 }, { agentRef: 5, description: 'x' }],
    [template, { agentRef: {} }, { agentRef: {}, description: 'x' }],
    [agent, { podSpec: { labels: { 'job-name': 'x' } } }, { podSpec: { labels: { 'job-name': 'y' } } }],
    [kubeTaskAgent, { podLabels: { 'job-name': 'x' } }, { podLabels: { 'job-name': 'x' }, agentImage: 'i' }],
  ];

  test.each(cases)('keeps its metadata: %j', async (of, spec) => {
    const oldObject = objectOf(of, spec, { finalizers: ['kubeopencode.io/task-cleanup'] });
    for (const metadata of [
      { finalizers: [] },
      { annotations: { 'kubeopencode.io/stop': 'true' } },
      { labels: { a: 'b' } },
    ]) {
      const { response, decision } = await review(objectOf(of, spec, metadata), of, { operation: 'UPDATE', oldObject });
      expect(response).toMatchObject({ allowed: true });
      expect(decision).toMatchObject({ verdict: 'skip', skipped: 'work-unchanged' });
    }
  });

  test.each(cases)('has its status changed: %j', async (of, spec, changed) => {
    const changes = { operation: 'UPDATE', subResource: 'status', oldObject: objectOf(of, spec) };
    const { response } = await review(objectOf(of, changed), of, changes);
    expect(response).toMatchObject({ allowed: true });
  });

  test.each(cases)('is deleted: %j', async (of, spec) => {
    const { response } = await review(null, of, { operation: 'DELETE', oldObject: objectOf(of, spec) });
    expect(response).toMatchObject({ allowed: true });
  });

  test.each(cases)('is looked at again when its spec changes: %j', async (of, spec, changed) => {
    const changes = { operation: 'UPDATE', oldObject: objectOf(of, spec) };
    const { response } = await review(objectOf(of, changed), of, changes);
    expect(response).toMatchObject({ allowed: false });
  });
});

test.each<unknown>(['x', 5, ['a']])('a spec that is %j is refused', async (spec) => {
  const { response } = await review(objectOf(task, spec), task);
  expect(response.status?.message).toContain('TASK_INVALID: spec: is no object; write a mapping');
});
