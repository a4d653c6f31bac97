/**
 * What is put into the container of a KubeTask Task: the files and folders of its Agent's default contexts and its own.
 * Several contexts may have one file there: they are joined, those of the Agent first.
 */
import { defined } from '../kernel/defined.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { quoted } from '../kernel/failure.ts';
import { textsOf } from './config-map-content.ts';
import { indexedBlocks } from './context-blocks.ts';
import { sizeProblem } from './context-config-map.ts';
import { gatherContexts, type LabelledContext } from './gather-contexts.ts';
import {
  names,
  type ConfigMaps,
  type FileContent,
  type KubeTask,
  type KubeTaskAgent,
  type TaskProblem,
  type Workspace,
  type WorkspaceFile,
  type WorkspaceFolder,
} from './model.ts';
import { conflictIn } from './mount-conflicts.ts';
import { neededConfigMaps, type NeededConfigMap } from './needed-config-maps.ts';

/** Both are of one namespace. */
export interface KubeTaskWork {
  readonly task: Pick<KubeTask, 'namespace' | 'contexts'>;
  readonly agent: Pick<KubeTaskAgent, 'contexts'>;
}

interface Used<T> {
  readonly what: T;
  readonly by: string;
}

export function neededKubeTaskConfigMaps({ task, agent }: KubeTaskWork): readonly NeededConfigMap[] {
  const { namespace } = task;
  const contexts = [...agent.contexts, ...task.contexts].map((item) => ({ item, namespace }));
  return neededConfigMaps({ contexts, agent: { namespace, workspaceDir: names.workspaceDir } });
}

export function layOutKubeTask(work: KubeTaskWork, configMaps: ConfigMaps): Result<Workspace, TaskProblem> {
  const { namespace } = work.task;
  const around = { configMaps, workspaceDir: names.workspaceDir, namespace, allowedUrlHosts: [] };
  const written: Used<WorkspaceFile>[] = [];
  const folders: Used<WorkspaceFolder>[] = [];
  const pieces = gatherContexts(labelled(work), around);
  if (!pieces.ok) return fail({ reason: 'ContextError', message: pieces.failure });
  // Contexts of KubeTask have a path each, and are files and folders only.
  for (const { piece, by } of pieces.value) {
    if (piece.kind === 'file') written.push({ what: piece.file, by });
    else if (piece.kind === 'folder') folders.push({ what: piece.folder, by });
  }
  return assembled(written, folders);
}

function labelled({ task, agent }: KubeTaskWork): readonly LabelledContext[] {
  const { namespace } = task;
  return [
    ...agent.contexts.map((item, index) => ({ item, namespace, by: `defaultContexts[${index}] of the Agent` })),
    ...task.contexts.map((item, index) => ({ item, namespace, by: `contexts[${index}]` })),
  ];
}

function assembled(
  written: readonly Used<WorkspaceFile>[],
  folders: readonly Used<WorkspaceFolder>[],
): Result<Workspace, TaskProblem> {
  const files: Used<WorkspaceFile>[] = [];
  for (const [path, parts] of Map.groupBy(written, ({ what }) => what.path)) {
    const file = joined(path, parts);
    if (!file.ok) return fail({ reason: 'ContextError', message: file.failure });
    if (file.value !== undefined) files.push(file.value);
  }
  const uses = [...files, ...folders].map(({ what, by }) => ({ path: what.path, by, isShared: false }));
  const problem = sizeProblem(files.map(({ what }) => what)) ?? conflictIn(uses);
  if (problem !== undefined) return fail({ reason: 'ContextError', message: problem });
  const workspace = { files: files.map(({ what }) => what), folders: folders.map(({ what }) => what) };
  return ok({ ...workspace, clones: [], downloads: [], hasContextFile: false });
}

/** One context is left as it is; several become blocks. Empty ones say nothing. */
function joined(path: string, parts: readonly Used<WorkspaceFile>[]): Result<Used<WorkspaceFile> | undefined, string> {
  const filled = parts.filter(({ what }) => !isEmpty(what.content));
  const [first, second] = filled;
  if (first === undefined || second === undefined) return ok(first);
  const texts = textsOf(new Map(filled.map(({ what, by }) => [by, what.content])));
  if (!texts.ok)
    return fail(`"${quoted(path)}" is written by several contexts, and one is binary; give it another path`);
  const content = { text: indexedBlocks([...texts.value.values()]) };
  const mode = filled.findLast(({ what }) => what.mode !== undefined)?.what.mode;
  return ok({ what: { path, ...defined('mode', mode), content }, by: filled.map(({ by }) => by).join(' and ') });
}

function isEmpty(content: FileContent): boolean {
  return 'text' in content ? content.text === '' : content.base64 === '';
}
