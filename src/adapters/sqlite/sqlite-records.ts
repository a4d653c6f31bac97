/**
 * Decision records in a SQLite file of this process. Writing has a thread of its own, and so has asking, so that neither a
 * search through a million records nor a slow disk holds up an admission or the other of the two.
 */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { failure, quoted } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import type { Added, ChainPosition, DecisionRecord, RecordPage } from '../../ports/records.ts';
import type { Keep } from '../../records/retention.ts';
import type { RecordStore } from '../../records/store.ts';
import type { Answer, Method, Question } from './records-thread.ts';
import { sqliteHistory } from './sqlite-history.ts';

const answerMs = 30_000;
const maxWaiting = 256;

/** `file` may be ":memory:". Does not fail: `ready()` says whether the database can be used. */
export function sqliteRecords(file: string): RecordStore {
  const writer = new Thread(file, 'write');
  const reader = file === ':memory:' ? writer : new Thread(file, 'read');
  let folder: Promise<unknown> | undefined;

  async function ready(): Promise<Result<void>> {
    folder ??=
      file === ':memory:' ? Promise.resolve() : mkdir(dirname(file), { recursive: true }).catch(() => undefined);
    await folder;
    return writer.ask('ready');
  }

  /** The reader does not make the database. */
  async function read<T>(method: Method, ...args: readonly unknown[]): Promise<Result<T>> {
    const made = await ready();
    return made.ok ? reader.ask<T>(method, ...args) : made;
  }

  async function write<T>(method: Method, ...args: readonly unknown[]): Promise<Result<T>> {
    const made = await ready();
    return made.ok ? writer.ask<T>(method, ...args) : made;
  }

  return {
    ready,
    history: sqliteHistory(
      (method, args) => read('history', method, args),
      (method, args) => write('history', method, args),
    ),
    add: (records) => write<Added>('add', records),
    list: (query) => read<RecordPage>('list', query),
    find: (id) => read<readonly DecisionRecord[]>('find', id),
    positions: () => read<readonly ChainPosition[]>('positions'),
    chain: (of, from, limit) => read<readonly DecisionRecord[]>('chain', of, from, limit),
    removeOld: (now: Date, keep: Keep) => write<number>('removeOld', now, keep),
    close: async () => {
      await reader.close();
      if (reader !== writer) await writer.close();
    },
  };
}

/** Of a thread: it holds a page of records at a time, and V8 would let it grow with the machine. */
const resourceLimits = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 128 };

/** One thread; started by the first question, and anew after it ended. */
class Thread {
  readonly #file: string;
  readonly #mode: 'read' | 'write';
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #worker: Worker | undefined;
  #lastId = 0;
  #isClosed = false;

  constructor(file: string, mode: 'read' | 'write') {
    this.#file = file;
    this.#mode = mode;
  }

  async ask<T>(method: Method, ...args: readonly unknown[]): Promise<Result<T>> {
    if (this.#isClosed) return fail(unavailable('it is closed'));
    if (this.#waiting.size >= maxWaiting) return fail(unavailable(`${maxWaiting} questions are waiting`));
    const answer = await this.#send(method, args);
    if ('problem' in answer) return fail(unavailable(quoted(answer.problem), answer.final));
    // Both ends of this channel are ours: records-thread.ts answers with what the method gives.
    return ok(answer.value as T);
  }

  #send(method: Method, args: readonly unknown[]): Promise<Answer> {
    const id = (this.#lastId += 1);
    return new Promise((resolve) => {
      const settle = (answer: Answer): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(answer);
      };
      const late = { id, problem: `no answer within ${answerMs / 1_000} s`, final: false };
      const timer = setTimeout(() => settle(late), answerMs);
      this.#waiting.set(id, settle);
      const question: Question = { id, method, args };
      this.#started().postMessage(question);
    });
  }

  #started(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    // Beside this file, and compiled when this file is.
    const url = new URL(import.meta.url.replace(/sqlite-records(?=\.\w+$)/, 'records-thread'));
    const worker = new Worker(url, { workerData: { file: this.#file, mode: this.#mode }, resourceLimits });
    worker.on('message', (answer: Answer) => this.#waiting.get(answer.id)?.(answer));
    worker.on('error', (error: unknown) => this.#ended(worker, error instanceof Error ? error.message : 'it failed'));
    worker.on('exit', () => this.#ended(worker, 'its thread ended'));
    // Whoever needs an answer keeps the process alive by its deadline.
    worker.unref();
    this.#worker = worker;
    return worker;
  }

  #ended(worker: Worker, problem: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const [id, settle] of this.#waiting) settle({ id, problem, final: false });
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#worker !== undefined) await this.#send('close', []);
  }
}

function unavailable(why: string, final = false): ReturnType<typeof failure> {
  return failure('RECORDS_UNAVAILABLE', `The records database cannot be used: ${why}.`, final ? undefined : 5);
}
