import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../src/kernel/kube-object.ts';
import { failureCodes } from '../../src/kernel/failure.ts';
import type { StepStatus, Workflow } from '../../src/workflow/model.ts';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';
import { mirrorPipelineRun, type MirroredRun } from '../../src/workflow/pipeline-mirror.ts';
import { refusalIn } from '../../src/workflow/refusals.ts';

const now = new Date('2026-01-01T00:10:00Z');
const began = '2026-01-01T00:00:00Z';

function workflow(): Workflow {
  const parsed = parseWorkflow({
    apiVersion: 'kubernaut.ai/v1alpha1',
    kind: 'WorkflowExecution',
    metadata: { name: 'w', namespace: 'n', uid: 'u', resourceVersion: '1', generation: 1 },
    spec: {
      steps: [
        { name: 'a', image: 'x' },
        { name: 'b', image: 'x', runAfter: ['a'] },
      ],
    },
  });
  if (!parsed.ok) throw new Error(parsed.failure.message);
  return parsed.value;
}

function object(kind: string, name: string, status: object, more: object = {}): KubeObject {
  const metadata = {
    name,
    namespace: 'n',
    uid: `${name}-uid`,
    resourceVersion: '1',
    creationTimestamp: began,
    ...more,
  };
  return { apiVersion: 'tekton.dev/v1', kind, metadata, status };
}

const condition = (status: string, reason = 'Any', message = ''): object => ({
  conditions: [{ type: 'Succeeded', status, reason, message }],
});
const taskRun = (step: string, status: object, more: object = {}): KubeObject =>
  object('TaskRun', `w-${step}`, status, { labels: { 'tekton.dev/pipelineTask': step }, ...more });

function mirrored(
  pipelineRun: object,
  taskRuns: readonly KubeObject[],
  before: readonly StepStatus[] = [],
  pods: readonly KubeObject[] = [],
): MirroredRun {
  const known = { steps: before, timeoutOf: () => 60_000 };
  return mirrorPipelineRun(
    { pipelineRun: object('PipelineRun', 'w', pipelineRun), taskRuns, pods },
    workflow(),
    known,
    now,
  );
}

const running: StepStatus = { name: 'a', phase: 'Running', startedAt: began, executionName: 'w-a' };

describe('a PipelineRun', () => {
  test.each([
    ['nothing yet', {}, 'going-on'],
    ['that goes on', condition('Unknown', 'Running'), 'going-on'],
    ['that has succeeded', condition('True', 'Succeeded'), 'succeeded'],
    ['that has succeeded with steps left out', condition('True', 'Completed'), 'succeeded'],
    ['that has failed', condition('False', 'Failed'), 'failed'],
    ['with a status of which nobody has heard', condition('Perhaps'), 'going-on'],
  ])('says how it goes: %s', (_, status, outcome) => {
    expect(mirrored(status, []).outcome).toBe(outcome);
  });

  test('names the steps that it left out, and why', () => {
    const status = {
      ...condition('False', 'Failed'),
      skippedTasks: [{ name: 'b', reason: 'PipelineRun was stopping' }],
    };
    const { steps } = mirrored(status, [taskRun('a', condition('False', 'Failed'))]);
    expect(steps[1]).toEqual({ name: 'b', phase: 'Skipped', message: 'PipelineRun was stopping' });
  });

  test.each([{ skippedTasks: 'b' }, { skippedTasks: [null, 1, { name: 1 }] }, { conditions: 'no' }])(
    'of which nothing can be read says nothing: %j',
    (status) => {
      expect(mirrored(status, []).steps.map(({ phase }) => phase)).toEqual(['Pending', 'Pending']);
    },
  );
});

describe('a TaskRun', () => {
  test('says when it ran, how often, in which Pod and with what result', () => {
    const status = {
      ...condition('True', 'Succeeded'),
      startTime: '2026-01-01T00:00:05Z',
      completionTime: '2026-01-01T00:00:09Z',
      podName: 'w-a-pod-retry1',
      retriesStatus: [{}],
      results: [{ name: 'outputs', type: 'string', value: '{"a":1}' }],
    };
    expect(mirrored({}, [taskRun('a', status)]).steps[0]).toEqual({
      name: 'a',
      phase: 'Completed',
      startedAt: '2026-01-01T00:00:05Z',
      completedAt: '2026-01-01T00:00:09Z',
      executionName: 'w-a',
      executionUID: 'w-a-uid',
      podName: 'w-a-pod-retry1',
      attempts: 2,
      outputs: { a: 1 },
    });
  });

  test.each([[[]], [[{ name: 'outputs', value: ['a'] }]], [[{ name: 'outputs', value: 'text' }]], ['none']])(
    'has no outputs in %j',
    (results) => {
      const { steps } = mirrored({}, [taskRun('a', { ...condition('True'), results })]);
      expect(steps[0]).not.toHaveProperty('outputs');
    },
  );

  test('keeps what was proven of the image', () => {
    const before: StepStatus = { name: 'a', phase: 'Pending', image: 'x@sha256:1', signers: ['s'], contract: 'x@v1' };
    const { steps } = mirrored({}, [taskRun('a', condition('Unknown'))], [before]);
    expect(steps[0]).toMatchObject({ phase: 'Running', image: 'x@sha256:1', signers: ['s'], contract: 'x@v1' });
  });

  test('that waits to be tried again is running', () => {
    const status = { ...condition('Unknown', 'ToBeRetried'), retriesStatus: [{}] };
    expect(mirrored({}, [taskRun('a', status)]).steps[0]).toMatchObject({ phase: 'Running', attempts: 2 });
  });

  test('that was cancelled is no failure', () => {
    const { steps } = mirrored({}, [taskRun('a', condition('False', 'TaskRunCancelled', 'stopped'))]);
    expect(steps[0]).toMatchObject({ phase: 'Cancelled', message: 'stopped' });
    expect(steps[0]).not.toHaveProperty('failureDetails');
  });

  test('does not change what has ended', () => {
    const before: StepStatus = { name: 'a', phase: 'Failed', message: 'it was this' };
    expect(mirrored({}, [taskRun('a', condition('True'))], [before]).steps[0]).toEqual(before);
  });

  test('that is younger than the step is a second run of it, and not taken for the first', () => {
    const another = taskRun('a', condition('Unknown'), { creationTimestamp: '2026-01-01T00:05:00Z' });
    expect(mirrored({}, [another], [running]).steps[0]).toMatchObject({
      phase: 'Failed',
      failureDetails: { reason: 'ExecutionRemoved', wasExecutionFailure: true, failedStepName: 'a' },
    });
  });

  test('that was made in the same second is known by its UID', () => {
    const first: StepStatus = { ...running, executionUID: 'w-a-uid' };
    const made = (uid: string): StepStatus | undefined =>
      mirrored({}, [taskRun('a', condition('False', 'Failed', 'exit'), { uid })], [first]).steps[0];
    expect(made('another-uid')?.failureDetails?.reason).toBe('ExecutionRemoved');
    expect(made('w-a-uid')?.failureDetails?.reason).toBe('TaskFailed');
  });

  test("is not believed about another's Pod", () => {
    const oom = {
      containerStatuses: [{ name: 'step-execute', state: { terminated: { reason: 'OOMKilled', exitCode: 137 } } }],
    };
    const status = { ...condition('False', 'Failed', 'exit'), podName: 'p' };
    const of = (uid: string): KubeObject =>
      object('Pod', 'p', oom, { ownerReferences: [{ apiVersion: '', kind: 'TaskRun', name: 'w-a', uid }] });
    const reason = (pod: KubeObject): string | undefined =>
      mirrored({}, [taskRun('a', status)], [], [pod]).steps[0]?.failureDetails?.reason;
    expect(reason(of('w-a-uid'))).toBe('OOMKilled');
    expect(reason(of('other'))).toBe('TaskFailed');
  });
});

describe('it is unclear what became of a step', () => {
  test.each([
    ['that ran and has no TaskRun any more', {}, [], [running], ['a']],
    ['that runs though the run has ended', condition('False'), [taskRun('a', condition('Unknown'))], [running], ['a']],
    ['that never began though the run has succeeded', condition('True'), [taskRun('a', condition('True'))], [], ['b']],
    ['that runs', {}, [taskRun('a', condition('Unknown'))], [running], []],
    ['that never began in a run that failed', condition('False'), [taskRun('a', condition('False'))], [], []],
  ])('%s', (_, status, taskRuns, before, expected) => {
    expect(mirrored(status, taskRuns, before).unclear).toEqual(expected);
  });
});

describe('what Tekton passes on of a refusal', () => {
  const denied = (text: string): string =>
    `failed to create task run pod "w-a": admission webhook "v" denied the request: ${text}. Maybe missing or invalid Task n/kubernaut-action`;

  test.each(failureCodes)('has the code of the gate: %s', (code) => {
    const message = `${code}: because. spec.containers[0].image "x" [request 1]`;
    expect(refusalIn(denied(message))).toEqual({
      code,
      message: 'because. spec.containers[0].image "x" [request 1]',
    });
  });

  test.each(['', 'exit 1', denied('NOT_OUR_CODE: no'), denied('no'), 'SIGNATURE_MISSING: said by an action'])(
    'is no refusal of ours: %s',
    (message) => {
      expect(refusalIn(message)).toBeUndefined();
    },
  );
});
