/**
 * Copies a clone into the workspace, where a mount would hide what else is there. What is there already stays: it was put
 * there for this Task, or copied by this program before the container was started again. Links are copied as links and
 * never followed.
 */
import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  type Dirent,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

export interface Copied {
  readonly copied: number;
  readonly kept: number;
}

const temporaryName = '.countersign-init';

interface Folder {
  readonly from: string;
  readonly to: string;
}

/** One file after the other, and without promises: a repository may have a hundred thousand. */
export async function copyIntoWorkspace(from: string, to: string, signal: AbortSignal): Promise<Copied> {
  const folders: Folder[] = [{ from, to }];
  let copied = 0;
  let kept = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    signal.throwIfAborted();
    const done = copyEntries(folder);
    folders.push(...done.folders);
    copied += done.copied;
    kept += done.kept;
    await nextTurn();
  }
  return { copied, kept };
}

/** Those of a folder; the folders in it are left to the caller. */
function copyEntries(folder: Folder): Copied & { readonly folders: readonly Folder[] } {
  const folders: Folder[] = [];
  let copied = 0;
  let kept = 0;
  for (const entry of readdirSync(folder.from, { withFileTypes: true })) {
    const [source, target] = [join(folder.from, entry.name), join(folder.to, entry.name)];
    const there = lstatSync(target, { throwIfNoEntry: false });
    if (entry.isDirectory() && there?.isDirectory() !== false) {
      mkdirSync(target, { recursive: true, mode: 0o777 });
      folders.push({ from: source, to: target });
    } else if (there === undefined) {
      copyEntry(entry, source, target);
      copied += 1;
    } else {
      kept += 1;
    }
  }
  return { folders, copied, kept };
}

function copyEntry(entry: Dirent, source: string, target: string): void {
  if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
  else if (entry.isFile()) copyWhole(source, target);
}

/** The container may end at any moment, and half a file would be kept as one that is there already. */
function copyWhole(source: string, target: string): void {
  const temporary = join(dirname(target), temporaryName);
  rmSync(temporary, { force: true });
  copyFileSync(source, temporary);
  renameSync(temporary, target);
}
