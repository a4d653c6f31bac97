/**
 * Writes files into volumes and nowhere else. What lies there already may be the content of somebody's repository: a link
 * is followed only where it stays in the same volume, and never at the end of a path. A file is there whole or not at all.
 */
import { chmod, lstat, mkdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, normalize } from 'node:path';
import { quoted } from '../kernel/failure.ts';
import { fail, ok } from '../kernel/result.ts';
import type { InitResult } from './command.ts';

export interface NewFile {
  readonly path: string;
  readonly mode: number;
  /** Writes to the path that it is given. */
  readonly fill: (temporary: string) => Promise<void>;
}

/** Agents may run as somebody else, and work in these folders; nobody but the containers of the Pod gets at them. */
const folderMode = 0o777;
const temporaryName = '.countersign-init';

/** `roots`: the folders below which files may be written. */
export async function putFile(roots: readonly string[], { path, mode, fill }: NewFile): Promise<InitResult> {
  const folder = await makeFolder(roots, dirname(normalize(path)), path);
  if (!folder.ok) return folder;
  const target = join(folder.value, basename(path));
  const there = await look(target);
  if (there?.isDirectory() === true) return fail(`${shown(path)} is a folder already; name another place for the file`);
  const temporary = join(folder.value, temporaryName);
  await rm(temporary, { force: true });
  try {
    await fill(temporary);
    await chmod(temporary, mode);
    // Takes the place of a link, and does not follow it.
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
  return ok(undefined);
}

/** Gives where it really is. `path`: what a message says. */
async function makeFolder(roots: readonly string[], folder: string, path: string): Promise<InitResult<string>> {
  const root = rootOf(roots, path);
  if (!root.ok) return root;
  const names: string[] = [];
  let existing = folder;
  while (existing !== root.value && (await look(existing)) === undefined) {
    names.unshift(basename(existing));
    existing = dirname(existing);
  }
  const real = await realFolder(existing);
  if (real === undefined) return fail(`${shown(existing)} is no folder, so ${shown(path)} cannot be written`);
  if (!isInside(real, await realpath(root.value))) {
    return fail(`${shown(path)} leads out of ${shown(root.value)} by a link; nothing is written there`);
  }
  return ok(await makeFolders(real, names));
}

async function makeFolders(start: string, names: readonly string[]): Promise<string> {
  let folder = start;
  for (const name of names) {
    folder = join(folder, name);
    await mkdir(folder, folderMode);
    await chmod(folder, folderMode);
  }
  return folder;
}

/** The innermost one: a volume may be mounted inside another. */
function rootOf(roots: readonly string[], path: string): InitResult<string> {
  const problem = pathProblem(path);
  if (problem !== undefined) return fail(problem);
  const around = roots.filter((root) => normalize(path).startsWith(`${root}/`));
  const root = around.toSorted((one, other) => other.length - one.length)[0];
  if (root !== undefined) return ok(root);
  return fail(`${shown(path)} is in no volume, and would be lost with this container; mount a volume there`);
}

export function pathProblem(path: string): string | undefined {
  if (!path.startsWith('/') || path.endsWith('/') || path.includes('\0')) {
    return `"${quoted(path)}" is no absolute path of a file`;
  }
  if (path.split('/').includes('..')) return `"${quoted(path)}" has a part ".."; write the path without it`;
  return undefined;
}

export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

const shown = (path: string): string => quoted(path, 512);

async function realFolder(path: string): Promise<string | undefined> {
  try {
    return (await stat(path)).isDirectory() ? await realpath(path) : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** What is there, a link as a link. */
async function look(path: string): Promise<Awaited<ReturnType<typeof lstat>> | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ELOOP');
}
