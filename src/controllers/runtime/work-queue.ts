/**
 * Which keys are due, and which wait for a time: a key waits once, however often it is asked for, and is never given out twice
 * at a time. It knows no reconciler, and it calls nobody but `due`.
 */
import type { Key } from './reconciler.ts';

interface Entry {
  readonly key: Key;
  state: 'idle' | 'due' | 'running' | 'running, due again';
  /** In a row. */
  failures: number;
  /** Nothing sooner than this: a failure's pause holds for changes too, or else what fails and writes would spin. */
  notBefore: number;
  wake: { readonly at: number; readonly timer: NodeJS.Timeout } | undefined;
}

/** Milliseconds: the first pause after a failure, doubled up to the longest. */
const firstPause = 200;
const longestPause = 30_000;
/** Whoever asks to be called again "now" still lets others go first. */
const shortestPause = 10;
/** Longer timers of Node fire at once. */
const longestTimer = 2 ** 31 - 1;

export class WorkQueue {
  readonly #entries = new Map<string, Entry>();
  readonly #due: Entry[] = [];
  readonly #notify: () => void;

  /** `notify`: something is due. */
  constructor(notify: () => void) {
    this.#notify = notify;
  }

  /** How many keys wait for a worker. */
  get depth(): number {
    return this.#due.length;
  }

  add(key: Key): void {
    const entry = this.#entryOf(key);
    if (entry.state === 'running') entry.state = 'running, due again';
    if (entry.state !== 'idle') return;
    const pause = Math.min(entry.notBefore - performance.now(), firstPause);
    if (pause > 0) this.#wake(entry, pause);
    else this.#makeDue(entry);
  }

  next(): Key | undefined {
    const entry = this.#due.shift();
    if (entry === undefined) return undefined;
    entry.state = 'running';
    return entry.key;
  }

  settled(key: Key, requeueAfterMs?: number): void {
    const entry = this.#entryOf(key);
    entry.failures = 0;
    entry.notBefore = 0;
    const isDue = entry.state === 'running, due again';
    entry.state = 'idle';
    if (isDue) this.#makeDue(entry);
    else if (requeueAfterMs === undefined) this.#entries.delete(nameOf(key));
    else this.#wake(entry, Math.max(shortestPause, requeueAfterMs));
  }

  /** Again after a pause that grows. */
  failed(key: Key): void {
    const entry = this.#entryOf(key);
    const pause = Math.min(longestPause, firstPause * 2 ** Math.min(entry.failures, 20));
    entry.failures += 1;
    entry.notBefore = performance.now() + pause;
    const isDue = entry.state === 'running, due again';
    entry.state = 'idle';
    this.#wake(entry, isDue ? Math.min(pause, firstPause) : pause);
  }

  /** What runs is left to end; its key is forgotten then. */
  clear(): void {
    this.#due.length = 0;
    for (const [name, entry] of this.#entries) {
      unwake(entry);
      if (entry.state === 'running, due again') entry.state = 'running';
      if (entry.state !== 'running') this.#entries.delete(name);
    }
  }

  #makeDue(entry: Entry): void {
    unwake(entry);
    entry.state = 'due';
    this.#due.push(entry);
    this.#notify();
  }

  /** The sooner of two times counts. */
  #wake(entry: Entry, afterMs: number): void {
    const at = performance.now() + afterMs;
    if (entry.wake !== undefined && entry.wake.at <= at) return;
    unwake(entry);
    const timer = setTimeout(
      () => {
        entry.wake = undefined;
        if (entry.state === 'idle') this.#makeDue(entry);
      },
      Math.min(afterMs, longestTimer),
    );
    entry.wake = { at, timer: timer.unref() };
  }

  #entryOf(key: Key): Entry {
    const name = nameOf(key);
    const known = this.#entries.get(name);
    if (known !== undefined) return known;
    const entry: Entry = { key, state: 'idle', failures: 0, notBefore: 0, wake: undefined };
    this.#entries.set(name, entry);
    return entry;
  }
}

function unwake(entry: Entry): void {
  clearTimeout(entry.wake?.timer);
  entry.wake = undefined;
}

function nameOf({ namespace, name }: Key): string {
  return `${namespace}/${name}`;
}
