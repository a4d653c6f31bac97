import { describe, expect, test } from 'vitest';
import type { ActionStatus, WorkflowStatus } from '../../src/workflow/model.ts';
import { parseActionStatus, parseWorkflowStatus } from '../../src/workflow/parse-status.ts';
import { needsWorkspace, workspaceClaim } from '../../src/workflow/workspace.ts';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';

const at = '2026-01-01T00:00:00Z';
const failureDetails = {
  reason: 'OOMKilled',
  message: 'm',
  code: 'C',
  exitCode: 137,
  failedStepName: 'a',
  failedTaskIndex: 0,
  failedAt: at,
  naturalLanguageSummary: 's',
  wasExecutionFailure: true,
} as const;
const result = {
  startedAt: at,
  completedAt: at,
  executionName: 'j',
  podName: 'p',
  image: 'i',
  signers: ['x'],
  contract: 'c@v1',
  attempts: 2,
  outputs: { a: [1] },
  message: 'm',
  failureDetails,
};
const conditions = [
  { type: 'Recorded', status: 'True', reason: 'r', message: 'm', lastTransitionTime: at, observedGeneration: 1 },
] as const;
const ofWorkflow: WorkflowStatus = {
  phase: 'Failed',
  message: 'm',
  engine: 'job',
  observedGeneration: 1,
  startedAt: at,
  completedAt: at,
  steps: [{ name: 'a', phase: 'Failed', ...result }],
  workspacePVC: 'w-workspace',
  executionRef: { kind: 'PipelineRun', name: 'w', uid: 'u' },
  failureDetails,
  conditions,
};
const ofAction: ActionStatus = {
  phase: 'Running',
  ...result,
  observedGeneration: 1,
  jobUID: 'u',
  waiting: { reason: 'r', message: 'm', since: at },
  retryAt: at,
  conditions,
};

test('a status is read as it was written', () => {
  expect(parseWorkflowStatus({ status: ofWorkflow })).toEqual(ofWorkflow);
  expect(parseActionStatus({ status: ofAction })).toEqual(ofAction);
});

describe('what makes no sense is the status of what has not begun', () => {
  test.each([
    undefined,
    null,
    'x',
    [],
    {},
    { status: null },
    { status: 'x' },
    { status: [] },
    { status: { phase: 'Running away' } },
    { status: { phase: ['Failed'] } },
    { status: { phase: '', steps: [{ name: 'a', phase: 'Failed' }] } },
    { status: { __proto__: { phase: 'Failed' } } },
  ])('%j', (object) => {
    expect(parseWorkflowStatus(object)).toEqual({ phase: '', message: '', steps: [], conditions: [] });
    expect(parseActionStatus(object)).toEqual({ phase: '', conditions: [] });
  });

  test.each<[object, object]>([
    [{ engine: 'argo' }, {}],
    [{ startedAt: 'yesterday', completedAt: 5 }, {}],
    [{ observedGeneration: 1.5 }, {}],
    [{ steps: 'x' }, {}],
    [{ steps: [null, 'x', {}, { name: 'a' }, { name: 'a', phase: 'x' }] }, {}],
    [
      {
        steps: [
          { name: 'a', phase: 'Failed' },
          { name: 'a', phase: 'Completed' },
        ],
      },
      { steps: [{ name: 'a', phase: 'Failed' }] },
    ],
    [
      { steps: [{ name: 'a', phase: 'Failed', outputs: [1], signers: 'x', attempts: '2' }] },
      { steps: [{ name: 'a', phase: 'Failed' }] },
    ],
    [{ failureDetails: { reason: 'because' } }, {}],
    [{ conditions: [{ type: 'Ready' }, { status: 'True' }, { type: 'Ready', status: 'Perhaps' }] }, {}],
    [{ executionRef: { name: 'w' } }, {}],
  ])('and of a part of it, only that part: %j', (members, expected) => {
    const read = parseWorkflowStatus({ status: { phase: 'Executing', ...members } });
    expect(read).toEqual({ phase: 'Executing', message: '', steps: [], conditions: [], ...expected });
  });
});

describe('the shared volume', () => {
  const read = parseWorkflow({
    apiVersion: 'kubernaut.ai/v1alpha1',
    metadata: { name: 'w', namespace: 'n', uid: 'u' },
    spec: { steps: [{ name: 'a' }, { name: 'b', usesWorkspace: true }] },
  });
  if (!read.ok) throw new Error(read.failure.message);
  const workflow = read.value;

  test('is claimed for the workflow that needs it', () => {
    expect(needsWorkspace(workflow)).toBe(true);
    expect(workspaceClaim(workflow, { workspaceSize: '1Gi' })).toEqual({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {
        name: 'w-workspace',
        namespace: 'n',
        labels: { 'kubernaut.io/workflow': 'w', 'countersign.dev/engine': 'job' },
        ownerReferences: [
          {
            apiVersion: 'kubernaut.ai/v1alpha1',
            kind: 'WorkflowExecution',
            name: 'w',
            uid: 'u',
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    });
  });

  test('is of the class and size that is set', () => {
    const claim = workspaceClaim(workflow, { workspaceSize: '5Gi', workspaceStorageClass: 'fast' });
    expect(claim).toMatchObject({
      spec: { storageClassName: 'fast', resources: { requests: { storage: '5Gi' } } },
    });
  });

  test('is not needed where no step uses it', () => {
    expect(needsWorkspace({ steps: workflow.steps.slice(0, 1) })).toBe(false);
  });
});
