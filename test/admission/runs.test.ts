import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseContract } from '../../src/contract/parse-contract.ts';
import type { EvidenceSource } from '../../src/evidence/evidence-source.ts';
import { failure } from '../../src/kernel/failure.ts';
import { patched as apply, type PatchOperation } from '../../src/kernel/json-patch.ts';
import { fail, ok } from '../../src/kernel/result.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { buildSnapshot } from '../../src/policy/snapshot.ts';
import { parseActionPolicy } from '../../src/policy/parse-action-policy.ts';
import type { TektonDefinitions } from '../../src/ports/tekton-definitions.ts';
import { nameOf } from '../../src/tekton/reference.ts';
import { Bench, digestFor, held, pinned, policy, reviewOf, signed, unsigned, type World } from './bench.ts';
import { noPolicyCode } from '../fakes/policy-code.ts';

const taskRuns = { group: 'tekton.dev', version: 'v1', resource: 'taskruns', kind: 'TaskRun' };
const pipelineRuns = { ...taskRuns, resource: 'pipelineruns', kind: 'PipelineRun' };
const tasks = { ...taskRuns, resource: 'tasks', kind: 'Task' };

const metaTask = `
params: [{name: actionImage}, {name: inputs, default: '{}'}]
steps:
  - name: execute
    image: $(params.actionImage)
    env: [{name: ACTION_INPUTS, value: $(params.inputs)}]
    script: "#!/bin/sh\\necho $ACTION_INPUTS | /action-entrypoint"`;

function definitions(specs: Readonly<Record<string, string>>): TektonDefinitions & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    async read(reference) {
      const name = nameOf(reference);
      asked.push(name);
      const source = specs[name];
      return source === undefined
        ? fail(failure('IMAGE_UNRESOLVED', `there is no ${name}`))
        : ok(asRecord(parse(source)) ?? {});
    },
  };
}

const run = (spec: string, metadata: object = {}): object => ({ metadata, spec: parse(spec) });
const ofAction = (image: string, more = ''): object =>
  run(`taskRef: {name: kubernaut-action}\nparams: [{name: actionImage, value: "${image}"}${more}]`);
const withMetaTask = (world: World = {}): World => ({
  ...world,
  ports: { definitions: definitions({ 'Task team/kubernaut-action': metaTask }), ...world.ports },
});

describe('an image that a parameter names', () => {
  test('is judged when the run is created, by the digest that its tag has', async () => {
    const bench = new Bench(withMetaTask());
    const object = await held(ofAction('a.example/app:1'), taskRuns, withMetaTask());
    const { response } = await bench.review('validate', reviewOf(object, taskRuns));
    expect(response).toMatchObject({ allowed: true });
    expect(response).not.toHaveProperty('warnings');
    expect(bench.asked.map(({ image }) => image.digest)).toEqual([digestFor('a.example/app')]);
    expect(bench.decisions[0]?.images).toMatchObject([
      { field: 'Task team/kubernaut-action spec.steps[0].image', digest: digestFor('a.example/app') },
    ]);
  });

  test('is refused when it has no signature, with the place and the name', async () => {
    const bench = new Bench(withMetaTask({ facts: () => unsigned }));
    const { response } = await bench.review('validate', reviewOf(ofAction('a.example/app:1'), taskRuns));
    expect(response).toMatchObject({
      allowed: false,
      status: { code: 403, details: { causes: [{ reason: 'SIGNATURE_MISSING' }] } },
    });
    expect(response.status?.message).toContain(
      `Task team/kubernaut-action spec.steps[0].image "${pinned('a.example/app', '1')}"`,
    );
  });

  test('is no more than a warning under a policy that warns', async () => {
    const policies = buildSnapshot({
      policies: [policy('try', '**', { mode: 'warn' })],
      trustRoots: [],
      noMatch: 'deny',
    });
    const world = withMetaTask({ policies, facts: () => unsigned });
    const object = await held(ofAction('a.example/app:1'), taskRuns, world);
    const { response } = await new Bench(world).review('validate', reviewOf(object, taskRuns));
    expect(response).toMatchObject({ allowed: true, warnings: [expect.stringContaining('SIGNATURE_MISSING')] });
  });

  test.each([
    ['that is no name', 'not a name', 'IMAGE_REFERENCE_INVALID'],
    ['whose tag does not exist', 'a.example/none:1', 'IMAGE_NOT_FOUND'],
  ])('%s is refused', async (_title, image, code) => {
    const resolve = () => fail(failure('IMAGE_NOT_FOUND', 'there is no such tag'));
    const { response } = await new Bench(withMetaTask({ resolve })).review(
      'validate',
      reviewOf(ofAction(image), taskRuns),
    );
    expect(response).toMatchObject({ allowed: false, status: { details: { causes: [{ reason: code }] } } });
  });

  test('is refused for a while when its registry is down', async () => {
    const resolve = () => fail(failure('REGISTRY_UNREACHABLE', 'a.example does not answer', 7));
    const { response } = await new Bench(withMetaTask({ resolve })).review(
      'validate',
      reviewOf(ofAction('a.example/app:1'), taskRuns),
    );
    expect(response).toMatchObject({ allowed: false, status: { details: { retryAfterSeconds: 7 } } });
  });

  test('keeps its tag: a Pod that names it so is not taken for the digest that was judged', async () => {
    const bench = new Bench(withMetaTask());
    await bench.review('validate', reviewOf(ofAction('a.example/app:1'), taskRuns));
    const { response } = await bench.review(
      'validate',
      reviewOf({ spec: { containers: [{ image: 'a.example/app:1' }] } }),
    );
    expect(response).toMatchObject({
      allowed: false,
      status: { details: { causes: [{ reason: 'IMAGE_NOT_PINNED' }] } },
    });
  });

  test('is judged beside one that is written in the run', async () => {
    const object = run(`
taskSpec: {steps: [{image: "${pinned('a.example/written')}"}, {image: $(params.image)}], sidecars: [{image: $(params.image)}]}
params: [{name: image, value: a.example/given}]`);
    const bench = new Bench(withMetaTask({ facts: ({ repository }) => (repository === 'given' ? unsigned : signed) }));
    const { response } = await bench.review('validate', reviewOf(object, taskRuns));
    expect(response.status?.message).toContain('spec.taskSpec.sidecars[0].image, spec.taskSpec.steps[1].image');
    expect(bench.asked).toHaveLength(2);
  });

  test('in a PipelineRun is judged in every combination of a matrix', async () => {
    const object = run(`
pipelineSpec:
  tasks: [{name: a, taskRef: {name: kubernaut-action}, matrix: {params: [{name: actionImage, value: [a.example/xx, a.example/yy]}]}}]`);
    const bench = new Bench(withMetaTask({ facts: ({ repository }) => (repository === 'yy' ? unsigned : signed) }));
    const { response } = await bench.review('validate', reviewOf(object, pipelineRuns));
    expect(response.status?.message).toContain(digestFor('a.example/yy'));
    expect(response.status?.details.causes).toHaveLength(1);
  });

  test('of two hundred different ones and more is refused', async () => {
    const steps = Array.from({ length: 201 }, (_, n) => `{image: "a.example/x${n}$(params.none)"}`);
    const object = run(`taskSpec: {steps: [${steps.join()}]}\nparams: [{name: none, value: ""}]`);
    const { response } = await new Bench(withMetaTask()).review('validate', reviewOf(object, taskRuns));
    expect(response).toMatchObject({
      allowed: false,
      status: { details: { causes: [{ reason: 'REQUEST_TOO_LARGE' }] } },
    });
  });

  test('in a Task is judged when it is run', async () => {
    const bench = new Bench(withMetaTask({ facts: () => unsigned }));
    const { response } = await bench.review('validate', reviewOf({ spec: parse(metaTask) }, tasks));
    expect(response).toMatchObject({ allowed: true, warnings: [expect.stringContaining('is judged when its Pod')] });
  });
});

describe('what is not known when a run is created', () => {
  const unknown = run('taskRef: {name: none}');
  const outage: TektonDefinitions = { read: async () => fail(failure('CLUSTER_UNAVAILABLE', 'cannot read it', 5)) };

  test.each<[string, unknown, World, string]>([
    [
      'a task that is not there',
      unknown,
      withMetaTask(),
      'spec.taskRef is judged when its Pod is created: there is no Task team/none',
    ],
    [
      'a task that cannot be read',
      unknown,
      { ports: { definitions: outage } },
      'spec.taskRef is judged when its Pod is created: cannot read it',
    ],
    ['a task without a cluster', unknown, {}, 'there is no cluster to read it from'],
    ['a result', run('taskSpec: {steps: [{image: $(tasks.a.results.b)}]}'), {}, '"$(tasks.a.results.b)" is not known'],
  ])('is left to its Pod: %s', async (_title, object, world, warning) => {
    const bench = new Bench(world);
    const { response } = await bench.review('validate', reviewOf(object, taskRuns));
    expect(response).toMatchObject({ allowed: true, warnings: [expect.stringContaining(warning)] });
    expect(bench.decisions[0]?.images).toMatchObject([{ deferred: true }]);
  });

  test.each<[string, unknown, World, string, number]>([
    ['a task that is not there', unknown, withMetaTask(), 'IMAGE_UNRESOLVED', 403],
    ['a task that cannot be read', unknown, { ports: { definitions: outage } }, 'CLUSTER_UNAVAILABLE', 500],
    ['a git resolver', run('taskRef: {resolver: git}'), withMetaTask(), 'IMAGE_UNRESOLVED', 403],
  ])('is refused where the settings say so: %s', async (_title, object, world, code, status) => {
    const bench = new Bench({ ...world, settings: { onUnresolvedImage: 'refuse' } });
    const { response } = await bench.review('validate', reviewOf(object, taskRuns));
    expect(response).toMatchObject({ allowed: false, status: { details: { causes: [{ reason: code }] } } });
    expect(response.status?.code).toBeGreaterThanOrEqual(status);
  });

  test('nothing is read for an update, or for a run that goes', async () => {
    const read = definitions({});
    const bench = new Bench({ ports: { definitions: read } });
    await bench.review('validate', reviewOf(unknown, taskRuns, { operation: 'UPDATE', oldObject: unknown }));
    await bench.review('validate', reviewOf(null, taskRuns, { operation: 'DELETE', oldObject: unknown }));
    expect(read.asked).toEqual([]);
  });
});

describe('a contract', () => {
  const contract = (spec: string): string => `
apiVersion: kubernaut.ai/v1alpha1
kind: ActionContract
metadata: {name: restart, version: v1.2.0}
spec: ${spec}`;
  const limited = `{description: d, inputs: [{name: deployment, type: string, required: true}], resources: {requests: {cpu: 50m, memory: 32Mi}, limits: {cpu: 100m, memory: 64Mi}}, rbac: {permissions: []}, shell: true}`;

  function world(contractSpec: string, policySpec = '{}', specs: Readonly<Record<string, string>> = {}): World {
    const read = parseContract(Buffer.from(contract(contractSpec)));
    if (!read.ok) throw new Error(read.failure.join());
    const actionPolicy = parseActionPolicy({
      apiVersion: 'countersign.dev/v1alpha1',
      kind: 'ActionPolicy',
      metadata: { name: 'actions' },
      spec: {
        images: [{ glob: 'a.example/**' }],
        digests: { resolve: 'All' },
        podSecurity: 'privileged',
        ...asRecord(parse(policySpec)),
      },
    });
    if (!actionPolicy.ok) throw new Error(actionPolicy.failure.join());
    const evidence: EvidenceSource = {
      resolveTag: async ({ registry, repository }) => ok(digestFor(`${registry}/${repository}`)),
      answer: async (questions) => new Map(questions.map(({ id }) => [id, signed])),
      contract: async () => ok(read.value),
      ...noPolicyCode,
    };
    const policies = buildSnapshot({
      policies: [policy('everything-signed', '**')],
      actionPolicies: [actionPolicy.value],
      trustRoots: [],
      noMatch: 'deny',
    });
    return {
      policies,
      ports: { evidence, definitions: definitions({ 'Task team/kubernaut-action': metaTask, ...specs }) },
    };
  }

  const inputs = (text: string): string => `, {name: inputs, value: '${text}'}`;
  const good = ofAction('a.example/restart:1', inputs('{"deployment":"web"}'));

  async function refusal(where: World, object: object, kind = taskRuns): Promise<readonly string[]> {
    const sent = await held(object, kind, where);
    const { response } = await new Bench(where).review('validate', reviewOf(sent, kind));
    return (response.status?.details.causes ?? []).map(({ reason, field }) => `${reason} ${field}`);
  }

  test('that a run fulfils lets it in, and is recorded', async () => {
    const bench = new Bench(world(limited));
    const object = await held(good, taskRuns, world(limited));
    const { response } = await bench.review('validate', reviewOf(object, taskRuns));
    expect(response).toMatchObject({ allowed: true });
    expect(JSON.stringify(bench.decisions[0])).toContain('restart@v1.2.0');
  });

  test('sets in a TaskRun what a TaskRun can carry, once', async () => {
    const bench = new Bench(world(limited));
    const object = run(`
taskRef: {name: kubernaut-action}
podTemplate: {nodeSelector: {a: b}}
params: [{name: actionImage, value: "a.example/restart:1"}${inputs('{"deployment":"web"}')}]`);
    const { response } = await bench.review('mutate', reviewOf(object, taskRuns));
    const patch: readonly PatchOperation[] = JSON.parse(Buffer.from(response.patch ?? '', 'base64').toString());
    const changed = apply(object, patch);
    expect(changed).toMatchObject({
      metadata: { annotations: { 'countersign.dev/contract': `restart@v1.2.0 ${digestFor('a.example/restart')}` } },
      spec: {
        podTemplate: { nodeSelector: { a: 'b' }, automountServiceAccountToken: false },
        stepSpecs: [
          {
            name: 'execute',
            computeResources: { requests: { cpu: '50m', memory: '32Mi' }, limits: { cpu: '100m', memory: '64Mi' } },
          },
        ],
        params: [{ name: 'actionImage', value: 'a.example/restart:1' }, { name: 'inputs' }],
      },
    });
    expect(Object.keys(asRecord(asRecord(changed)?.['spec']) ?? {}).toSorted()).toEqual([
      'params',
      'podTemplate',
      'stepSpecs',
      'taskRef',
    ]);
    const again = await bench.review('mutate', reviewOf(changed, taskRuns));
    expect(again.response).not.toHaveProperty('patch');
    expect((await bench.review('validate', reviewOf(changed, taskRuns))).response.allowed).toBe(true);
  });

  test('names the service account of a run with permissions', async () => {
    const spec = limited.replace(
      'permissions: []',
      'permissions: [{apiGroups: [apps], resources: [deployments], verbs: [patch]}]',
    );
    const { response } = await new Bench(world(spec)).review('mutate', reviewOf(good, taskRuns));
    expect(JSON.parse(Buffer.from(response.patch ?? '', 'base64').toString())).toContainEqual({
      op: 'add',
      path: '/spec/serviceAccountName',
      value: 'restart-sa',
    });
  });

  test.each<[string, World, object, readonly string[]]>([
    [
      'in a namespace outside of the allowlist',
      world(limited, '{namespaces: {allow: ["kubernaut-*"]}}'),
      good,
      ['NAMESPACE_NOT_ALLOWED spec'],
    ],
    [
      'with inputs that are missing and unknown',
      world(limited),
      ofAction('a.example/restart:1', inputs('{"other":1}')),
      [
        'INPUT_INVALID Task team/kubernaut-action spec.steps[0].env[0].value',
        'INPUT_INVALID Task team/kubernaut-action spec.steps[0].env[0].value',
      ],
    ],
    [
      'with a target outside of the allowlist',
      world(
        limited.replace('inputs: [', 'inputs: [{name: namespace, type: string}, '),
        '{targets: {allow: [production]}}',
      ),
      ofAction('a.example/restart:1', inputs('{"deployment":"web","namespace":"kube-system"}')),
      ['TARGET_NOT_ALLOWED Task team/kubernaut-action spec.steps[0].env[0].value'],
    ],
    [
      'with a script where there is no shell',
      world(limited.replace('shell: true', 'shell: false')),
      good,
      ['CONTRACT_CONFLICT Task team/kubernaut-action spec.steps[0].script'],
    ],
    [
      'with more resources than the contract allows',
      world(limited),
      run(`
taskRef: {name: kubernaut-action}
stepSpecs: [{name: execute, computeResources: {limits: {memory: 1Gi}}}]
params: [{name: actionImage, value: "a.example/restart:1"}${inputs('{"deployment":"web"}')}]`),
      ['CONTRACT_CONFLICT Task team/kubernaut-action spec.steps[0].computeResources.limits[memory]'],
    ],
  ])('refuses a TaskRun %s', async (_title, where, object, expected) => {
    expect(await refusal(where, object)).toEqual(expected);
  });

  test('refuses a PipelineRun in a namespace outside of the allowlist', async () => {
    const object = run(
      `pipelineSpec: {tasks: [{name: a, taskRef: {name: kubernaut-action}, params: [{name: actionImage, value: "a.example/restart:1"}${inputs('{"deployment":"web"}')}]}]}`,
    );
    expect(await refusal(world(limited, '{namespaces: {allow: ["kubernaut-*"]}}'), object, pipelineRuns)).toEqual([
      'NAMESPACE_NOT_ALLOWED spec',
    ]);
    expect(await refusal(world(limited), object, pipelineRuns)).toEqual([]);
  });

  test('says nothing about inputs that are the result of another task', async () => {
    const object = run(
      `pipelineSpec: {tasks: [{name: a, taskRef: {name: kubernaut-action}, params: [{name: actionImage, value: "a.example/restart:1"}, {name: inputs, value: $(tasks.b.results.inputs)}]}]}`,
    );
    expect(await refusal(world(limited), object, pipelineRuns)).toEqual([]);
  });

  test('says nothing about a script that brings its own interpreter', async () => {
    const task = metaTask.replace('#!/bin/sh', '#!/usr/local/bin/node');
    const where = world(limited.replace('shell: true', 'shell: false'), '{}', { 'Task team/kubernaut-action': task });
    expect(await refusal(where, good)).toEqual([]);
  });

  test('of a policy that warns refuses nothing', async () => {
    const where = world(limited, '{mode: warn, namespaces: {allow: [other]}}');
    const object = await held(good, taskRuns, where);
    const { response } = await new Bench(where).review('validate', reviewOf(object, taskRuns));
    expect(response).toMatchObject({ allowed: true, warnings: [expect.stringContaining('NAMESPACE_NOT_ALLOWED')] });
  });
});
