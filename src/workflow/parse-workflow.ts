/** A WorkflowExecution as somebody applied it. Its steps are each read by themselves here; check-graph.ts looks at them together. */
import { defined } from '../kernel/defined.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { actionType, image, maxRetries } from './action-fields.ts';
import { dnsLabel, Members, Problems, shown, type TextRule } from './fields.ts';
import { inputsForTekton, inputsProblem } from './inputs-json.ts';
import { names, type Engine, type Inputs, type Workflow, type WorkflowProblem, type WorkflowStep } from './model.ts';
import { originOf } from './origin.ts';
import { asRecord } from '../kernel/strict-json.ts';

export const maxSteps = 500;
/** Of all steps together: a PipelineRun holds them twice, and etcd takes 1.5 MiB. */
const maxTotalBytes = 512 * 1024;
const maxSeconds = 2 ** 31 - 1;

const freeText: TextRule = { maxLength: 4096, expected: 'at most 4096 characters' };
const workflowType: TextRule = { maxLength: 253, expected: 'at most 253 characters' };
const targetResource: TextRule = {
  maxLength: 512,
  pattern: /^[^\s/]+\/[^\s/]+(?:\/[^\s/]+)?$/,
  expected: 'namespace/kind/name or kind/name',
};

export function parseWorkflow(object: unknown): Result<Workflow, WorkflowProblem> {
  const problems = new Problems();
  const members = new Members(object, '', problems);
  const metadata = members.object('metadata');
  checkName(metadata);
  const executor = readExecutor(metadata);
  if (executor !== undefined && 'reason' in executor) return fail(executor);
  const workflow = readWorkflow(object, members, executor?.engine);
  checkTotal(workflow.steps, problems);
  const { message } = problems;
  return message === undefined ? ok(workflow) : fail({ reason: 'InvalidSpec', message });
}

function readWorkflow(object: unknown, members: Members, executor: Engine | undefined): Workflow {
  const spec = members.object('spec');
  const metadata = members.object('metadata');
  return {
    ...originOf(object),
    kind: 'WorkflowExecution',
    ...defined('workflowType', spec.text('workflowType', workflowType)),
    ...defined('reason', spec.text('reason', freeText)),
    steps: spec.objects('steps', maxSteps, readStep),
    suspend: spec.flag('suspend') ?? false,
    cancel: spec.flag('cancel') ?? false,
    ...defined('timeoutMs', spec.duration('timeout')),
    ...defined('ttlSecondsAfterFinished', spec.whole('ttlSecondsAfterFinished', 0, maxSeconds)),
    ...defined('targetResource', spec.text('targetResource', targetResource)),
    ...defined('trackingActionExecutions', spec.flag('trackingActionExecutions')),
    ...defined('executor', executor),
    isApproved: metadata.object('annotations').raw(names.approvedAnnotation) === 'true',
    isDeleted: metadata.raw('deletionTimestamp') !== undefined,
  };
}

/** Where the name is generated there is none yet. */
function checkName(metadata: Members): void {
  const name = metadata.text('name', {
    ...dnsLabel,
    expected: `${dnsLabel.expected}: it becomes the name of a PipelineRun and the value of labels`,
  });
  const isThere = name !== undefined || (metadata.raw('name') ?? '') !== '';
  if (!isThere && metadata.raw('generateName') === undefined) metadata.complain('name', 'is missing; give one');
}

function readExecutor(metadata: Members): { readonly engine: Engine } | WorkflowProblem | undefined {
  const value = metadata.object('annotations').raw(names.executorAnnotation);
  if (value === undefined) return undefined;
  if (value === 'job' || value === 'tekton') return { engine: value };
  const path = `metadata.annotations[${names.executorAnnotation}]`;
  return { reason: 'UnsupportedEngine', message: `${path}: is ${shown(value)}; write job or tekton, or leave it out` };
}

function readStep(step: Members): WorkflowStep {
  if ((step.raw('name') ?? '') === '') step.complain('name', 'is missing; give each step a name of its own');
  return {
    name: step.text('name', dnsLabel) ?? '',
    ...defined('actionType', step.text('actionType', actionType)),
    ...defined('image', step.text('image', image)),
    inputs: readInputs(step),
    usesWorkspace: step.flag('usesWorkspace') ?? false,
    runAfter: [...new Set(step.texts('runAfter', maxSteps, dnsLabel))],
    ...defined('retries', step.whole('retries', 0, maxRetries)),
    ...defined('timeoutMs', step.duration('timeout')),
  };
}

export function readInputs(members: Members): Inputs {
  const value = members.raw('inputs');
  const inputs = asRecord(value);
  if (inputs === undefined) {
    if (value !== undefined) members.complain('inputs', `is ${shown(value)}; write a mapping`);
    return {};
  }
  const problem = inputsProblem(inputs);
  if (problem !== undefined) members.complain('inputs', problem);
  return problem === undefined ? inputs : {};
}

function checkTotal(steps: readonly WorkflowStep[], problems: Problems): void {
  const bytes = steps.reduce((sum, { inputs }) => sum + Buffer.byteLength(inputsForTekton(inputs)), 0);
  if (bytes <= maxTotalBytes) return;
  problems.add(
    'spec.steps',
    `their inputs have ${bytes} bytes together, and at most ${maxTotalBytes} fit into one run`,
  );
}
