import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { parseKeyPair, type KeyPair } from './authority.ts';

const block = /-----BEGIN (?<type>CERTIFICATE|PRIVATE KEY)-----[^-]+-----END \k<type>-----\n?/g;

/** The CAs of an earlier run, oldest first; none when there is no such file. The failure says what to do. */
export async function loadAuthorities(folder: string): Promise<Result<readonly KeyPair[], string>> {
  const file = join(folder, 'authorities.pem');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ok([]);
    return fail(`${file} cannot be read: ${error instanceof Error ? error.message : 'unknown reason'}`);
  }
  const blocks = [...text.matchAll(block)].map((match) => match[0]);
  const pairs: KeyPair[] = [];
  for (let at = 0; at < blocks.length; at += 2) {
    const pair = parseKeyPair(blocks[at] ?? '', blocks[at + 1] ?? '');
    // Making another CA here would break every client that trusts the stored one.
    if (!pair.ok) return fail(`${file} is damaged: ${pair.failure}; restore it, or remove it to start with a new CA`);
    pairs.push({ cert: pair.value.cert, key: pair.value.key });
  }
  if (pairs.length === 0) return fail(`${file} is damaged: no certificate in it; remove it to start with a new CA`);
  return ok(pairs);
}

/** Whole or not at all; readable by the owner only. */
export async function saveAuthorities(folder: string, authorities: readonly KeyPair[]): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, 'authorities.pem');
  const text = authorities.map(({ cert, key }) => `${cert.trim()}\n${key.trim()}\n`).join('');
  await writeFile(`${file}.new`, text, { mode: 0o600 });
  await rename(`${file}.new`, file);
}
