/** The ActionExecution of a step: what the Job engine asks to be run, and nothing that it has found out. Pure. */
import { defined } from '../kernel/defined.ts';
import type { NewObject } from '../kernel/kube-object.ts';
import { controllerReference } from './controller-reference.ts';
import { childName } from './child-name.ts';
import { kinds } from './kinds.ts';
import { labelValue } from './label-value.ts';
import { names, type Workflow, type WorkflowStep } from './model.ts';

export function actionExecutionName(workflow: Pick<Workflow, 'name'>, step: Pick<WorkflowStep, 'name'>): string {
  return childName(workflow.name, step.name);
}

/** `workspaceClaim`: of the workflow, for steps that use it. */
export function actionExecution(
  workflow: Workflow,
  step: WorkflowStep,
  image: string,
  workspaceClaim: string | undefined,
): NewObject {
  const { apiVersion, kind } = kinds.action;
  return {
    apiVersion,
    kind,
    metadata: {
      name: actionExecutionName(workflow, step),
      namespace: workflow.namespace,
      labels: { [names.workflowLabel]: labelValue(workflow.name), [names.stepLabel]: step.name },
      ownerReferences: [controllerReference(workflow)],
    },
    spec: {
      ...defined('actionType', step.actionType),
      image,
      imageVerification: { policy: 'strict' },
      inputs: step.inputs,
      ...(step.usesWorkspace && workspaceClaim !== undefined && { volumes: [workspace(workspaceClaim)] }),
      ...defined('retries', step.retries),
      ...defined('timeout', step.timeoutMs === undefined ? undefined : `${step.timeoutMs / 1_000}s`),
    },
  };
}

function workspace(pvcName: string): object {
  return { name: 'workspace', pvcName, mountPath: '/workspace' };
}
