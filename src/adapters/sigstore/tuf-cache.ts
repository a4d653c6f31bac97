/** Verified TUF metadata in a folder, so that a restart does not forget what is older. It is verified again when it is read. */
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf, hexOf } from '../../kernel/digest.ts';
import type { ParsedTrustRoot } from '../../policy/parse-trust-root.ts';
import type { Logger } from '../../ports/logger.ts';
import type { KnownMetadata } from './tuf-repository.ts';

const maxFiles = 400;
const maxBytes = 5_000_000;

/** Whatever cannot be read counts as not there. */
export async function loadKnown(folder: string, parsed: ParsedTrustRoot, known: KnownMetadata): Promise<void> {
  const own = folderOf(folder, parsed);
  try {
    const names = (await readdir(own)).filter((name) => name.endsWith('.json'));
    for (const name of names.slice(0, maxFiles)) {
      const file = join(own, name);
      if ((await stat(file)).size <= maxBytes) known.set(name, await readFile(file));
    }
  } catch {
    // Nothing was kept yet.
  }
}

export async function saveKnown(
  folder: string,
  parsed: ParsedTrustRoot,
  known: KnownMetadata,
  log: Logger,
): Promise<void> {
  const own = folderOf(folder, parsed);
  try {
    await mkdir(own, { recursive: true });
    for (const [name, bytes] of known) {
      const file = join(own, name);
      await writeFile(`${file}.new`, bytes);
      await rename(`${file}.new`, file);
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unknown error';
    log.warn({ trustRoot: parsed.name, reason }, 'TUF metadata not kept: a restart forgets what is older');
  }
}

/** Another initial root.json begins anew. */
function folderOf(folder: string, { name, source }: ParsedTrustRoot): string {
  return join(folder, `${name}-${hexOf(digestOf(source?.root ?? '')).slice(0, 16)}`);
}
