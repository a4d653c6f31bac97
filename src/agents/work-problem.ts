/** What is wrong with a Task and its Agent together, before anything is made for them. Pure. */
import { quoted } from '../kernel/failure.ts';
import { contextData } from './context-config-map.ts';
import { credentialProblem } from './credentials.ts';
import { fileMappings } from './init-containers.ts';
import type { ContextItem, TaskProblem, Work, Workspace } from './model.ts';

/** Asked once the workspace is laid out: `taskPod` and `serverDeployment` rely on it. */
export function workProblem(work: Work, workspace: Workspace): TaskProblem | undefined {
  const { credentials, workspaceDir } = work.agent;
  return secretProblem(work) ?? mappingsProblem(workspace) ?? credentialProblem(credentials, workspaceDir, workspace);
}

/** The Pod reads Secrets of the Agent's namespace: nobody elsewhere is to choose them. */
function secretProblem({ contexts, agent }: Work): TaskProblem | undefined {
  const strange = contexts.find(({ item, namespace }) => namespace !== agent.namespace && hasSecret(item));
  if (strange === undefined) return undefined;
  const { item } = strange;
  const named = item.name === undefined ? `of type ${item.type}` : quoted(item.name, 100);
  return contextError(
    `context ${named} has a secretRef: secretRef of a Task works only in the Task's own namespace; put the context into the Agent`,
  );
}

function hasSecret(item: ContextItem): boolean {
  switch (item.type) {
    case 'Git':
      return item.git.secretRef !== undefined;
    case 'URL':
      return item.url.secretRef !== undefined;
    case 'Text':
    case 'ConfigMap':
    case 'Runtime':
      return false;
  }
}

/** What the kernel takes as one variable is a little more. linux MAX_ARG_STRLEN */
const maxMappings = 120_000;

function mappingsProblem(workspace: Workspace): TaskProblem | undefined {
  const { keys } = contextData(workspace);
  if (fileMappings(workspace, keys).length <= maxMappings) return undefined;
  return contextError(
    `the contexts are ${workspace.files.length} files, and the list of their paths is too long for context-init; put fewer files into them, or use a Git context`,
  );
}

function contextError(message: string): TaskProblem {
  return { reason: 'ContextError', message };
}
