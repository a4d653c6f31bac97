/** Processes of the bench: started by file, ready when they say so, ended with whoever started them. */
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';

/** What is not said within this time is an error. */
const patienceMs = 120_000;

export interface ChildOptions {
  /** A file descriptor for what the process prints. */
  readonly output?: 'inherit' | number;
  /** For Node. */
  readonly execArgv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class Child {
  readonly #name: string;
  readonly #process: ChildProcess;

  constructor(
    file: string,
    args: readonly string[],
    { output = 'inherit', execArgv = [], env = {} }: ChildOptions = {},
  ) {
    this.#name = file;
    const stdio = ['ignore', output, output, 'ipc'] as const;
    this.#process = fork(join(import.meta.dirname, file), args, {
      stdio: [...stdio],
      execArgv: [...execArgv],
      env: { ...process.env, ...env },
    });
  }

  /** The next message of the process. Both ends are files of this folder, which agree about its type. */
  receive<T>(): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const take = (message: unknown): void => resolve(message as T);
    const gone = (code: number | null): void => reject(new Error(`${this.#name} ended with ${code}`));
    const timer = setTimeout(() => reject(new Error(`${this.#name} says nothing`)), patienceMs);
    this.#process.once('message', take).once('exit', gone);
    return promise.finally(() => {
      clearTimeout(timer);
      this.#process.off('message', take).off('exit', gone);
    });
  }

  ask<T>(question: object): Promise<T> {
    const answer = this.receive<T>();
    this.#process.send(question);
    return answer;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = Promise.withResolvers<void>();
    this.#process.once('exit', () => ended.resolve()).kill('SIGKILL');
    await ended.promise;
  }
}

/** The process's side: answers questions, and ends with whoever asks them. */
export function answerQuestions<Q>(answer: (question: Q) => Promise<object>): void {
  process.once('disconnect', () => process.exit());
  process.on('message', (question) => {
    // See `receive`. What is thrown ends the process, which is the answer then.
    void answer(question as Q).then(tell);
  });
}

export function tell(message: object): void {
  process.send?.(message);
}

export interface Work {
  /** Processor time of all threads of the process so far. */
  readonly ms: number;
}

export function workDone(): Work {
  const { user, system } = process.cpuUsage();
  return { ms: (user + system) / 1_000 };
}
