/** What the thread that serves requests and the threads that evaluate say to each other. */
import { isMainThread, parentPort } from 'node:worker_threads';
import type { Evaluation } from '../../policy/evaluation.ts';
import type { PolicyLanguage } from '../../policy/model.ts';

export interface Task {
  readonly name: string;
  readonly language: PolicyLanguage;
  readonly policy: string;
  readonly input: string;
}

export type Report =
  /** Sent once, before the first task. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'evaluated'; readonly evaluation: Evaluation; readonly memoryBytes: number }
  /** The policy went past a limit that the thread itself enforces; `isSpent`: the thread is of no more use. */
  | { readonly kind: 'limit'; readonly problem: string; readonly isSpent: boolean }
  /** The engine cannot be used at all. */
  | { readonly kind: 'broken'; readonly problem: string };

/** A report, and the time of the processor that its thread has used since it was started. */
export interface Told {
  readonly report: Report;
  readonly processorMs: number;
}

/** Longer ones are made by policies that print their input. */
const maxMessage = 16_384;

export function evaluated(evaluation: Evaluation, memoryBytes: number): Report {
  const { result, message } = evaluation;
  const told = message.length > maxMessage ? `${message.slice(0, maxMessage)}…` : message;
  return { kind: 'evaluated', evaluation: { result, message: told }, memoryBytes };
}

/** In a thread that evaluates: answers one task at a time. */
export function serveTasks(answer: (task: Task) => Report): void {
  const port = parentPort;
  if (isMainThread || port === null) throw new Error('this file is for a worker thread');
  const tell = (report: Report): void => {
    const { user, system } = process.threadCpuUsage();
    port.postMessage({ report, processorMs: (user + system) / 1_000 } satisfies Told);
  };
  // Both ends of this channel are ours.
  port.on('message', (task: Task) => tell(answer(task)));
  tell({ kind: 'ready' });
}
