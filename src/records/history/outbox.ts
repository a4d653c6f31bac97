/**
 * Records on their way to the history. What was kept is on the disk, one text for each workflow, until it is stored: a
 * process or a database that goes away loses nothing. Whoever keeps is never held up by the store.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { failure, type Failure } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { parseStrictJson } from '../../kernel/strict-json.ts';
import type { ActionHistory, ActionOutbox, ActionRecord } from '../../ports/action-history.ts';
import type { Logger } from '../../ports/logger.ts';
import { backOff, type Pauses } from '../back-off.ts';
import { boundAction, parseAction, printAction } from './action-json.ts';
import { mergeAll } from './merge.ts';
import type { OutboxFolder, WaitingFile } from './outbox-folder.ts';

export interface OutboxPorts {
  readonly folder: OutboxFolder;
  readonly history: Pick<ActionHistory, 'record'>;
  readonly log: Logger;
}

export interface OutboxSettings {
  readonly pauses: Pauses;
  /** Of all that waits; what goes beyond it is not kept, and whoever gives it is told. */
  readonly mostBytes: number;
}

export interface OutboxState {
  /** Workflows. */
  readonly waiting: number;
  readonly bytes: number;
  /** Why nothing is stored at present. */
  readonly problem?: string;
}

export interface RunningOutbox extends ActionOutbox {
  state(): OutboxState;
  /** Called with the UID of each workflow of which nothing waits any more. Gives how to end it. */
  onStored(listener: (workflowUid: string) => void): () => void;
  /** Stores what is there, for at most so long; the rest is stored after the next start. */
  close(graceMs: number): Promise<void>;
}

export const usualOutboxSettings: OutboxSettings = {
  pauses: { firstMs: 1_000, longestMs: 60_000 },
  mostBytes: 64 * 1024 * 1024,
};
const closingPauses: Pauses = { firstMs: 100, longestMs: 500 };
/** Workflows that are stored with one call. */
const batch = 50;

interface Waiting {
  readonly actions: readonly ActionRecord[];
  readonly bytes: number;
}

export function startOutbox(ports: OutboxPorts, settings: OutboxSettings = usualOutboxSettings): RunningOutbox {
  const outbox = new Outbox(ports, settings);
  outbox.start();
  return outbox;
}

class Outbox implements RunningOutbox {
  readonly #ports: OutboxPorts;
  readonly #settings: OutboxSettings;
  /** By workflow UID, those that were tried last at the end; each is on the disk as it is here. */
  readonly #waiting = new Map<string, Waiting>();
  /** Changes of one workflow's text come one after the other. */
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #listeners = new Set<(workflowUid: string) => void>();
  #bytes = 0;
  #failures = 0;
  #problem: string | undefined;
  /** Of the disk; told once. */
  #diskProblem: string | undefined;
  #isLoaded = false;
  #isClosing = false;
  #mustStop = false;
  #pause = new AbortController();
  #work: Promise<void> = Promise.resolve();

  constructor(ports: OutboxPorts, settings: OutboxSettings) {
    this.#ports = ports;
    this.#settings = settings;
  }

  start(): void {
    this.#work = this.#run();
  }

  state(): OutboxState {
    const problem = this.#problem ?? this.#diskProblem;
    return { waiting: this.#waiting.size, bytes: this.#bytes, ...(problem === undefined ? {} : { problem }) };
  }

  isStored(workflowUid: string): boolean {
    return this.#isLoaded && !this.#waiting.has(workflowUid) && !this.#turns.has(workflowUid);
  }

  onStored(listener: (workflowUid: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async keep(records: readonly ActionRecord[]): Promise<Result<void>> {
    const bound: ActionRecord[] = [];
    for (const record of records) {
      const read = boundAction(record);
      if (!read.ok) return fail(failure('INTERNAL', `A record cannot be kept: ${read.failure}.`));
      bound.push(read.value);
    }
    const workflows = Map.groupBy(bound, ({ workflowUid }) => workflowUid);
    const kept = await Promise.all(
      [...workflows].map(([uid, own]) => this.#inTurn(uid, () => this.#keepOne(uid, own))),
    );
    this.#pause.abort();
    return kept.find((one) => !one.ok) ?? ok(undefined);
  }

  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    this.#pause.abort();
    const grace = new AbortController();
    const late = sleep(graceMs, undefined, { signal: grace.signal }).catch(() => undefined);
    await Promise.race([this.#work, late]);
    grace.abort();
    this.#mustStop = true;
    this.#pause.abort();
    const { size: workflows } = this.#waiting;
    if (workflows > 0) this.#ports.log.warn({ workflows }, 'action records are stored after the next start');
  }

  #inTurn<T>(uid: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(uid) ?? Promise.resolve();
    const turn: Promise<T> = before
      .catch(() => undefined)
      .then(work)
      .finally(() => {
        if (this.#turns.get(uid) === turn) this.#turns.delete(uid);
      });
    this.#turns.set(uid, turn);
    return turn;
  }

  async #keepOne(uid: string, given: readonly ActionRecord[]): Promise<Result<void>> {
    if (!(await this.#load())) return fail(notKept(this.#diskProblem ?? 'its folder cannot be read'));
    const before = this.#waiting.get(uid);
    const actions = [...mergeAll([...(before?.actions ?? []), ...given]).values()];
    const text = JSON.stringify(actions.map(printAction));
    const bytes = Buffer.byteLength(text);
    if (this.#bytes + bytes - (before?.bytes ?? 0) > this.#settings.mostBytes) {
      this.#tellDisk(`${this.#bytes} bytes wait already, and ${this.#settings.mostBytes} is the limit`);
      return fail(notKept('too much waits for the history'));
    }
    try {
      await this.#ports.folder.write(uid, text);
    } catch (error) {
      this.#tellDisk(messageOf(error));
      return fail(notKept(messageOf(error)));
    }
    this.#diskProblem = undefined;
    // What came while it was written waits for its turn, so this is all there is.
    this.#waiting.set(uid, { actions, bytes });
    this.#bytes += bytes - (before?.bytes ?? 0);
    return ok(undefined);
  }

  #tellDisk(problem: string): void {
    if (this.#diskProblem !== problem) this.#ports.log.error({ reason: problem }, 'action records cannot be kept');
    this.#diskProblem = problem;
  }

  #loading: Promise<boolean> | undefined;

  /** What an earlier process left behind, once. */
  #load(): Promise<boolean> {
    this.#loading ??= this.#readFolder().finally(() => {
      if (!this.#isLoaded) this.#loading = undefined;
    });
    return this.#loading;
  }

  async #readFolder(): Promise<boolean> {
    try {
      for (const file of await this.#ports.folder.read()) await this.#takeUp(file);
      this.#isLoaded = true;
      this.#diskProblem = undefined;
    } catch (error) {
      this.#tellDisk(messageOf(error));
    }
    return this.#isLoaded;
  }

  async #takeUp({ name, text }: WaitingFile): Promise<void> {
    const actions = readActions(text);
    const uid = actions?.[0]?.workflowUid;
    if (actions === undefined || uid === undefined) {
      const aside = await this.#ports.folder.setAside(name);
      this.#ports.log.error({ file: aside }, 'waiting action records cannot be read');
      return;
    }
    const bytes = Buffer.byteLength(text);
    this.#bytes += bytes - (this.#waiting.get(uid)?.bytes ?? 0);
    this.#waiting.set(uid, { actions, bytes });
  }

  async #run(): Promise<void> {
    while (!this.#mustStop) {
      // A keep from now on ends the pause.
      this.#pause = new AbortController();
      const { signal } = this.#pause;
      const isGood = (await this.#load()) && (await this.#store());
      if (this.#isClosing && (this.#waiting.size === 0 || this.#mustStop)) return;
      if (isGood && this.#waiting.size > 0) continue;
      // While the store is away, what is kept does not make it come back sooner.
      if (isGood) await sleep(idleMs, undefined, { signal, ref: false }).catch(() => undefined);
      else await this.#rest();
    }
  }

  async #rest(): Promise<void> {
    const until = performance.now() + backOff(this.#isClosing ? closingPauses : this.#settings.pauses, this.#failures);
    const wasClosing = this.#isClosing;
    while (!this.#mustStop && performance.now() < until && wasClosing === this.#isClosing) {
      this.#pause = new AbortController();
      const ms = Math.max(1, until - performance.now());
      await sleep(ms, undefined, { signal: this.#pause.signal, ref: false }).catch(() => undefined);
    }
  }

  /** After a failure one at a time, each at the end of the line again: one that the store cannot take holds up no others. */
  async #store(): Promise<boolean> {
    const some = [...this.#waiting].slice(0, this.#failures === 0 ? batch : 1);
    if (some.length === 0) return true;
    try {
      const stored = await this.#ports.history.record(some.flatMap(([, { actions }]) => actions));
      if (!stored.ok) return this.#failed(stored.failure.message, some);
      for (const [uid, waiting] of some) await this.#inTurn(uid, () => this.#settle(uid, waiting));
    } catch (error) {
      return this.#failed(messageOf(error), some);
    }
    if (this.#failures > 0) this.#ports.log.info({ failures: this.#failures }, 'action records are stored again');
    [this.#failures, this.#problem] = [0, undefined];
    for (const [uid] of some) if (this.isStored(uid)) for (const listener of this.#listeners) listener(uid);
    return true;
  }

  async #settle(uid: string, stored: Waiting): Promise<void> {
    // More has come since.
    if (this.#waiting.get(uid) !== stored) return;
    await this.#ports.folder.remove(uid);
    this.#waiting.delete(uid);
    this.#bytes -= stored.bytes;
  }

  #failed(problem: string, tried: readonly (readonly [string, Waiting])[]): false {
    this.#failures += 1;
    if (this.#problem !== problem)
      this.#ports.log.error({ reason: problem }, 'action records cannot be stored; they wait in the outbox');
    this.#problem = problem;
    for (const [uid] of tried) {
      const waiting = this.#waiting.get(uid);
      this.#waiting.delete(uid);
      if (waiting !== undefined) this.#waiting.set(uid, waiting);
    }
    return false;
  }
}

/** Ended by whatever is kept. */
const idleMs = 60_000;

function readActions(text: string): readonly ActionRecord[] | undefined {
  const parsed = parseStrictJson(text);
  if (!parsed.ok || !Array.isArray(parsed.value)) return undefined;
  const read = parsed.value.map((item: unknown) => parseAction(item));
  const actions = read.flatMap((one) => (one.ok ? [one.value] : []));
  return actions.length === read.length ? actions : undefined;
}

function notKept(why: string): Failure {
  return failure('RECORDS_UNAVAILABLE', `The record cannot be kept: ${why}.`, 5);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown error';
}
