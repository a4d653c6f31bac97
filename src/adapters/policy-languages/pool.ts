/**
 * Threads that evaluate, and what waits for them. A task that takes too long, or whose caller gave up, loses its thread;
 * the next one gets a new thread. Nothing is started before the first task.
 */
import type { Worker } from 'node:worker_threads';
import { failure, quoted } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import type { Evaluation } from '../../policy/evaluation.ts';
import type { Report, Task, Told } from './messages.ts';
import { WaitingLine } from './waiting-line.ts';

export interface PoolSettings {
  readonly threads: number;
  /** Of one policy; of all together, twice as many. */
  readonly maxWaiting: number;
  /** Of one evaluation, of the processor: a machine that is busy with other work refuses nothing that it would accept idle. */
  readonly timeoutMs: number;
  /** Of one evaluation, by the clock: the machine does not get round to it. */
  readonly giveUpMs: number;
  /** Of a thread until it takes tasks. */
  readonly startMs: number;
  /** A thread that has used this, or has evaluated so often, is replaced. */
  readonly recycleBytes: number;
  readonly recycleAfter: number;
}

/** A thread, or why there is none. */
export type StartThread = () => Promise<Result<Worker>>;

interface Job {
  readonly task: Task;
  readonly settle: (result: Result<Evaluation>) => void;
}

interface Place {
  readonly worker: Worker;
  isReady: boolean;
  job: Job | undefined;
  timer: NodeJS.Timeout | undefined;
  evaluations: number;
  /** Of its whole thread, when it last said something. */
  processorMs: number;
  /** By the clock, of its job. */
  begunAt: number;
}

const tooBusy = fail(failure('OVERLOADED', 'The machine is too busy to evaluate the policy.', 5));

const cancelled = fail(
  failure('DEADLINE_EXCEEDED', 'The time for this request ended before the policy was evaluated.'),
);
const overloaded = fail(failure('OVERLOADED', 'Too many policies wait for their evaluation.', 1));

export class Pool {
  readonly #start: StartThread;
  readonly #settings: PoolSettings;
  readonly #waiting: WaitingLine<Job>;
  readonly #places = new Set<Place>();
  #starting = 0;
  #isClosed = false;

  constructor(start: StartThread, settings: PoolSettings) {
    this.#start = start;
    this.#settings = settings;
    this.#waiting = new WaitingLine(settings.maxWaiting);
  }

  run(task: Task, signal: AbortSignal): Promise<Result<Evaluation>> {
    if (this.#isClosed) return Promise.resolve(unavailable('it is closed'));
    if (signal.aborted) return Promise.resolve(cancelled);
    if (!this.#waiting.hasRoomFor(task)) return Promise.resolve(overloaded);
    return new Promise((resolve) => {
      const give = (): void => this.#give(job);
      const job: Job = {
        task,
        settle(result) {
          signal.removeEventListener('abort', give);
          resolve(result);
        },
      };
      signal.addEventListener('abort', give, { once: true });
      this.#waiting.push(job);
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#tellAll(unavailable('it is closed'));
    await Promise.all([...this.#places].map((place) => this.#end(place, unavailable('it is closed'))));
  }

  /** Work to idle threads, and a new thread if none is idle. */
  #next(): void {
    while (this.#waiting.length > 0) {
      const idle = [...this.#places].find(({ isReady, job }) => isReady && job === undefined);
      const job = idle === undefined ? undefined : this.#waiting.take();
      if (idle === undefined || job === undefined) break;
      this.#begin(idle, job);
    }
    const coming = this.#starting + [...this.#places].filter(({ isReady }) => !isReady).length;
    const isWanted = this.#waiting.length > coming && this.#places.size + this.#starting < this.#settings.threads;
    if (isWanted && !this.#isClosed) void this.#open();
  }

  async #open(): Promise<void> {
    this.#starting += 1;
    const started = await this.#start().catch(cannotStart);
    this.#starting -= 1;
    if (!started.ok) this.#tellAll(started);
    else if (this.#isClosed) await started.value.terminate();
    else this.#listen(started.value);
  }

  #listen(worker: Worker): void {
    const late = (): void => this.#broken(place, 'its thread does not start');
    const timer = setTimeout(late, this.#settings.startMs);
    const place: Place = { worker, isReady: false, job: undefined, timer, evaluations: 0, processorMs: 0, begunAt: 0 };
    this.#places.add(place);
    worker.on('message', ({ report, processorMs }: Told) => {
      place.processorMs = processorMs;
      this.#hear(place, report);
    });
    worker.on('error', (error: unknown) => this.#died(place, error));
    worker.on('exit', () => this.#died(place, undefined));
  }

  #hear(place: Place, report: Report): void {
    if (!this.#places.has(place)) return;
    switch (report.kind) {
      case 'ready':
        clearTimeout(place.timer);
        place.isReady = true;
        place.worker.unref();
        break;
      case 'evaluated':
        this.#finish(place, ok(report.evaluation));
        place.evaluations += 1;
        if (report.memoryBytes > this.#settings.recycleBytes || place.evaluations >= this.#settings.recycleAfter)
          void this.#end(place, undefined);
        break;
      case 'limit':
        if (report.isSpent) void this.#end(place, exceeded(report.problem));
        else this.#finish(place, exceeded(report.problem));
        break;
      case 'broken':
        this.#broken(place, report.problem);
    }
    this.#next();
  }

  #begin(place: Place, job: Job): void {
    place.job = job;
    place.begunAt = performance.now();
    place.worker.ref();
    this.#lookAgain(place, job, this.#settings.timeoutMs);
    place.worker.postMessage(job.task);
  }

  #lookAgain(place: Place, job: Job, afterMs: number): void {
    // An answer that has come while this process was busy is read before this counts.
    const look = (): NodeJS.Immediate => setImmediate(() => void this.#look(place, job));
    place.timer = setTimeout(look, afterMs);
  }

  async #look(place: Place, job: Job): Promise<void> {
    const usedMs = (await processorMs(place.worker)) - place.processorMs;
    if (place.job !== job) return;
    const { timeoutMs, giveUpMs } = this.#settings;
    const isGivenUp = performance.now() - place.begunAt >= giveUpMs;
    if (usedMs < timeoutMs && !isGivenUp) return this.#lookAgain(place, job, Math.max(timeoutMs - usedMs, 20));
    void this.#end(place, usedMs < timeoutMs ? tooBusy : exceeded(`it takes longer than ${timeoutMs / 1_000} s`));
    this.#next();
  }

  #finish(place: Place, result: Result<Evaluation>): void {
    clearTimeout(place.timer);
    place.worker.unref();
    place.job?.settle(result);
    place.job = undefined;
  }

  /** The caller no longer waits. */
  #give(job: Job): void {
    this.#waiting.remove(job);
    const place = [...this.#places].find((busy) => busy.job === job);
    if (place === undefined) job.settle(cancelled);
    else void this.#end(place, cancelled);
    this.#next();
  }

  #broken(place: Place, problem: string): void {
    void this.#end(place, unavailable(problem));
    // It would be the same for those that wait.
    this.#tellAll(unavailable(problem));
  }

  /** A thread that ended by itself. */
  #died(place: Place, error: unknown): void {
    if (!this.#places.has(place)) return;
    const problem = error instanceof Error ? error.message : 'its thread ended';
    if (!place.isReady) this.#broken(place, problem);
    else void this.#end(place, isOutOfMemory(error) ? exceeded('it needs too much memory') : unavailable(problem));
    this.#next();
  }

  #end(place: Place, result: Result<Evaluation> | undefined): Promise<number> {
    this.#places.delete(place);
    if (result !== undefined) this.#finish(place, result);
    clearTimeout(place.timer);
    return place.worker.terminate();
  }

  /** Whoever waits; the next task tries again. */
  #tellAll(result: Result<Evaluation>): void {
    for (const job of this.#waiting.takeAll()) job.settle(result);
  }
}

/** Infinite for a thread that has ended: `exit` says so too. */
async function processorMs(worker: Worker): Promise<number> {
  try {
    const { user, system } = await worker.cpuUsage();
    return (user + system) / 1_000;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** A machine may refuse to make another thread. */
function cannotStart(error: unknown): Result<never> {
  return unavailable(quoted(error instanceof Error ? error.message : 'its thread cannot be made'));
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
}

export function exceeded(problem: string): Result<never> {
  const message = `The policy code goes past a limit: ${problem}. Make it do less, or give it less to read.`;
  return fail(failure('POLICY_LIMIT_EXCEEDED', message));
}

export function unavailable(problem: string): Result<never> {
  return fail(failure('POLICY_ENGINE_UNAVAILABLE', `The engine for policy code cannot be used: ${problem}.`, 5));
}
