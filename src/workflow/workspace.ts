/** The volume that steps of a workflow share on Jobs; on Tekton a PipelineRun makes its own. */
import { defined } from '../kernel/defined.ts';
import type { NewObject } from '../kernel/kube-object.ts';
import { childName } from './child-name.ts';
import { controllerReference } from './controller-reference.ts';
import { kinds } from './kinds.ts';
import { labelValue } from './label-value.ts';
import { names, type Workflow, type WorkflowSettings } from './model.ts';

type Settings = Pick<WorkflowSettings, 'workspaceSize' | 'workspaceStorageClass'>;

export function needsWorkspace({ steps }: Pick<Workflow, 'steps'>): boolean {
  return steps.some(({ usesWorkspace }) => usesWorkspace);
}

function workspaceName({ name }: Pick<Workflow, 'name'>): string {
  return childName(name, 'workspace');
}

export function workspaceClaim(workflow: Workflow, settings: Settings): NewObject {
  return {
    apiVersion: kinds.claim.apiVersion,
    kind: kinds.claim.kind,
    metadata: {
      name: workspaceName(workflow),
      namespace: workflow.namespace,
      labels: { [names.workflowLabel]: labelValue(workflow.name), [names.engineLabel]: 'job' },
      ownerReferences: [controllerReference(workflow)],
    },
    spec: {
      accessModes: ['ReadWriteOnce'],
      ...defined('storageClassName', settings.workspaceStorageClass),
      resources: { requests: { storage: settings.workspaceSize } },
    },
  };
}
