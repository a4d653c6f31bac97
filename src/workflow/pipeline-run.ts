/**
 * The PipelineRun of a workflow: a task for each step, all of them the one Task that runs actions. Pure: what was proven of
 * the images comes in, and equal workflows give equal PipelineRuns.
 */
import type { ActionContract } from '../contract/model.ts';
import { defined } from '../kernel/defined.ts';
import type { NewObject } from '../kernel/kube-object.ts';
import { asRecord, parseStrictJson } from '../kernel/strict-json.ts';
import { actionExecutionName } from './action-execution.ts';
import { actionTemplate, timeoutOf, type ActionTemplate } from './action-job.ts';
import { controllerReference } from './controller-reference.ts';
import { inputsForTekton } from './inputs-json.ts';
import { kinds } from './kinds.ts';
import { labelValue } from './label-value.ts';
import { names, type Inputs, type Workflow, type WorkflowSettings, type WorkflowStep } from './model.ts';

/** A step with what was proven of its image. */
export interface ProvenStep {
  readonly step: WorkflowStep;
  /** By digest. */
  readonly image: string;
  readonly contract?: ActionContract;
  /** Bound to contract and policies. */
  readonly template?: ActionTemplate;
}

type Settings = Pick<WorkflowSettings, 'stepTimeoutMs' | 'workspaceSize' | 'workspaceStorageClass'>;

export function pipelineRunOf(workflow: Workflow, steps: readonly ProvenStep[], settings: Settings): NewObject {
  const { apiVersion, kind } = kinds.pipelineRun;
  const usesWorkspace = steps.some(({ step }) => step.usesWorkspace);
  const taskRunSpecs = steps.flatMap(taskRunSpec);
  return {
    apiVersion,
    kind,
    metadata: {
      name: workflow.name,
      namespace: workflow.namespace,
      labels: labelsOf(workflow),
      ownerReferences: [controllerReference(workflow)],
    },
    spec: {
      pipelineSpec: {
        tasks: steps.map((step) => pipelineTask(step, settings)),
        ...(usesWorkspace && { workspaces: [{ name: names.workspace, description }] }),
      },
      ...(usesWorkspace && { workspaces: [workspaceBinding(workflow, settings)] }),
      ...(taskRunSpecs.length > 0 && { taskRunSpecs }),
      // Without it Tekton ends every run after an hour. "0s": no end but those of the steps.
      timeouts: { pipeline: goDuration(workflow.timeoutMs ?? 0) },
    },
  };
}

const description = 'Shared workspace for multi-step workflows';

/** Tekton copies those of the run to its TaskRuns and their Pods. */
function labelsOf({ name }: Workflow): Readonly<Record<string, string>> {
  return { [names.workflowLabel]: labelValue(name), [names.engineLabel]: 'tekton' };
}

function pipelineTask({ step, image, contract, template }: ProvenStep, settings: Settings): object {
  const { name, actionType, runAfter, usesWorkspace, retries = 0 } = step;
  const inputs = (template === undefined ? undefined : completedInputs(template)) ?? step.inputs;
  return {
    name,
    taskRef: { name: names.metaTask },
    params: [
      { name: 'actionType', value: actionType ?? '' },
      { name: 'actionImage', value: image },
      { name: 'inputs', value: inputsForTekton(inputs) },
    ],
    ...(runAfter.length > 0 && { runAfter }),
    ...(usesWorkspace && { workspaces: [{ name: 'workspace', workspace: names.workspace }] }),
    // Tekton tries again after any failure, the action's own too: only where the step itself asks for it.
    ...(retries > 0 && { retries }),
    timeout: goDuration(timeoutOf(step, contract, settings)),
  };
}

/** With the defaults of the contract, as they stand in the Pod's environment, where every `$` is doubled. */
function completedInputs(template: ActionTemplate): Inputs | undefined {
  const env: unknown = containerOf(template)['env'];
  const entries: readonly unknown[] = Array.isArray(env) ? env : [];
  const value = entries.map(asRecord).find((entry) => entry?.['name'] === 'ACTION_INPUTS')?.['value'];
  if (typeof value !== 'string') return undefined;
  const parsed = parseStrictJson(value.replaceAll('$$', '$'));
  return parsed.ok ? asRecord(parsed.value) : undefined;
}

function containerOf({ spec: { containers } }: ActionTemplate): Readonly<Record<string, unknown>> {
  return asRecord(Array.isArray(containers) ? containers[0] : undefined) ?? {};
}

/** Labels of the template are those of the claim: it is found by them and removed when the run has ended. */
function workspaceBinding(workflow: Workflow, { workspaceSize, workspaceStorageClass }: Settings): object {
  return {
    name: names.workspace,
    volumeClaimTemplate: {
      metadata: { labels: labelsOf(workflow) },
      spec: {
        accessModes: ['ReadWriteOnce'],
        ...defined('storageClassName', workspaceStorageClass),
        resources: { requests: { storage: workspaceSize } },
      },
    },
  };
}

/** What a contract says of the Pod, as far as a run can carry it; the gate lays all of it on the Pod. */
function taskRunSpec({ step, template }: ProvenStep): readonly object[] {
  if (template === undefined) return [];
  const { serviceAccountName, automountServiceAccountToken, securityContext, imagePullSecrets } = template.spec;
  const podTemplate = {
    ...defined('automountServiceAccountToken', automountServiceAccountToken),
    ...defined('securityContext', securityContext),
    ...defined('imagePullSecrets', imagePullSecrets),
  };
  const resources = containerOf(template)['resources'];
  const spec = {
    ...defined('serviceAccountName', serviceAccountName),
    ...(Object.keys(podTemplate).length > 0 && { podTemplate }),
    ...(resources !== undefined && { stepSpecs: [{ name: 'execute', computeResources: resources }] }),
  };
  return Object.keys(spec).length === 0 ? [] : [{ pipelineTaskName: step.name, ...spec }];
}

/** metav1.Duration */
function goDuration(ms: number): string {
  return `${ms / 1_000}s`;
}

/** The Pod that is proven before there is a run: the one that a Job would have, so that both engines refuse the same. */
export function stepTemplate(workflow: Workflow, step: WorkflowStep, image: string): ActionTemplate {
  const { namespace } = workflow;
  const { apiVersion, kind } = kinds.action;
  return actionTemplate(
    {
      apiVersion,
      kind,
      namespace,
      name: actionExecutionName(workflow, step),
      uid: '',
      generation: 1,
      resourceVersion: '',
      ...defined('actionType', step.actionType),
      verification: 'strict',
      inputs: step.inputs,
      ...(step.usesWorkspace && { workspaceClaim: names.workspace }),
      cancel: false,
      workflow: workflow.name,
      step: step.name,
      isDeleted: false,
    },
    image,
  );
}
