/**
 * The loop around a reconciler: some workers, one at a time for each key, only while this process leads. It knows nothing of
 * what is reconciled, remembers nothing that a new leader would need, and never spins: what fails waits longer each time.
 */
import type { Leadership } from '../../ports/leadership.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Key, Reconciler, Settled } from './reconciler.ts';
import { WorkQueue } from './work-queue.ts';

export type RoundOutcome = 'settled' | 'retry' | 'error';

/** By name of the reconciler. */
export interface ReconcilerMetrics {
  /** Keys that wait for a worker. */
  depth(reconciler: string, keys: number): void;
  round(reconciler: string, outcome: RoundOutcome, seconds: number): void;
}

export interface ReconcilerOptions {
  readonly reconciler: Reconciler;
  readonly workers: number;
  readonly leadership: Leadership;
  /** What there is to look at when this process begins to lead. */
  readonly everything: () => readonly Key[];
  readonly log: Logger;
  readonly metrics?: ReconcilerMetrics;
}

export interface RunningReconciler {
  /** Does nothing while another process leads. */
  enqueue(key: Key): void;
  /** Breaks off what is under way, and waits for it. */
  close(): Promise<void>;
}

export function startReconciler(options: ReconcilerOptions): RunningReconciler {
  return new Loop(options);
}

class Loop implements RunningReconciler {
  readonly #options: ReconcilerOptions;
  readonly #queue = new WorkQueue(() => this.#work());
  readonly #running = new Set<Promise<void>>();
  readonly #unfollow: () => void;
  /** Of the time for which this process leads; absent: it does not. */
  #term: AbortController | undefined;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#unfollow = options.leadership.onChange(() => this.#followLeadership());
    this.#followLeadership();
  }

  enqueue(key: Key): void {
    if (this.#term === undefined) return;
    this.#queue.add(key);
    this.#tellDepth();
  }

  async close(): Promise<void> {
    this.#unfollow();
    this.#endTerm();
    await Promise.all(this.#running);
  }

  #followLeadership(): void {
    const leads = this.#options.leadership.isLeader();
    if (!leads) this.#endTerm();
    if (!leads || this.#term !== undefined) return;
    this.#term = new AbortController();
    this.#options.reconciler.begin?.();
    for (const key of this.#options.everything()) this.enqueue(key);
  }

  #endTerm(): void {
    this.#term?.abort();
    this.#term = undefined;
    this.#queue.clear();
    this.#tellDepth();
  }

  #work(): void {
    const term = this.#term;
    while (term !== undefined && this.#running.size < this.#options.workers) {
      const key = this.#queue.next();
      if (key === undefined) return;
      const round = this.#round(key, term.signal).finally(() => {
        this.#running.delete(round);
        this.#work();
      });
      this.#running.add(round);
    }
  }

  async #round(key: Key, signal: AbortSignal): Promise<void> {
    const { reconciler, metrics } = this.#options;
    this.#tellDepth();
    const began = performance.now();
    const settled = await this.#reconcile(key, signal);
    metrics?.round(reconciler.name, settled.kind, (performance.now() - began) / 1_000);
    // What a former term asked for is the next leader's matter.
    if (signal.aborted) this.#queue.settled(key);
    else if (settled.kind === 'settled') this.#queue.settled(key, settled.requeueAfterMs);
    else this.#queue.failed(key);
  }

  async #reconcile(key: Key, signal: AbortSignal): Promise<Settled | { readonly kind: 'error' }> {
    const { reconciler, log } = this.#options;
    const about = { reconciler: reconciler.name, ...key };
    try {
      const settled = await reconciler.reconcile(key, signal);
      if (settled.kind === 'retry' && !signal.aborted) log.warn({ ...about, why: settled.why }, 'tried again later');
      return settled;
    } catch (error) {
      if (!signal.aborted)
        log.error({ ...about, error }, 'a reconcile has failed, which is a bug; it is tried again later');
      return { kind: 'error' };
    }
  }

  #tellDepth(): void {
    this.#options.metrics?.depth(this.#options.reconciler.name, this.#queue.depth);
  }
}
