/** What the loop and the controllers agree on; the loop itself knows nothing of workflows. */

/** One object to be looked at: its kind is the reconciler's matter. */
export interface Key {
  readonly namespace: string;
  readonly name: string;
}

/** `requeueAfterMs`: look again then, even if nothing changes. `retry`: it did not work out; again after a growing pause. */
export type Settled =
  { readonly kind: 'settled'; readonly requeueAfterMs?: number } | { readonly kind: 'retry'; readonly why: string };

export interface Reconciler {
  readonly name: string;
  /** This process leads from now on; what it remembers may be of an earlier time. */
  begin?(): void;
  /** Never two at a time for one key. May throw: that is a bug, logged, and retried like `retry`. */
  reconcile(key: Key, signal: AbortSignal): Promise<Settled>;
}
