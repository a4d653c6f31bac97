/**
 * The decision log as a spool: reads its files, rotated ones first, behind a cursor that is kept beside the log. It never
 * changes the log. When it does not know where it was, it begins with the oldest file: the store takes nothing twice.
 */
import { stat } from 'node:fs/promises';
import { setImmediate as nextRound } from 'node:timers/promises';
import { defined } from '../../kernel/defined.ts';
import { parseLine, sameHead, sameWriter, type Head, type Line } from '../../records/chain.ts';
import { parseRecord } from '../../records/parse-record.ts';
import type { Spool, SpoolBatch } from '../../records/spool.ts';
import type { DecisionRecord } from '../../ports/records.ts';
import type { Logger } from '../../ports/logger.ts';
import { decisionLogFiles } from './lines.ts';
import type { Committed } from './log-file.ts';
import { readCursor, writeCursor, type Cursor } from './spool-cursor.ts';
import { SpooledFile } from './spooled-file.ts';

export interface LogSpoolPorts {
  readonly log: Logger;
  /** Of the log that is written in this process. */
  readonly committed: () => Committed | undefined;
}

const linesPerBatch = 500;
/** Lines that are parsed before others have their turn. */
const linesPerRound = 50;
const nothing: SpoolBatch = { records: [], unreadable: [], lost: 0 };

export function openLogSpool(ports: LogSpoolPorts, file: string): Spool {
  return new LogSpool(ports, file);
}

class LogSpool implements Spool {
  readonly #ports: LogSpoolPorts;
  readonly #log: string;
  readonly #cursorFile: string;
  /** What `advance` makes the cursor. */
  #next: Cursor | undefined;
  #cursor: Cursor | undefined;
  #isStarted = false;
  #file: SpooledFile | undefined;

  constructor(ports: LogSpoolPorts, file: string) {
    this.#ports = ports;
    this.#log = file;
    this.#cursorFile = `${file}.cursor`;
  }

  async delivered(): Promise<Head | undefined> {
    await this.#started();
    return this.#cursor?.head;
  }

  async read(): Promise<SpoolBatch> {
    const file = await this.#current();
    if (file === undefined) return nothing;
    // Asked before reading: what is written between the two is still in this file.
    const newer = await this.#pathsAfter(file);
    const offset = this.#cursor?.file === file.id ? this.#cursor.offset : 0;
    const { lines, end } = await file.lines(offset, await file.size(this.#ports.committed()), linesPerBatch);
    if (lines.length > 0) {
      const { batch, head } = await this.#parse(file, lines);
      this.#next = { file: file.id, offset: end, ...defined('head', head) };
      return batch;
    }
    for (const path of newer) {
      const next = await SpooledFile.open(path);
      if (next === undefined) continue;
      await file.close();
      this.#file = next;
      return this.read();
    }
    return nothing;
  }

  async advance(): Promise<void> {
    if (this.#next === undefined) return;
    this.#cursor = this.#next;
    this.#next = undefined;
    await writeCursor(this.#cursorFile, this.#cursor).catch((error: unknown) =>
      // Delivered again after a restart, and stored once.
      this.#ports.log.warn({ err: error }, 'the place in the decision log cannot be kept'),
    );
  }

  async rewind(): Promise<void> {
    await this.#started();
    await this.close();
    this.#next = undefined;
    this.#cursor = undefined;
  }

  async backlog(): Promise<number> {
    const file = await this.#current();
    if (file === undefined) return 0;
    let bytes = (await file.size(this.#ports.committed())) - (this.#cursor?.file === file.id ? this.#cursor.offset : 0);
    for (const path of await this.#pathsAfter(file)) bytes += (await stat(path).catch(() => undefined))?.size ?? 0;
    return Math.max(0, bytes);
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  async #started(): Promise<void> {
    if (this.#isStarted) return;
    this.#cursor = await readCursor(this.#cursorFile);
    this.#isStarted = true;
  }

  /** The file in which the cursor is, or the oldest. */
  async #current(): Promise<SpooledFile | undefined> {
    if (this.#file !== undefined) return this.#file;
    await this.#started();
    let oldest: SpooledFile | undefined;
    for (const path of await decisionLogFiles(this.#log)) {
      const file = await SpooledFile.open(path);
      if (file === undefined) continue;
      if (file.id === this.#cursor?.file) {
        if ((await file.size(undefined)) >= this.#cursor.offset) {
          await oldest?.close();
          return (this.#file = file);
        }
        // It was cut: everything is read again, and nothing is known of what comes after what.
        this.#cursor = undefined;
      }
      if (oldest === undefined) oldest = file;
      else await file.close();
    }
    return (this.#file = oldest);
  }

  /** All of them when it is not there any more: what comes next is then the oldest. */
  async #pathsAfter({ identity }: SpooledFile): Promise<readonly string[]> {
    const paths = await decisionLogFiles(this.#log);
    const found = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)));
    return paths.slice(found.findIndex((one) => one?.ino === identity.ino && one.dev === identity.dev) + 1);
  }

  async #parse(
    file: SpooledFile,
    lines: readonly { readonly at: number; readonly bytes: Buffer }[],
  ): Promise<{ readonly batch: SpoolBatch; readonly head: Head | undefined }> {
    const records: DecisionRecord[] = [];
    const unreadable: { file: string; at: number; why: string }[] = [];
    let [head, lost] = [this.#cursor?.head, 0];
    for (const [index, { at, bytes }] of lines.entries()) {
      if (index % linesPerRound === linesPerRound - 1) await nextRound();
      const parsed = parseRecord(bytes);
      if (!parsed.ok) {
        unreadable.push({ file: file.path, at, why: parsed.failure });
        continue;
      }
      const { record } = parsed.value;
      if (unreadable.length === 0) lost += lostBetween(head, record, bytes);
      head = { writer: record.writer, sequence: record.sequence, hash: record.hash };
      records.push(record);
    }
    return { batch: { records, unreadable, lost }, head };
  }
}

/** Decisions between the last that was delivered and the one that comes now; at least so many. */
function lostBetween(last: Head | undefined, { writer, sequence }: DecisionRecord, bytes: Buffer): number {
  if (last === undefined) return 0;
  if (sameWriter(last.writer, writer)) return Math.max(0, sequence - last.sequence - 1);
  const parsed = parseLine(bytes);
  return parsed.ok ? lostBefore(last, parsed.value) : 0;
}

/** A chain names the one before it. */
function lostBefore(last: Head, { head, notes: { previous } }: Line): number {
  if (previous === undefined || sameHead(previous, last)) return head.sequence - 1;
  const inChain = sameWriter(previous.writer, last.writer) ? previous.sequence - last.sequence : previous.sequence;
  return Math.max(0, inChain) + head.sequence - 1;
}
