/**
 * context-init: copies what ConfigMaps hold from where they are mounted, read-only, to where the agent may change it.
 * What is not there is told and left out, as a reference may be optional; what may not be written ends it.
 */
import { copyFile, mkdir, readdir, realpath, stat } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { quoted } from '../../kernel/failure.ts';
import { fail, ok } from '../../kernel/result.ts';
import type { InitCommand, InitResult, Surroundings } from '../command.ts';
import { textOf } from '../settings.ts';
import { isInside, isMissing, pathProblem, putFile } from '../volume-files.ts';
import { parseFileMappings, parseFolderMappings, type FileMapping, type FolderMapping } from './mappings.ts';

interface Job {
  readonly around: Surroundings;
  /** Below which files may be written. */
  readonly roots: readonly string[];
  readonly configMapPath: string;
}

const maxDepth = 16;

export const contextInit: InitCommand = async (around) => {
  const { env, say } = around;
  const workspace = (textOf(env, 'WORKSPACE_DIR') ?? '/workspace').replace(/(?<=.)\/+$/, '');
  const configMapPath = textOf(env, 'CONFIGMAP_PATH') ?? '/configmap-files';
  const problem = pathProblem(workspace) ?? pathProblem(configMapPath);
  if (problem !== undefined) return fail(`WORKSPACE_DIR or CONFIGMAP_PATH: ${problem}`);
  const files = parseFileMappings(textOf(env, 'FILE_MAPPINGS'));
  if (!files.ok) return files;
  const folders = parseFolderMappings(textOf(env, 'DIR_MAPPINGS'));
  if (!folders.ok) return folders;
  say('context-init: Copying ConfigMap content to workspace...');
  say(`  Workspace: ${quoted(workspace)}`);
  await mkdir(workspace, { recursive: true });
  const job = { around, roots: [normalize(workspace), ...around.mountPoints()], configMapPath };
  const copied = await copyAll(job, files.value, folders.value);
  if (copied.ok) say('context-init: Done!');
  return copied;
};

async function copyAll(
  job: Job,
  files: readonly FileMapping[],
  folders: readonly FolderMapping[],
): Promise<InitResult> {
  for (const mapping of files) {
    const copied = await copyKey(job, mapping);
    if (!copied.ok) return copied;
  }
  for (const mapping of folders) {
    const copied = await copyFolder(job, mapping);
    if (!copied.ok) return copied;
  }
  return ok(undefined);
}

async function copyKey(job: Job, { key, targetPath, mode }: FileMapping): Promise<InitResult> {
  const source = await sourceIn(job.configMapPath, join(job.configMapPath, key));
  if (source?.kind !== 'file')
    return leaveOut(job, `the ConfigMap has no file ${key}, so ${targetPath} is not written`);
  return copy(job, source.path, { key, targetPath, mode });
}

/** All keys of a ConfigMap; its items may have folders. */
async function copyFolder(job: Job, { sourcePath, targetPath, mode }: FolderMapping): Promise<InitResult> {
  const source = await sourceIn(sourcePath, sourcePath);
  if (source?.kind !== 'folder')
    return leaveOut(job, `there is no folder ${sourcePath}, so ${targetPath} is not written`);
  return copyEntries(job, { top: sourcePath, sourcePath, targetPath, mode, depth: 0 });
}

interface Level extends FolderMapping {
  /** Nothing outside of it is read. */
  readonly top: string;
  readonly depth: number;
}

async function copyEntries(job: Job, level: Level): Promise<InitResult> {
  if (level.depth > maxDepth) return fail(`${quoted(level.sourcePath)} has more than ${maxDepth} levels of folders`);
  // `..data` and the folder it points to are the atomic writer's; the keys are links into them.
  const names = (await readdir(level.sourcePath)).filter((name) => !name.startsWith('..')).toSorted();
  for (const name of names) {
    const targetPath = join(level.targetPath, name);
    const source = await sourceIn(level.top, join(level.sourcePath, name));
    const copied = await copyEntry(job, { ...level, targetPath, depth: level.depth + 1 }, source);
    if (!copied.ok) return copied;
  }
  return ok(undefined);
}

async function copyEntry(job: Job, level: Level, source: Source | undefined): Promise<InitResult> {
  switch (source?.kind) {
    case 'file':
      return copy(job, source.path, { ...level, key: source.path });
    case 'folder':
      return copyEntries(job, { ...level, sourcePath: source.path });
    case undefined:
      return leaveOut(job, `${level.targetPath} is not written: what it would be a copy of is not there`);
  }
}

async function copy(job: Job, from: string, { key, targetPath, mode }: FileMapping): Promise<InitResult> {
  const put = await putFile(job.roots, { path: targetPath, mode, fill: (temporary) => copyFile(from, temporary) });
  if (!put.ok) return put;
  const octal = mode.toString(8).padStart(4, '0');
  job.around.say(`context-init: Copied ${quoted(key)} -> ${quoted(targetPath)} (mode: ${octal})`);
  return put;
}

function leaveOut({ around }: Job, why: string): InitResult {
  around.say(`context-init: Warning: ${quoted(why, 1_024)}`);
  return ok(undefined);
}

interface Source {
  readonly kind: 'file' | 'folder';
  /** Without links. */
  readonly path: string;
}

/** Follows links, but not out of `top`. */
async function sourceIn(top: string, path: string): Promise<Source | undefined> {
  try {
    const real = await realpath(path);
    if (!isInside(real, await realpath(top))) return undefined;
    const found = await stat(real);
    if (found.isFile()) return { kind: 'file', path: real };
    return found.isDirectory() ? { kind: 'folder', path: real } : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
