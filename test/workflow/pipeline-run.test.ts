import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { asRecord } from '../../src/kernel/strict-json.ts';
import type { Workflow } from '../../src/workflow/model.ts';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';
import { pipelineRunOf, stepTemplate, type ProvenStep } from '../../src/workflow/pipeline-run.ts';
import { contractWith } from '../contract/kit.ts';

const settings = { stepTimeoutMs: 1_800_000, workspaceSize: '1Gi' };

/** The sample of the design documents, with a shorter body. */
const sample = (apiVersion: string): string => `
apiVersion: ${apiVersion}
kind: WorkflowExecution
metadata:
  name: remediate-payment-oom
  namespace: kubernaut-system
spec:
  workflowType: multi-step-remediation
  reason: "OOMKilled: payment-service"
  steps:
    - name: restart-pods
      actionType: kubernetes/restart_pod
      image: ghcr.io/kubernaut/actions/restart@sha256:def456
      inputs:
        namespace: production
        labelSelector: app=payment
      runAfter: []
    - name: scale-deployment
      actionType: kubernetes/scale_deployment
      image: ghcr.io/kubernaut/actions/scale@sha256:abc123
      inputs:
        deployment: payment-service
        namespace: production
        replicas: 10
      runAfter: []
    - name: create-gitops-pr
      actionType: git/create-pr
      image: ghcr.io/kubernaut/actions/git-pr@sha256:ghi789
      usesWorkspace: true
      inputs:
        repository: https://github.com/company/k8s-configs
        branch: kubernaut/payment-memory-fix
        title: "Kubernaut: Fix payment-service OOMKilled (AI-recommended)"
        body: "..."
      runAfter:
        - restart-pods
        - scale-deployment
`;

/** As the documents print it. */
const printed = (apiVersion: string): string => `
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata:
  name: remediate-payment-oom
  namespace: kubernaut-system
  labels:
    kubernaut.io/workflow: remediate-payment-oom
  ownerReferences:
    - apiVersion: ${apiVersion}
      kind: WorkflowExecution
      name: remediate-payment-oom
spec:
  pipelineSpec:
    tasks:
      - name: restart-pods
        taskRef:
          name: kubernaut-action
        params:
          - name: actionType
            value: kubernetes/restart_pod
          - name: actionImage
            value: ghcr.io/kubernaut/actions/restart@sha256:def456
          - name: inputs
            value: '{"namespace":"production","labelSelector":"app=payment"}'
      - name: scale-deployment
        taskRef:
          name: kubernaut-action
        params:
          - name: actionType
            value: kubernetes/scale_deployment
          - name: actionImage
            value: ghcr.io/kubernaut/actions/scale@sha256:abc123
          - name: inputs
            value: '{"deployment":"payment-service","namespace":"production","replicas":10}'
      - name: create-gitops-pr
        taskRef:
          name: kubernaut-action
        params:
          - name: actionType
            value: git/create-pr
          - name: actionImage
            value: ghcr.io/kubernaut/actions/git-pr@sha256:ghi789
          - name: inputs
            value: '{"repository":"https://github.com/company/k8s-configs","branch":"kubernaut/payment-memory-fix","title":"Kubernaut: Fix payment-service OOMKilled (AI-recommended)","body":"..."}'
        runAfter:
          - restart-pods
          - scale-deployment
        workspaces:
          - name: workspace
            workspace: shared-workspace
    workspaces:
      - name: shared-workspace
        description: "Shared workspace for multi-step workflows"
  workspaces:
    - name: shared-workspace
      volumeClaimTemplate:
        spec:
          accessModes:
            - ReadWriteOnce
          resources:
            requests:
              storage: 1Gi
`;

function workflowOf(text: string): Workflow {
  const object: unknown = parse(text);
  const metadata = { ...asRecord(asRecord(object)?.['metadata']), uid: 'u1', resourceVersion: '1', generation: 1 };
  const workflow = parseWorkflow({ ...asRecord(object), metadata });
  if (!workflow.ok) throw new Error(workflow.failure.message);
  return workflow.value;
}

const asWritten = ({ steps }: Workflow): readonly ProvenStep[] =>
  steps.map((step) => ({ step, image: step.image ?? '' }));

/** Paths of what ours has beyond what is printed; with a "!" where anything else differs. */
function additions(ours: unknown, theirs: unknown, path = ''): readonly string[] {
  const [one, other] = [asRecord(ours), asRecord(theirs)];
  if (Array.isArray(ours) && Array.isArray(theirs)) {
    if (ours.length !== theirs.length) return [`! ${path}`];
    return ours.flatMap((item: unknown, index) => additions(item, theirs[index], `${path}[${index}]`));
  }
  if (one === undefined || other === undefined) return ours === theirs ? [] : [`! ${path}`];
  const missing = Object.keys(other).filter((key) => !Object.hasOwn(one, key));
  const found = Object.entries(one).flatMap(([key, value]) => {
    const at = path === '' ? key : `${path}.${key}`;
    return Object.hasOwn(other, key) ? additions(value, other[key], at) : [at];
  });
  return [...missing.map((key) => `! ${path}.${key}`), ...found];
}

describe.each(['workflowexecution.kubernaut.ai/v1alpha1', 'kubernaut.ai/v1alpha1'])('a workflow of %s', (group) => {
  const workflow = workflowOf(sample(group));
  const pipelineRun = pipelineRunOf(workflow, asWritten(workflow), settings);

  test('becomes the PipelineRun that the documents print, and more', () => {
    expect(additions(pipelineRun, parse(printed(group)))).toEqual([
      'metadata.labels.countersign.dev/engine',
      'metadata.ownerReferences[0].uid',
      'metadata.ownerReferences[0].controller',
      'metadata.ownerReferences[0].blockOwnerDeletion',
      'spec.pipelineSpec.tasks[0].timeout',
      'spec.pipelineSpec.tasks[1].timeout',
      'spec.pipelineSpec.tasks[2].timeout',
      'spec.workspaces[0].volumeClaimTemplate.metadata',
      'spec.timeouts',
    ]);
  });

  test('has the order of the params, and times that do not depend on how Tekton is configured', () => {
    expect(pipelineRun).toMatchObject({ spec: { timeouts: { pipeline: '0s' } } });
    const [task] = tasksOf(pipelineRun);
    expect(task?.['timeout']).toBe('1800s');
    expect(task?.['params']).toMatchObject([{ name: 'actionType' }, { name: 'actionImage' }, { name: 'inputs' }]);
  });
});

function tasksOf(pipelineRun: object): readonly Readonly<Record<string, unknown>>[] {
  const tasks = asRecord(asRecord(asRecord(pipelineRun)?.['spec'])?.['pipelineSpec'])?.['tasks'];
  return Array.isArray(tasks) ? tasks.map((task: unknown) => asRecord(task) ?? {}) : [];
}

const one = (step: string, rest = ''): Workflow =>
  workflowOf(`
apiVersion: kubernaut.ai/v1alpha1
kind: WorkflowExecution
metadata: {name: w, namespace: n}
spec:
  steps: [{name: a, image: r.example/a, ${step}}]
  ${rest}
`);
const runOf = (workflow: Workflow, proven: Partial<ProvenStep> = {}, more = {}): object =>
  pipelineRunOf(
    workflow,
    asWritten(workflow).map((step) => ({ ...step, ...proven })),
    { ...settings, ...more },
  );

describe('the PipelineRun', () => {
  test('has a workspace only when a step uses it', () => {
    const spec = asRecord(asRecord(runOf(one('inputs: {}')))?.['spec']);
    expect(Object.keys(spec ?? {})).toEqual(['pipelineSpec', 'timeouts']);
    expect(Object.keys(asRecord(spec?.['pipelineSpec']) ?? {})).toEqual(['tasks']);
  });

  test('has the claim as the settings say, with labels by which it is found', () => {
    const run = runOf(one('usesWorkspace: true'), {}, { workspaceSize: '5Gi', workspaceStorageClass: 'fast' });
    const template = {
      metadata: { labels: { 'countersign.dev/engine': 'tekton', 'kubernaut.io/workflow': 'w' } },
      spec: { storageClassName: 'fast', resources: { requests: { storage: '5Gi' } } },
    };
    expect(run).toMatchObject({ spec: { workspaces: [{ volumeClaimTemplate: template }] } });
  });

  test.each([
    ['retries: 2', { retries: 2 }],
    ['timeout: 90s', { timeout: '90s' }],
    ['timeout: 1500ms', { timeout: '1.5s' }],
  ])('has what the step says: %s', (step, expected) => {
    expect(tasksOf(runOf(one(step)))[0]).toMatchObject(expected);
  });

  test.each(['retries: 0', 'inputs: {}'])('has no retries that the step does not ask for: %s', (step) => {
    expect(tasksOf(runOf(one(step)))[0]).not.toHaveProperty('retries');
  });

  test('has the timeout of the contract where the step has none, and the end of the whole', () => {
    const contract = contractWith({ timeout: '4m' });
    expect(tasksOf(runOf(one('inputs: {}'), { contract }))[0]).toMatchObject({ timeout: '240s' });
    expect(tasksOf(runOf(one('timeout: 9s'), { contract }))[0]).toMatchObject({ timeout: '9s' });
    expect(runOf(one('inputs: {}', 'timeout: 2h'))).toMatchObject({ spec: { timeouts: { pipeline: '7200s' } } });
  });

  test('is empty text where there is no action type, and {} where there are no inputs', () => {
    expect(tasksOf(runOf(one('runAfter: []')))[0]).toMatchObject({
      params: [{ value: '' }, { value: 'r.example/a' }, { value: '{}' }],
    });
  });
});

describe('what was proven of an image', () => {
  const workflow = one('usesWorkspace: true');
  const [step] = workflow.steps;
  if (step === undefined) throw new Error('there is a step');
  const bare = stepTemplate(workflow, step, 'r.example/a');
  const container = asRecord(Array.isArray(bare.spec['containers']) ? bare.spec['containers'][0] : undefined);
  const resources = { limits: { memory: '64Mi' } };
  const template = {
    ...bare,
    spec: {
      ...bare.spec,
      serviceAccountName: 'a-sa',
      automountServiceAccountToken: false,
      containers: [{ ...container, resources, env: [{ name: 'ACTION_INPUTS', value: '{"a":"$$x$$(y)","b":1}' }] }],
    },
  };

  test('is in the run as far as it can carry it', () => {
    expect(runOf(workflow, { template })).toMatchObject({
      spec: {
        taskRunSpecs: [
          {
            pipelineTaskName: 'a',
            serviceAccountName: 'a-sa',
            podTemplate: { automountServiceAccountToken: false, securityContext: { fsGroup: 65532 } },
            stepSpecs: [{ name: 'execute', computeResources: resources }],
          },
        ],
      },
    });
  });

  test('completes the inputs', () => {
    const [task] = tasksOf(runOf(workflow, { template }));
    expect(task).toMatchObject({ params: [{}, {}, { value: '{"a":"$x\\u0024(y)","b":1}' }] });
  });
});

test('no inputs have anything in them that Tekton or the kubelet would replace', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.constant('$(params.x) $$(y) $(z $ü $🎉'))),
      (inputs) => {
        const workflow = one('inputs: {}');
        const steps = workflow.steps.map((step) => ({ ...step, inputs }));
        const [task] = tasksOf(runOf({ ...workflow, steps }));
        const params: readonly unknown[] = Array.isArray(task?.['params']) ? task['params'] : [];
        const value = String(asRecord(params[2])?.['value']);
        expect(value).not.toMatch(/\$(?:[($]|\P{ASCII})/u);
        expect(JSON.parse(value)).toEqual(JSON.parse(JSON.stringify(inputs)));
      },
    ),
  );
});
