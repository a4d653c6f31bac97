import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { defined } from '../../kernel/defined.ts';
import { asRecord, parseStrictJson } from '../../kernel/strict-json.ts';
import { parseHead, type Head } from '../../records/chain.ts';

/** How far the log was delivered. Files are known by their first line, which neither rotation nor a copy changes. */
export interface Cursor {
  /** SHA-256 of the first line of the file. */
  readonly file: string;
  /** The next line begins here. */
  readonly offset: number;
  /** The last record before it. */
  readonly head?: Head;
}

/** Nothing when there is none or it cannot be understood: delivering again stores nothing twice. */
export async function readCursor(path: string): Promise<Cursor | undefined> {
  const text = await readFile(path).catch(() => undefined);
  const parsed = text === undefined ? undefined : parseStrictJson(text, 8);
  const members = parsed?.ok === true ? asRecord(parsed.value) : undefined;
  const [file, offset] = [members?.['file'], members?.['offset']];
  if (typeof file !== 'string' || typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 0) {
    return undefined;
  }
  return { file, offset, ...defined('head', parseHead(members?.['head'])) };
}

/** On the disk when it settles, and whole at every moment. */
export async function writeCursor(path: string, cursor: Cursor): Promise<void> {
  const beside = `${path}.new`;
  const handle = await open(beside, 'w', 0o640);
  try {
    await handle.writeFile(`${JSON.stringify(cursor)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(beside, path);
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
