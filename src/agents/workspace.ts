/**
 * What is put into the workspace of a Task: description, contexts of its Agent, its template and itself, the Agent's
 * configuration. Either all of it is possible, or the Task fails with the first thing that is not. The same work has the
 * same workspace, byte for byte. What it is put there with is the Pod's business.
 */
import { fail, ok, type Result } from '../kernel/result.ts';
import { quoted } from '../kernel/failure.ts';
import { sizeProblem } from './context-config-map.ts';
import { contextBlocks } from './context-blocks.ts';
import type { Surroundings } from './context-pieces.ts';
import { gatherContexts, type LabelledContext, type LabelledPiece } from './gather-contexts.ts';
import {
  names,
  type ConfigMaps,
  type ContextItem,
  type TaskProblem,
  type Work,
  type Workspace,
  type WorkspaceFile,
} from './model.ts';
import { conflictIn, type Use } from './mount-conflicts.ts';
import { isInside, isSystemFolder, parentOf, resolveMountPath } from './mount-path.ts';

export const openCodeConfig = '/tools/opencode.json';

type Wanted = Pick<Work, 'agent' | 'description' | 'contexts'>;

/** `allowedUrlHosts` as in SystemConfig; without: nobody is excepted. */
export function layOut(
  work: Wanted,
  configMaps: ConfigMaps,
  allowedUrlHosts: readonly string[] = [],
): Result<Workspace, TaskProblem> {
  const { agent } = work;
  const workspaceDir = resolveMountPath(agent.workspaceDir, '');
  if (!workspaceDir.ok) return fail({ reason: 'AgentError', message: `workspaceDir ${workspaceDir.failure}` });
  const around = { configMaps, workspaceDir: workspaceDir.value, namespace: agent.namespace, allowedUrlHosts };
  const pieces = gatherContexts(labelled(work), around);
  return pieces.ok ? assembled(work, pieces.value, around) : fail(contextError(pieces.failure));
}

function labelled(work: Wanted): readonly LabelledContext[] {
  const ofAgent = work.contexts.filter(({ item }, index) => work.agent.contexts[index] === item).length;
  return work.contexts.map((context, index) => ({ ...context, by: labelOf(context.item, index, ofAgent) }));
}

/** Contexts of the Agent come first, and are counted by themselves; those of a template come before the Task's. */
function labelOf({ name }: ContextItem, index: number, ofAgent: number): string {
  const place = index < ofAgent ? `contexts[${index}] of the Agent` : `contexts[${index - ofAgent}]`;
  return name === undefined ? place : `${place} "${quoted(name, 100)}"`;
}

function assembled(
  { agent, description = '' }: Wanted,
  pieces: readonly LabelledPiece[],
  { workspaceDir }: Surroundings,
): Result<Workspace, TaskProblem> {
  const taskFile = fileAt(`${workspaceDir}/${names.taskFile}`, description);
  const blocks = contextBlocks(pieces.flatMap(({ piece }) => (piece.kind === 'block' ? [piece.block] : [])));
  const contextFile = fileAt(`${workspaceDir}/${names.contextFile}`, blocks);
  const uses = [
    ...pieces.flatMap((named) => usesOf(named, workspaceDir)),
    ...taskFile.map(({ path }) => ({ path, by: 'the description', isShared: false })),
    ...contextFile.map(({ path }) => ({ path, by: 'the contexts without a mountPath', isShared: false })),
  ];
  const files = [
    ...pieces.flatMap(({ piece }) => (piece.kind === 'file' ? [piece.file] : [])),
    ...taskFile,
    ...contextFile,
    ...fileAt(openCodeConfig, agent.config ?? ''),
  ];
  const problem = sizeProblem(files) ?? conflictIn(uses, workspaceDir) ?? hiddenFolder(pieces, workspaceDir);
  if (problem !== undefined) return fail(contextError(problem));
  return ok({
    files,
    folders: pieces.flatMap(({ piece }) => (piece.kind === 'folder' ? [piece.folder] : [])),
    clones: pieces.flatMap(({ piece }) => (piece.kind === 'clone' ? [piece.clone] : [])),
    downloads: pieces.flatMap(({ piece }) => (piece.kind === 'download' ? [piece.download] : [])),
    hasContextFile: contextFile.length > 0,
  });
}

function fileAt(path: string, text: string): readonly WorkspaceFile[] {
  return text === '' ? [] : [{ path, content: { text } }];
}

/** A clone of the workspace itself is copied there, before the files are. */
function usesOf({ piece, by }: LabelledPiece, workspaceDir: string): readonly Use[] {
  switch (piece.kind) {
    case 'file':
      return [{ path: piece.file.path, by, isShared: false }];
    case 'folder':
      return [{ path: piece.folder.path, by, isShared: false }];
    case 'clone':
      return [{ path: piece.clone.path, by, isShared: piece.clone.path === workspaceDir }];
    case 'download':
      return [{ path: piece.download.path, by, isShared: false }];
    case 'block':
      return [];
  }
}

/** What is written outside the workspace gets a volume in the place of its folder. */
function hiddenFolder(pieces: readonly LabelledPiece[], workspaceDir: string): string | undefined {
  const found = pieces
    .flatMap((named) => (['file', 'download'].includes(named.piece.kind) ? usesOf(named, workspaceDir) : []))
    .find(({ path }) => !isInside(path, workspaceDir) && isSystemFolder(parentOf(path)));
  if (found === undefined) return undefined;
  return `${found.by}: mountPath is "${quoted(found.path)}", which would hide all that the image has beside it; choose a folder of its own`;
}

function contextError(message: string): TaskProblem {
  return { reason: 'ContextError', message };
}
