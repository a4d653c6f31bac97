import { failure } from '../../../src/kernel/failure.ts';
import { fail, ok, type Result } from '../../../src/kernel/result.ts';
import type { ApiFailure } from '../../../src/adapters/kubernetes/bounded-call.ts';
import type { Lease, LeaseStore } from '../../../src/adapters/kubernetes/lease-store.ts';

/** How the way to the API server is: away, slow, or answers get lost after the write was done. */
export type Way = 'good' | 'away' | 'answers lost' | 'slow';

/** A Lease as the API server keeps it, with a way of its own for every candidate. */
export interface SharedLease {
  current: Lease | undefined;
  /** As an administrator would do it. */
  edit(change: Partial<Lease>): void;
  remove(): void;
  store(way: () => Way): LeaseStore;
}

export const slowMs = 3_000;

export function sharedLease(): SharedLease {
  let versions = 0;
  const shared: SharedLease = {
    current: undefined,
    edit(change) {
      if (shared.current !== undefined) shared.current = { ...shared.current, ...change, version: next() };
    },
    remove() {
      shared.current = undefined;
    },
    store: (way) => ({
      read: () => over(way, () => ok(shared.current)),
      create: (spec) =>
        over(way, () => {
          if (shared.current !== undefined) return fail(answered(409));
          shared.current = { ...spec, version: next(), transitions: 0 };
          return ok(shared.current);
        }),
      replace: (known, spec) =>
        over(way, () => {
          if (shared.current === undefined) return fail(answered(404));
          if (shared.current.version !== known.version) return fail(answered(409));
          shared.current = { ...shared.current, ...spec, version: next() };
          return ok(shared.current);
        }),
    }),
  };
  const next = (): string => `${(versions += 1)}`;
  return shared;
}

async function over<T>(way: () => Way, act: () => Result<T, ApiFailure>): Promise<Result<T, ApiFailure>> {
  switch (way()) {
    case 'away':
      return fail(noAnswer);
    case 'answers lost':
      act();
      return fail(noAnswer);
    case 'slow':
      await new Promise((resolve) => {
        setTimeout(resolve, slowMs);
      });
      return act();
    case 'good':
      return act();
  }
}

const noAnswer: ApiFailure = failure('CLUSTER_UNAVAILABLE', 'cannot read the lease: it does not answer in time', 5);

function answered(status: number): ApiFailure {
  return { ...failure('CLUSTER_UNAVAILABLE', `cannot write the lease: the API server answers ${status}`, 5), status };
}
