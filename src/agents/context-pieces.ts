/** What one context becomes: files, a folder, a clone, a download or a block of the context file. */
import { defined } from '../kernel/defined.ts';
import { quoted } from '../kernel/failure.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { lookUp, textsOf, type Found } from './config-map-content.ts';
import { maxFiles } from './context-config-map.ts';
import { fileBlocks, type ContextBlock } from './context-blocks.ts';
import { gitProblem } from './git-address.ts';
import type {
  ConfigMapContext,
  ConfigMaps,
  ContextItem,
  FileContent,
  GitContext,
  UrlContext,
  WorkspaceClone,
  WorkspaceDownload,
  WorkspaceFile,
  WorkspaceFolder,
} from './model.ts';
import { resolveMountPath } from './mount-path.ts';
import { isMounted } from './needed-config-maps.ts';
import { runtimeContext } from './runtime-context.ts';
import { urlProblem } from './url-address.ts';

export type Piece =
  | { readonly kind: 'file'; readonly file: WorkspaceFile }
  | { readonly kind: 'folder'; readonly folder: WorkspaceFolder }
  | { readonly kind: 'clone'; readonly clone: WorkspaceClone }
  | { readonly kind: 'download'; readonly download: WorkspaceDownload }
  | { readonly kind: 'block'; readonly block: ContextBlock };

/** What contexts are looked at with. */
export interface Surroundings {
  readonly configMaps: ConfigMaps;
  readonly workspaceDir: string;
  /** Of the Pod. */
  readonly namespace: string;
  readonly allowedUrlHosts: readonly string[];
}

type Pieces = Result<readonly Piece[], string>;

/** `namespace`: where it was written. A failure is a sentence about the context. */
export function piecesOf(item: ContextItem, namespace: string, around: Surroundings): Pieces {
  switch (item.type) {
    case 'Text':
      return item.text === '' ? ok([]) : textPieces(item, item.text, namespace, around);
    case 'Runtime':
      return ok([{ kind: 'block', block: blockOf(item, runtimeContext, namespace) }]);
    case 'ConfigMap':
      return configMapPieces(item, namespace, around);
    case 'Git':
      return gitPieces(item, around);
    case 'URL':
      return urlPieces(item, around);
  }
}

function textPieces(item: ContextItem, text: string, namespace: string, around: Surroundings): Pieces {
  if (item.mountPath === undefined) return ok([{ kind: 'block', block: blockOf(item, text, namespace) }]);
  return atPath(item.mountPath, around, (path) => [filePiece(item, path, { text })]);
}

function configMapPieces(item: ConfigMapContext, namespace: string, around: Surroundings): Pieces {
  const found = lookUp(item, namespace, around.configMaps);
  if (!found.ok) return found;
  if (found.value === undefined) return ok([]);
  if (item.mountPath === undefined) return blockPieces(item, found.value, namespace);
  const { mountPath } = item;
  const [only] = found.value.values();
  if (item.configMap.key === undefined) return folderPieces({ ...item, mountPath }, found.value, namespace, around);
  return only === undefined ? ok([]) : atPath(mountPath, around, (path) => [filePiece(item, path, only)]);
}

function blockPieces(item: ConfigMapContext, files: NonNullable<Found>, namespace: string): Pieces {
  const texts = textsOf(files);
  if (!texts.ok) return texts;
  const [only = ''] = texts.value.values();
  const content = item.configMap.key === undefined ? fileBlocks(texts.value) : only;
  return ok(content === '' ? [] : [{ kind: 'block', block: blockOf(item, content, namespace) }]);
}

/**
 * A ConfigMap of another namespace cannot be mounted there, and one of the same name would be somebody else's: its files
 * are taken along. So are those of a folder that is the workspace, where other files have a place as well.
 */
function folderPieces(
  item: ConfigMapContext & { readonly mountPath: string },
  files: NonNullable<Found>,
  namespace: string,
  around: Surroundings,
): Pieces {
  const path = resolveMountPath(item.mountPath, around.workspaceDir);
  if (!path.ok) return fail(`mountPath ${path.failure}`);
  if (!isMounted(item, namespace, around)) return embedded(item, path.value, files);
  const { name: configMap } = item.configMap;
  return ok([{ kind: 'folder', folder: { path: path.value, ...modeOf(item), configMap, optional: item.optional } }]);
}

function embedded(item: ConfigMapContext, folder: string, files: NonNullable<Found>): Pieces {
  if (files.size > maxFiles) return fail(`ConfigMap ${item.configMap.name} has ${files.size} keys; take single ones`);
  const pieces: Piece[] = [];
  for (const [key, content] of files) {
    const path = resolveMountPath(key, folder);
    if (key.includes('/') || !path.ok || path.value !== `${folder}/${key}`) {
      return fail(`key ${quoted(key, 253)} cannot be a file in "${quoted(folder)}"; rename it, or shorten mountPath`);
    }
    pieces.push(filePiece(item, path.value, content));
  }
  return ok(pieces);
}

function gitPieces(item: GitContext, around: Surroundings): Pieces {
  const { git, optional, mountPath } = item;
  const problem = gitProblem(git);
  if (problem !== undefined) return fail(problem);
  if (mountPath === undefined) {
    return fail('git context requires mountPath to be specified; name a folder, such as one relative to the workspace');
  }
  return atPath(mountPath, around, (path) => [{ kind: 'clone', clone: { path, git, optional } }]);
}

function urlPieces(item: UrlContext, around: Surroundings): Pieces {
  const { url, optional, mountPath } = item;
  const problem = urlProblem(url, around.allowedUrlHosts);
  if (problem !== undefined) return fail(problem);
  if (mountPath === undefined) {
    return fail('URL context requires mountPath to be specified; name a file, such as one relative to the workspace');
  }
  return atPath(mountPath, around, (path) => [
    { kind: 'download', download: { path, ...modeOf(item), url, optional } },
  ]);
}

function atPath(mountPath: string, around: Surroundings, at: (path: string) => readonly Piece[]): Pieces {
  const path = resolveMountPath(mountPath, around.workspaceDir);
  return path.ok ? ok(at(path.value)) : fail(`mountPath ${path.failure}`);
}

function filePiece(item: ContextItem, path: string, content: FileContent): Piece {
  return { kind: 'file', file: { path, ...modeOf(item), content } };
}

function modeOf({ fileMode }: ContextItem): { readonly mode?: number } {
  return defined('mode', fileMode);
}

function blockOf(item: ContextItem, content: string, namespace: string): ContextBlock {
  const name = item.name ?? (item.type === 'Runtime' ? 'runtime' : 'context');
  return { name, namespace, type: item.type, content };
}
