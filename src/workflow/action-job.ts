/**
 * The Job of one attempt at an action, and the Pod in it before and after it was proven. Pure: equal actions, settings and
 * proofs give equal Jobs, so that making one again finds the one that is there.
 */
import type { ActionContract } from '../contract/model.ts';
import { defined } from '../kernel/defined.ts';
import type { NewObject } from '../kernel/kube-object.ts';
import { childName } from './child-name.ts';
import { controllerReference } from './controller-reference.ts';
import { inputsForJob } from './inputs-json.ts';
import { kinds } from './kinds.ts';
import { labelValue } from './label-value.ts';
import { names, type Action, type WorkflowSettings } from './model.ts';

/** core/v1 PodTemplateSpec, as far as it is ours. */
export interface ActionTemplate {
  readonly metadata: {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: Readonly<Record<string, unknown>>;
}

export interface Attempt {
  /** From 1. */
  readonly attempt: number;
  readonly timeoutMs: number;
}

/** It becomes a label of its Pods. */
const maxJobName = 63;

/** The first has the action's own name; the others one with a dot, which no action has, so that no step can be in their way. */
export function jobName(action: Pick<Action, 'name'>, attempt: number): string {
  return attempt === 1 ? action.name : childName(action.name, `retry${attempt - 1}`, maxJobName, '.');
}

/** Every attempt has all of it. */
export function timeoutOf(
  { timeoutMs }: Pick<Action, 'timeoutMs'>,
  contract: Pick<ActionContract, 'timeoutMs'> | undefined,
  settings: Pick<WorkflowSettings, 'stepTimeoutMs'>,
): number {
  return timeoutMs ?? contract?.timeoutMs ?? settings.stepTimeoutMs;
}

/** Undefined: contract and action agree about the workspace. */
export function workspaceProblem(
  { workspace, name }: Pick<ActionContract, 'workspace' | 'name'>,
  usesWorkspace: boolean,
): string | undefined {
  if (workspace === 'required' && !usesWorkspace) {
    return `the contract of ${name} requires a workspace and the step has none; write usesWorkspace: true`;
  }
  if (workspace !== 'none' || !usesWorkspace) return undefined;
  return `the contract of ${name} says that it uses no workspace and the step gives it one; leave usesWorkspace out`;
}

/** Volumes are given to this group, so that the steps of a workflow may write into one workspace whoever they run as. */
const workspaceGroup = 65_532;
const workspacePath = '/workspace';

/** The Pod that would run the action, as it is to be proven. */
export function actionTemplate(action: Action, image: string): ActionTemplate {
  const { actionType, workspaceClaim } = action;
  return {
    metadata: { labels: labelsOf(action), annotations: annotationsOf(action) },
    spec: {
      restartPolicy: 'Never',
      // Addresses of other Services are nothing that an action is to find in its environment.
      enableServiceLinks: false,
      containers: [
        {
          name: names.container,
          image,
          // A digest names the same bytes wherever they are.
          imagePullPolicy: 'IfNotPresent',
          env: [
            { name: 'ACTION_INPUTS', value: inputsForJob(action.inputs) },
            ...(actionType === undefined ? [] : [{ name: 'ACTION_TYPE', value: actionType }]),
            ...(workspaceClaim === undefined ? [] : [{ name: 'WORKSPACE_PATH', value: workspacePath }]),
          ],
          terminationMessagePolicy: 'FallbackToLogsOnError',
          ...(workspaceClaim !== undefined && {
            volumeMounts: [{ name: 'workspace', mountPath: workspacePath }],
          }),
        },
      ],
      ...(workspaceClaim !== undefined && {
        securityContext: { fsGroup: workspaceGroup, fsGroupChangePolicy: 'OnRootMismatch' },
        volumes: [{ name: 'workspace', persistentVolumeClaim: { claimName: workspaceClaim } }],
      }),
    },
  };
}

/** A Job that goes before anybody has read its result would have to be taken for one that was removed. */
const unreadTtlSeconds = 7 * 24 * 3_600;

/** `template`: proven, pinned and bound. */
export function actionJob(action: Action, template: ActionTemplate, { attempt, timeoutMs }: Attempt): NewObject {
  const { apiVersion, kind } = kinds.job;
  return {
    apiVersion,
    kind,
    metadata: {
      name: jobName(action, attempt),
      namespace: action.namespace,
      labels: labelsOf(action),
      annotations: annotationsOf(action),
      ownerReferences: [controllerReference(action)],
    },
    spec: {
      // An action that was interrupted may have done half of its work: whoever runs it again counts that as an attempt.
      backoffLimit: 0,
      podFailurePolicy: {
        rules: [{ action: 'FailJob', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }],
      },
      activeDeadlineSeconds: Math.max(1, Math.ceil(timeoutMs / 1_000)),
      // Until its result is kept; then it is as long as the settings say.
      ttlSecondsAfterFinished: unreadTtlSeconds,
      template,
    },
  };
}

function labelsOf(action: Action): Readonly<Record<string, string>> {
  return {
    'app.kubernetes.io/name': 'kubernaut-action',
    [names.workflowLabel]: labelValue(action.workflow),
    [names.stepLabel]: labelValue(action.step),
    ...defined('kubernaut.io/action', action.actionType === undefined ? undefined : actionLabel(action.actionType)),
    [names.engineLabel]: 'job',
  };
}

/** The annotation has it as it was written. */
function actionLabel(actionType: string): string {
  return labelValue(actionType.replaceAll('/', '.'));
}

function annotationsOf({ actionType }: Action): Readonly<Record<string, string>> {
  return actionType === undefined ? {} : { [names.actionTypeAnnotation]: actionType };
}
