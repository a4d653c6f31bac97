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
  // Both ends of this channel are ours.
  port.on('message', (task: Task) => port.postMessage(answer(task)));
  port.postMessage({ kind: 'ready' } satisfies Report);
}
