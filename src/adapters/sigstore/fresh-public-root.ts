import type { Result } from '../../kernel/result.ts';
import type { TrustRoot } from '../../policy/model.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';

export interface Refreshing {
  /** The newest public root, e.g. `refreshPublicTrustRoot`. */
  readonly fetch: () => Promise<Result<TrustRoot>>;
  readonly use: (root: TrustRoot) => void;
  readonly clock: Clock;
  readonly log: Logger;
  /** Milliseconds until the next look, after success and after failure. */
  readonly pauses?: { readonly good: number; readonly failed: number };
}

/** There is no object in the cluster whose status could say it, so that readiness warns of it and metrics show it. */
export interface FreshPublicRoot {
  /** Undefined: not since the start. */
  refreshedAt(): Date | undefined;
  /** Why the root in use may be old, as a sentence. */
  problem(): string | undefined;
  close(): void;
}

/** Sigstore announces key changes weeks ahead; once a day is what its clients do. */
const usualPauses = { good: 24 * 60 * 60 * 1_000, failed: 10 * 60 * 1_000 };

/** Fetches now and then again; a failure leaves what is in use in use. */
export function keepFresh({ fetch, use, clock, log, pauses = usualPauses }: Refreshing): FreshPublicRoot {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let refreshedAt: Date | undefined;
  let failed: string | undefined;

  async function look(): Promise<void> {
    const root = await fetch();
    if (stopped) return;
    failed = root.ok ? undefined : root.failure.message;
    if (root.ok) {
      use(root.value);
      refreshedAt = clock.now();
    } else {
      log.warn({ reason: failed }, 'public trust root not refreshed; the one in use stays');
    }
    timer = setTimeout(start, root.ok ? pauses.good : pauses.failed).unref();
  }

  function start(): void {
    look().catch((error: unknown) => {
      failed = 'it failed unexpectedly, and the log has the cause; restart the program';
      log.error({ err: error }, 'public trust root is no longer refreshed');
    });
  }

  function problem(): string | undefined {
    if (failed === undefined) return undefined;
    const inUse = refreshedAt === undefined ? 'that of this release' : `that of ${refreshedAt.toISOString()}`;
    return `${failed}; ${inUse} stays in use`;
  }

  start();
  return {
    refreshedAt: () => refreshedAt,
    problem,
    close: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
