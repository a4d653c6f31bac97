import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const maxFiles = 2_000;
const maxDepth = 8;

export interface UnreadablePath {
  readonly path: string;
  readonly message: string;
}

export interface ListedFiles {
  /** Sorted, each once. */
  readonly files: readonly string[];
  readonly unreadable: readonly UnreadablePath[];
}

/**
 * Absolute paths of the *.yaml, *.yml and *.json files in folders and below; a path that is a file stands for itself, whatever its name.
 * Links are followed: in a mounted ConfigMap every file is a link into `..data`. Names that begin with a dot are passed
 * over, or the same ConfigMap would be read three times.
 */
export async function listFiles(paths: readonly string[]): Promise<ListedFiles> {
  const files = new Set<string>();
  const unreadable: UnreadablePath[] = [];

  async function visit(path: string, depth: number): Promise<void> {
    const status = await stat(path);
    if (status.isFile()) files.add(path);
    else if (!status.isDirectory()) unreadable.push({ path, message: 'it is neither a file nor a folder' });
    else if (depth > maxDepth) unreadable.push({ path, message: `folders are nested deeper than ${maxDepth} levels` });
    else await visitFolder(path, depth);
  }

  async function visitFolder(folder: string, depth: number): Promise<void> {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      const maybe = entry.isDirectory() || entry.isSymbolicLink() || /\.(?:yaml|yml|json)$/.test(entry.name);
      if (entry.name.startsWith('.') || !maybe) continue;
      if (files.size >= maxFiles) throw new Error(`there are more than ${maxFiles} files`);
      await visit(path, depth + 1);
    }
  }

  for (const path of paths.map((given) => resolve(given))) {
    await visit(path, 0).catch((error: unknown) => {
      unreadable.push({ path, message: reason(error) });
    });
  }
  return { files: [...files].sort(), unreadable };
}

/** What the operating system says, without the path, which is known. */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return 'it cannot be read';
  const code = 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'there is no such file or folder';
  if (code === 'EACCES') return 'permission to read it is missing';
  return error.message;
}
