import { hash as digest } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { lineLimit } from './lines.ts';
import type { Committed, FileIdentity } from './log-file.ts';

const firstLineBytes = 64 * 1024;
const usualChunk = 1024 * 1024;

/** Complete lines of one file, and where the next one begins. */
export interface Lines {
  readonly lines: readonly { readonly at: number; readonly bytes: Buffer }[];
  readonly end: number;
}

/** One file of a log, held open: rotation may rename or remove it meanwhile. */
export class SpooledFile {
  readonly path: string;
  /** SHA-256 of its first line. */
  readonly id: string;
  readonly identity: FileIdentity;
  readonly #handle: FileHandle;

  private constructor(path: string, id: string, identity: FileIdentity, handle: FileHandle) {
    this.path = path;
    this.id = id;
    this.identity = identity;
    this.#handle = handle;
  }

  /** Nothing when it is not there, or has no complete line yet. */
  static async open(path: string): Promise<SpooledFile | undefined> {
    const handle = await open(path, 'r').catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (handle === undefined) return undefined;
    try {
      const { dev, ino } = await handle.stat();
      const beginning = await readAt(handle, 0, firstLineBytes);
      const end = beginning.indexOf(10);
      if (end !== -1 || beginning.length === firstLineBytes) {
        const id = digest('sha256', beginning.subarray(0, end === -1 ? firstLineBytes : end), 'hex');
        return new SpooledFile(path, id, { dev, ino }, handle);
      }
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
    return undefined;
  }

  /** Bytes that may be read. */
  async size(committed: Committed | undefined): Promise<number> {
    const isWrittenTo = committed?.dev === this.identity.dev && committed.ino === this.identity.ino;
    const { size } = await this.#handle.stat();
    return isWrittenTo ? Math.min(size, committed.bytes) : size;
  }

  /** At most `most` lines before `end`. A line without end is given in pieces, which nobody can read. */
  async lines(from: number, end: number, most: number): Promise<Lines> {
    for (let length = usualChunk; ; length *= 2) {
      const bytes = await readAt(this.#handle, from, Math.min(length, end - from));
      const found = split(bytes, from, most);
      if (found.lines.length > 0 || from + bytes.length >= end) return found;
      if (bytes.length >= lineLimit) return { lines: [{ at: from, bytes }], end: from + bytes.length };
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

function split(bytes: Buffer, from: number, most: number): Lines {
  const lines: { at: number; bytes: Buffer }[] = [];
  let start = 0;
  for (let end = bytes.indexOf(10); end !== -1 && lines.length < most; end = bytes.indexOf(10, start)) {
    lines.push({ at: from + start, bytes: bytes.subarray(start, end) });
    start = end + 1;
  }
  return { lines, end: from + start };
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(Math.max(0, length)), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
