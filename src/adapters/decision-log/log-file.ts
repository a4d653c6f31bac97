import type { Stats } from 'node:fs';
import * as nodeDisk from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseLine, type LogNotes } from '../../records/chain.ts';
import { lineLimit, rotatedFiles } from './lines.ts';

/** The calls of node:fs/promises that write; tests put failing ones in their place. */
export type Disk = Pick<typeof nodeDisk, 'mkdir' | 'open' | 'rename' | 'rm' | 'stat' | 'writeFile'>;

/** What stays the same when a file gets another name. */
export type FileIdentity = Pick<Stats, 'dev' | 'ino'>;

export interface Committed extends FileIdentity {
  readonly bytes: number;
}

/** What an existing log says to the chain that continues after it. */
export type Found = Pick<LogNotes, 'previous' | 'previousUnreadable' | 'torn'>;

/**
 * The file that is written to. An append is whole or is not there: what a failed write left behind is cut off before
 * anything else is written, and the incomplete line of a crash is moved aside when the file is opened.
 */
export class LogFile {
  readonly path: string;
  readonly #disk: Disk;
  readonly #handle: FileHandle;
  readonly #identity: FileIdentity;
  /** Bytes of complete records. */
  #size: number;
  /** The file may be longer than #size by a part of a record. */
  #dirty = false;

  private constructor(disk: Disk, path: string, handle: FileHandle, { dev, ino, size }: Stats) {
    this.#disk = disk;
    this.path = path;
    this.#handle = handle;
    this.#identity = { dev, ino };
    this.#size = size;
  }

  static async open(path: string, disk: Disk = nodeDisk): Promise<LogFile> {
    await disk.mkdir(dirname(path), { recursive: true });
    // "a+": every write goes to the end, also when somebody else cut the file.
    const handle = await disk.open(path, 'a+', 0o640);
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw new Error(`${path} is not a regular file`);
      return new LogFile(disk, path, handle, stat);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  get size(): number {
    return this.#size;
  }

  /** What of it is there to stay: a write that fails is cut off again. */
  get committed(): Committed {
    return { ...this.#identity, bytes: this.#size };
  }

  /** Reads the end of the log as an earlier process left it, and cuts off an incomplete line. */
  async recover(stamp: string): Promise<Found> {
    const torn = await this.#cutTornLine(stamp);
    const last = await this.#lastLine();
    return { ...(torn === undefined ? {} : { torn }), ...(await this.#previous(last)) };
  }

  async #previous(last: Buffer | undefined): Promise<Found> {
    if (last !== undefined) return foundIn(last);
    const before = (await rotatedFiles(this.path)).at(-1);
    return before === undefined ? {} : lastRecord(before, this.#disk);
  }

  async #cutTornLine(stamp: string): Promise<LogNotes['torn']> {
    const tail = await readTail(this.#handle, this.#size);
    const bytes = tail.subarray(tail.lastIndexOf(10) + 1);
    if (bytes.length === 0) return undefined;
    const keptAs = `${this.path}.torn-${stamp.replaceAll(':', '')}`;
    await this.#disk.writeFile(keptAs, bytes, { mode: 0o640 });
    await this.#handle.truncate(this.#size - bytes.length);
    this.#size -= bytes.length;
    return { bytes: bytes.length, keptAs };
  }

  async #lastLine(): Promise<Buffer | undefined> {
    return this.#size === 0 ? undefined : lastLineOf(await readTail(this.#handle, this.#size));
  }

  /** False when another program removed, replaced or changed the file since the last append. */
  async isOurs(): Promise<boolean> {
    const [here, there] = await Promise.all([this.#handle.stat(), this.#disk.stat(this.path).catch(() => undefined)]);
    const changed = !this.#dirty && here.size !== this.#size;
    return there !== undefined && there.ino === here.ino && there.dev === here.dev && !changed;
  }

  async append(bytes: Buffer): Promise<void> {
    if (this.#dirty) await this.#cutBack();
    this.#dirty = true;
    try {
      for (let at = 0; at < bytes.length;) at += (await this.#handle.write(bytes, at)).bytesWritten;
    } catch (error) {
      // The failed write is the one to report; if cutting fails too, the next append tries again.
      await this.#cutBack().catch(() => undefined);
      throw error;
    }
    this.#size += bytes.length;
    this.#dirty = false;
  }

  async #cutBack(): Promise<void> {
    await this.#handle.truncate(this.#size);
    this.#dirty = false;
  }

  /** Whether there is room again, found out without touching the log. */
  async probe(): Promise<void> {
    if (this.#dirty) await this.#cutBack();
    const beside = `${this.path}.probe`;
    try {
      await this.#disk.writeFile(beside, Buffer.alloc(16 * 1024, ' '));
    } finally {
      await this.#disk.rm(beside, { force: true });
    }
  }

  /** Gives the file its numbered name; the next one is opened under the old path. */
  async moveAside(): Promise<string> {
    if (this.#dirty) await this.#cutBack();
    const newest = (await rotatedFiles(this.path)).at(-1);
    const number = newest === undefined ? 1 : Number(newest.slice(newest.lastIndexOf('.') + 1)) + 1;
    const name = `${this.path}.${String(number).padStart(6, '0')}`;
    await this.#disk.rename(this.path, name);
    return name;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** The last record of a file that nobody writes to any more. */
export async function lastRecord(path: string, disk: Pick<Disk, 'open'> = nodeDisk): Promise<Found> {
  try {
    const handle = await disk.open(path, 'r');
    try {
      const { size } = await handle.stat();
      return foundIn(lastLineOf(await readTail(handle, size)));
    } finally {
      await handle.close();
    }
  } catch (error) {
    return { previousUnreadable: `${path}: ${error instanceof Error ? error.message : 'cannot be read'}` };
  }
}

function foundIn(line: Buffer): Found {
  const parsed = parseLine(line);
  return parsed.ok ? { previous: parsed.value.head } : { previousUnreadable: parsed.failure };
}

function lastLineOf(tail: Buffer): Buffer {
  const text = tail.at(-1) === 10 ? tail.subarray(0, -1) : tail;
  return text.subarray(text.lastIndexOf(10) + 1);
}

async function readTail(handle: FileHandle, size: number): Promise<Buffer> {
  const length = Math.min(size, lineLimit);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length);
  return buffer.subarray(0, bytesRead);
}
