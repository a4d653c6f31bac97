import { describe, expect, test } from 'vitest';
import type { Engine, WorkflowSettings, WorkflowStep } from '../../src/workflow/model.ts';
import { imageOf, parseRegistry } from '../../src/workflow/registry.ts';
import { chooseEngine } from '../../src/workflow/routing.ts';
import { parseSettings } from '../../src/workflow/settings.ts';

const usual: WorkflowSettings = {
  maxParallelSteps: 5,
  approvalThreshold: 10,
  kubernetesQps: 20,
  kubernetesBurst: 30,
  tekton: { enabled: true, stage: 'off', includeDependencies: false, trackingActionExecutions: false },
  retries: 3,
  stepTimeoutMs: 1_800_000,
  jobTtlSeconds: 300,
  workspaceSize: '1Gi',
};

describe('settings', () => {
  test.each([undefined, null, {}, 'x', []])('are the usual ones without a ConfigMap (%j)', (data) => {
    expect(parseSettings(data, {})).toEqual({ settings: usual, problems: [] });
  });

  test('are read, each from its key', () => {
    const data = {
      'max-parallel-steps': '8',
      'complexity-approval-threshold': '0',
      'kubernetes-qps': '40',
      'kubernetes-burst': '60',
      'tekton.enabled': 'false',
      'tekton.stage': 'multi-step',
      'tekton.include-dependencies': 'true',
      'tekton.tracking-action-executions': 'true',
      retries: '0',
      'step-timeout': '5m',
      'job-ttl-seconds': '0',
      'workflow-ttl-seconds': '86400',
      'workspace-size': '10Gi',
      'workspace-storage-class': 'fast',
    };
    expect(parseSettings(data, {})).toEqual({
      settings: {
        maxParallelSteps: 8,
        approvalThreshold: 0,
        kubernetesQps: 40,
        kubernetesBurst: 60,
        tekton: { enabled: false, stage: 'multi-step', includeDependencies: true, trackingActionExecutions: true },
        retries: 0,
        stepTimeoutMs: 300_000,
        jobTtlSeconds: 0,
        workflowTtlSeconds: 86_400,
        workspaceSize: '10Gi',
        workspaceStorageClass: 'fast',
      },
      problems: [],
    });
  });

  test('of the ConfigMap count more than those of the environment, and these more than the usual ones', () => {
    const environment = {
      MAX_PARALLEL_STEPS: '2',
      COMPLEXITY_APPROVAL_THRESHOLD: '3',
      KUBERNETES_QPS: '4',
      KUBERNETES_BURST: '6',
    };
    const { settings, problems } = parseSettings({ 'max-parallel-steps': '9', 'kubernetes-qps': '' }, environment);
    expect(settings).toEqual({
      ...usual,
      maxParallelSteps: 9,
      approvalThreshold: 3,
      kubernetesQps: 4,
      kubernetesBurst: 6,
    });
    expect(problems).toEqual([]);
  });

  test.each<[string, unknown, string]>([
    ['max-parallel-steps', '0', 'max-parallel-steps: is "0"; write a whole number from 1 to 1000'],
    ['max-parallel-steps', '1e3', 'max-parallel-steps: is "1e3"'],
    ['max-parallel-steps', '-1', 'max-parallel-steps: is "-1"'],
    ['max-parallel-steps', 8, 'max-parallel-steps: is 8'],
    ['tekton.enabled', 'yes', 'tekton.enabled: is "yes"; write true, false'],
    ['tekton.stage', 'some', 'tekton.stage: is "some"; write off, gitops, multi-step, all'],
    ['step-timeout', '0s', 'step-timeout: is "0s"; write a duration'],
    ['job-ttl-seconds', '99999999999', 'job-ttl-seconds: is "99999999999"'],
    ['workspace-size', 'big', 'workspace-size: is "big"; write a size such as 1Gi'],
    ['workspace-size', '-1Gi', 'workspace-size: is "-1Gi"'],
    ['workspace-size', '1m', 'workspace-size: is "1m"'],
    ['workspace-storage-class', 'A b', 'workspace-storage-class: is "A b"'],
    ['max-paralel-steps', '8', '"max-paralel-steps": is no setting; known are max-parallel-steps, '],
    ['__proto__x', '8', '"__proto__x": is no setting'],
  ])('with a wrong %s (%j) stay as they were, and the others count', (key, value, problem) => {
    const read = parseSettings({ [key]: value, retries: '7' }, {});
    expect(read.settings).toEqual({ ...usual, retries: 7 });
    expect(read.problems).toEqual([expect.stringContaining(problem)]);
  });

  test('of an environment that makes no sense are told, and the usual ones count', () => {
    const read = parseSettings({ 'kubernetes-qps': 'x' }, { KUBERNETES_QPS: 'y' });
    expect(read.settings).toEqual(usual);
    expect(read.problems).toEqual([
      expect.stringMatching(/^kubernetes-qps: is "x"/),
      expect.stringMatching(/^KUBERNETES_QPS: is "y"/),
    ]);
  });
});

describe('the engine', () => {
  const step = (name: string, ...runAfter: readonly string[]): WorkflowStep => ({
    name,
    runAfter,
    inputs: {},
    usesWorkspace: false,
  });
  const shapes = {
    single: { steps: [step('a')] },
    gitops: { workflowType: 'gitops-pr-creation', steps: [step('a')] },
    three: { steps: [step('a'), step('b'), step('c', 'a')] },
    four: { steps: [step('a'), step('b'), step('c'), step('d')] },
  };
  type Shape = keyof typeof shapes;
  type Tekton = Partial<WorkflowSettings['tekton']>;
  const choose = (shape: Shape, tekton: Tekton, isServed = true, executor?: Engine): unknown => {
    const workflow = executor === undefined ? shapes[shape] : { ...shapes[shape], executor };
    const chosen = chooseEngine(workflow, { tekton: { ...usual.tekton, ...tekton } }, isServed);
    return chosen.ok ? chosen.value : chosen.failure.reason;
  };

  test.each<[WorkflowSettings['tekton']['stage'], Readonly<Record<Shape, Engine>>]>([
    ['off', { single: 'job', gitops: 'job', three: 'job', four: 'job' }],
    ['gitops', { single: 'job', gitops: 'tekton', three: 'job', four: 'job' }],
    ['multi-step', { single: 'job', gitops: 'tekton', three: 'job', four: 'tekton' }],
    ['all', { single: 'tekton', gitops: 'tekton', three: 'tekton', four: 'tekton' }],
  ])('of stage %s', (stage, expected) => {
    for (const [shape, engine] of Object.entries(expected)) {
      const of = shape as Shape; // a key of the table above
      expect(choose(of, { stage })).toBe(engine);
      expect(choose(of, { stage, enabled: false })).toBe('job');
      expect(choose(of, { stage }, false)).toBe('job');
      expect(choose(of, { stage }, true, 'job')).toBe('job');
      expect(choose(of, { stage }, true, 'tekton')).toBe('tekton');
      expect(choose(of, { stage }, false, 'tekton')).toBe('UnsupportedEngine');
      expect(choose(of, { stage, enabled: false }, true, 'tekton')).toBe('UnsupportedEngine');
    }
  });

  test.each<[Shape, Engine]>([
    ['single', 'job'],
    ['three', 'tekton'],
  ])('of stage multi-step counts dependencies where that is asked for (%s)', (shape, engine) => {
    expect(choose(shape, { stage: 'multi-step', includeDependencies: true })).toBe(engine);
  });
});

describe('the action registry', () => {
  const entry =
    'image: ghcr.io/kubernaut/actions/scale@sha256:abc\ncontract: /action-contract.yaml\nverification: strict\n';
  const scale = {
    actionType: 'kubernetes/scale_deployment',
    image: 'ghcr.io/kubernaut/actions/scale@sha256:abc',
    contract: '/action-contract.yaml',
    verification: 'strict',
  };
  const indented = entry.trim().replaceAll('\n', '\n  ');

  test.each<[string, Readonly<Record<string, string>>]>([
    ['a document registry.yaml', { 'registry.yaml': `kubernetes/scale_deployment:\n  ${indented}` }],
    [
      'a document actions.yaml',
      { 'actions.yaml': `actions:\n  kubernetes/scale_deployment: { image: '${scale.image}' }` },
    ],
    ['a list', { 'registry.yaml': `- actionType: kubernetes/scale_deployment\n  ${indented}` }],
    ['a list under actions', { 'registry.yaml': `actions:\n- actionType: kubernetes/scale_deployment\n  ${indented}` }],
    ['a key with a dot', { 'kubernetes.scale_deployment': entry }],
    ['a key with two lines', { kubernetes__scale_deployment: entry }],
    ['a key that does not matter', { scale: `actionType: kubernetes/scale_deployment\n${entry}` }],
  ])('is read from %s', (_title, data) => {
    const { actions, problems } = parseRegistry(data);
    expect([...actions]).toEqual([['kubernetes/scale_deployment', scale]]);
    expect(problems.size).toBe(0);
  });

  test.each([undefined, null, 'x', [], {}, { 'registry.yaml': '' }])('is empty without entries (%j)', (data) => {
    const { actions, problems } = parseRegistry(data);
    expect([actions.size, problems.size]).toEqual([0, 0]);
  });

  test.each<[string, string, unknown, string]>([
    ['git/clone', 'git.clone', 'contract: /action-contract.yaml', 'image: is missing'],
    ['git/clone', 'git.clone', 'image: [a]', 'image: is a list; write an image'],
    ['git/clone', 'git.clone', 'image: "$(params.x)"', 'write an image by digest'],
    ['git/clone', 'git.clone', 'image: a\nverification: none', 'verification: is "none"; write strict'],
    [
      'git/clone',
      'git.clone',
      'image: a\ncontract: /other.yaml',
      'contract: is "/other.yaml"; write /action-contract.yaml',
    ],
    ['git/clone', 'git.clone', 'image: a\nimage: b', 'the key "image" occurs twice'],
    ['git/clone', 'git.clone', 'just text', 'is no object; write a mapping'],
    ['git/clone', 'git.clone', '{', 'is no YAML that can be read'],
    ['git/clone', 'git.clone', 'a: &a x\nb: *a', 'aliases are not allowed'],
    ['git/clone', 'git.clone', 5, 'is 5; write YAML as text'],
    ['-', '-', 'image: a', 'is no action type'],
    ['registry.yaml', 'registry.yaml', 'text', 'is "text"; write a mapping'],
    ['registry.yaml[0]', 'registry.yaml', '- image: a', 'is no action type'],
  ])('has a problem of %s, and the others go on working (%#)', (type, key, text, problem) => {
    const { actions, problems } = parseRegistry({ 'kubernetes.scale_deployment': entry, [key]: text });
    expect([...actions.keys()]).toEqual(['kubernetes/scale_deployment']);
    expect([...problems.keys()]).toEqual([type]);
    expect(problems.get(type)).toContain(problem);
  });

  test('has nothing for a type that is registered twice', () => {
    const { actions, problems } = parseRegistry({ 'git.clone': 'image: a', 'actions.yaml': 'git/clone: { image: b }' });
    expect(actions.size).toBe(0);
    expect(problems.get('git/clone')).toBe('git/clone: is registered twice; remove one of its entries');
  });

  test.each<[object, unknown]>([
    [{ image: 'own' }, { ok: true, value: 'own' }],
    [
      { image: 'own', actionType: 'git/clone' },
      { ok: true, value: 'own' },
    ],
    [{ actionType: 'kubernetes/scale_deployment' }, { ok: true, value: scale.image }],
    [
      { actionType: 'git/clone' },
      { failure: { message: expect.stringContaining('its entry in kubernaut-action-registry is wrong') } },
    ],
    [
      { actionType: 'constructor' },
      { failure: { reason: 'ConfigurationError', message: expect.stringContaining('is not registered') } },
    ],
    [{}, { ok: false, failure: { message: expect.stringContaining('neither an image nor an actionType') } }],
  ])('says which image a step has (%j)', (step, expected) => {
    const registry = parseRegistry({ 'kubernetes.scale_deployment': entry, 'git.clone': 'contract: x' });
    expect(imageOf(step, registry)).toMatchObject(expected as object);
  });
});
