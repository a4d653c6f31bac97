import { rm } from 'node:fs/promises';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { LogNotes } from '../../records/chain.ts';
import { rotatedFiles } from './lines.ts';
import { lastRecord, LogFile, type Committed, type Disk } from './log-file.ts';

const checkMilliseconds = 1000;
const rotationPauseMilliseconds = 60_000;

export interface DecisionLogPorts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly disk?: Disk;
}

export interface RotationSettings {
  readonly file: string;
  /** A file that would grow beyond this is rotated first. */
  readonly maxBytes: number;
  /** Rotated files that are kept. */
  readonly maxFiles: number;
}

/** The files of a log: opens, recovers, rotates and prunes them, and says in `notes` what the next record has to tell. */
export class RotatingLog {
  readonly #ports: DecisionLogPorts;
  readonly #settings: RotationSettings;
  #file: LogFile | undefined;
  #notes: LogNotes = {};
  #isFirstOpen = true;
  /** Removed once a record that says so is written. */
  #pruned: readonly string[] = [];
  #nextCheck = 0;
  #nextRotation = 0;

  constructor(ports: DecisionLogPorts, settings: RotationSettings) {
    this.#ports = ports;
    this.#settings = settings;
  }

  get notes(): LogNotes {
    return this.#notes;
  }

  /** Of the file that is written to; nothing while there is none. */
  get committed(): Committed | undefined {
    return this.#file?.committed;
  }

  /** Makes ready for an append of about `bytes`; `notes` may change. */
  async prepare(bytes: number): Promise<void> {
    const file = await this.#checked();
    const isFull = file.size > 0 && file.size + bytes > this.#settings.maxBytes;
    if (isFull && this.#now() >= this.#nextRotation) await this.#rotate(file);
  }

  async append(bytes: Buffer): Promise<void> {
    await (await this.#opened()).append(bytes);
    this.#notes = {};
    await this.#removePruned();
  }

  async probe(): Promise<void> {
    await (await this.#checked()).probe();
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async #checked(): Promise<LogFile> {
    const file = await this.#opened();
    if (this.#now() < this.#nextCheck) return file;
    this.#nextCheck = this.#now() + checkMilliseconds;
    if (await file.isOurs()) return file;
    // The chain goes on as if nothing had happened: what is missing or foreign shows when it is verified.
    this.#ports.log.error({ file: file.path }, 'decision log was removed or changed by another program');
    await this.close();
    return this.#opened();
  }

  async #opened(): Promise<LogFile> {
    if (this.#file !== undefined) return this.#file;
    const file = await LogFile.open(this.#settings.file, this.#ports.disk);
    try {
      const { torn, ...before } = await file.recover(this.#ports.clock.now().toISOString());
      this.#notes = { ...this.#notes, ...(torn && { torn }), ...(this.#isFirstOpen && before) };
    } catch (error) {
      await file.close();
      throw error;
    }
    this.#isFirstOpen = false;
    this.#file = file;
    return file;
  }

  /** When the file cannot be moved, decisions still go into it: a log that is too long beats none. */
  async #rotate(file: LogFile): Promise<void> {
    let rotatedFrom: string;
    try {
      rotatedFrom = await file.moveAside();
    } catch (error) {
      this.#nextRotation = this.#now() + rotationPauseMilliseconds;
      this.#ports.log.error({ file: file.path, err: error }, 'decision log cannot be rotated');
      return;
    }
    await this.close();
    this.#notes = { ...this.#notes, rotatedFrom };
    this.#ports.log.info({ file: rotatedFrom }, 'decision log rotated');
    await this.#notePruned();
    await this.#opened();
  }

  async #notePruned(): Promise<void> {
    const files = await rotatedFiles(this.#settings.file);
    this.#pruned = files.slice(0, Math.max(0, files.length - this.#settings.maxFiles));
    const last = await Promise.all(this.#pruned.map((path) => lastRecord(path)));
    const heads = last.map(({ previous }) => previous).filter((head) => head !== undefined);
    if (heads.length > 0) this.#notes = { ...this.#notes, pruned: heads };
  }

  async #removePruned(): Promise<void> {
    const paths = this.#pruned;
    this.#pruned = [];
    for (const path of paths) {
      await (this.#ports.disk?.rm ?? rm)(path, { force: true }).catch((error: unknown) =>
        this.#ports.log.error({ file: path, err: error }, 'rotated decision log cannot be removed'),
      );
    }
  }

  #now(): number {
    return this.#ports.clock.now().getTime();
  }
}
