import { createReadStream } from 'node:fs';
import { access, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Far longer than any record that is written; a longer line is not held in memory to its end. */
export const lineLimit = 8 * 1024 * 1024;

export interface RawLine {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** Without the line feed; at most `lineLimit` of it. */
  readonly bytes: Buffer;
  /** False for the end of a file that has no line feed. */
  readonly complete: boolean;
}

/** By hand: node:readline ends lines at U+2028 and hides whether the last one was complete. */
export async function* rawLines(file: string): AsyncGenerator<RawLine> {
  let line = 0;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(file, { highWaterMark: 256 * 1024 })) {
    // A stream without encoding yields buffers.
    const bytes = Buffer.concat([rest, chunk as Buffer]);
    let start = 0;
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
      yield { file, line: (line += 1), bytes: bytes.subarray(start, end), complete: true };
      start = end + 1;
    }
    rest = bytes.subarray(start, start + lineLimit);
  }
  if (rest.length > 0) yield { file, line: line + 1, bytes: rest, complete: false };
}

/** Rotated files of a log, oldest first: `FILE.000001`, `FILE.000002`, … */
export async function rotatedFiles(file: string): Promise<readonly string[]> {
  const prefix = `${basename(file)}.`;
  const names = await readdir(dirname(file)).catch(() => []);
  return names
    .filter((name) => name.startsWith(prefix) && /^\d{6,}$/.test(name.slice(prefix.length)))
    .sort((one, other) => Number(one.slice(prefix.length)) - Number(other.slice(prefix.length)))
    .map((name) => join(dirname(file), name));
}

/**
 * All files of a log in the order they were written; what `verifyDecisionLog` and `readDecisions` take. A process that ended
 * in the middle of a rotation leaves rotated files alone.
 */
export async function decisionLogFiles(file: string): Promise<readonly string[]> {
  // The other way round a file that is rotated in between would be missing.
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  const rotated = await rotatedFiles(file);
  return isThere || rotated.length === 0 ? [...rotated, file] : rotated;
}
