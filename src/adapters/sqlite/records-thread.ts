/** The thread that SQLite works in: takes questions one at a time, in order, and answers each. */
import { parentPort, workerData } from 'node:worker_threads';
import { asRecord } from '../../kernel/strict-json.ts';
import { SqliteStore, UnusableDatabase } from './store.ts';

/** What may be asked; the arguments are those of the store's method. */
export type Method = 'ready' | 'add' | 'list' | 'find' | 'positions' | 'chain' | 'removeOld' | 'history' | 'close';

export interface Question {
  readonly id: number;
  readonly method: Method;
  readonly args: readonly unknown[];
}

export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly problem: string; readonly final: boolean };

const settings = asRecord(workerData);
const port = parentPort;
let store: SqliteStore | undefined;

function answer({ id, method, args }: Question): Answer {
  try {
    if (method === 'close') {
      store?.close();
      store = undefined;
      return { id, value: undefined };
    }
    // Opened by the first question: what cannot be opened now is tried again by the next.
    store ??= new SqliteStore(String(settings?.['file']), settings?.['mode'] === 'read' ? 'read' : 'write');
    if (method === 'ready') return { id, value: undefined };
    // Both ends of this channel are ours: sqlite-records.ts gives each method its own arguments.
    const call = store[method].bind(store) as (...given: readonly unknown[]) => unknown;
    return { id, value: call(...args) };
  } catch (error) {
    const problem = error instanceof Error ? error.message : 'unknown error';
    return { id, problem, final: error instanceof UnusableDatabase };
  }
}

port?.on('message', (question: Question) => {
  port.postMessage(answer(question));
  if (question.method === 'close') port.close();
});
