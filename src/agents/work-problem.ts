/** What is wrong with a Task and its Agent together, before anything is made for them. Pure. */
import { quoted } from '../kernel/failure.ts';
import { credentialProblem } from './credentials.ts';
import type { ContextItem, TaskProblem, Work, Workspace } from './model.ts';
import { outsideVolumes } from './outside-workspace.ts';

/** Asked once the workspace is laid out: `taskPod` and `serverDeployment` rely on it. */
export function workProblem(work: Work, workspace: Workspace): TaskProblem | undefined {
  const { credentials, workspaceDir } = work.agent;
  return (
    secretProblem(work) ?? mountProblem(work, workspace) ?? credentialProblem(credentials, workspaceDir, workspace)
  );
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

/** Of volumes, not of files. core/v1 VolumeMount mountPath: "must not contain ':'" */
function mountProblem({ agent }: Work, workspace: Workspace): TaskProblem | undefined {
  if (agent.workspaceDir.includes(':')) return { reason: 'AgentError', message: `workspaceDir ${withoutColon}` };
  const outside = outsideVolumes(workspace, agent.workspaceDir).mounts.map(({ mountPath }) => mountPath);
  const strange = [...outside, ...workspace.clones.map(({ path }) => path)].find((path) => path.includes(':'));
  if (strange === undefined) return undefined;
  return contextError(`a context is to be mounted at ${quoted(strange, 200)}, which ${withoutColon}`);
}

const withoutColon = 'has a ":" in it, and no volume can be mounted there; choose a path without it';

function contextError(message: string): TaskProblem {
  return { reason: 'ContextError', message };
}
