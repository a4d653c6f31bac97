/** What is to be put into a Task's workspace, as soon as everything that it is made from was read. Pure. */
import type { TaskProblem, Workspace } from '../../agents/model.ts';
import { neededConfigMaps } from '../../agents/needed-config-maps.ts';
import { workProblem } from '../../agents/work-problem.ts';
import { layOut } from '../../agents/workspace.ts';
import { fail, type Result } from '../../kernel/result.ts';
import type { Next, Observed } from './decision.ts';
import type { Resolved } from './resolve.ts';

export type Plan =
  | { readonly kind: 'planned'; readonly workspace: Result<Workspace, TaskProblem> }
  | Extract<Next, { readonly kind: 'read-config-maps' }>;

export function planOf({ configMaps }: Pick<Observed, 'configMaps'>, { work, config }: Resolved): Plan {
  const places = neededConfigMaps(work);
  if (configMaps === undefined && places.length > 0) return { kind: 'read-config-maps', places };
  const workspace = layOut(work, configMaps ?? new Map(), config.allowedUrlHosts);
  const problem = workspace.ok ? workProblem(work, workspace.value) : undefined;
  return { kind: 'planned', workspace: problem === undefined ? workspace : fail(problem) };
}
