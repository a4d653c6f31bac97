import type { Result } from '../../kernel/result.ts';
import type { TrustRoot } from '../../policy/model.ts';
import type { Logger } from '../../ports/logger.ts';

export interface Refreshing {
  /** The newest public root, e.g. `refreshPublicTrustRoot`. */
  readonly fetch: () => Promise<Result<TrustRoot>>;
  readonly use: (root: TrustRoot) => void;
  readonly log: Logger;
  /** Milliseconds until the next look, after success and after failure. */
  readonly pauses?: { readonly good: number; readonly failed: number };
}

/** Sigstore announces key changes weeks ahead; once a day is what its clients do. */
const usualPauses = { good: 24 * 60 * 60 * 1_000, failed: 10 * 60 * 1_000 };

/** Fetches now and then again; a failure leaves what is in use in use. Returns how to stop. */
export function keepFresh({ fetch, use, log, pauses = usualPauses }: Refreshing): () => void {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function look(): Promise<void> {
    const root = await fetch();
    if (stopped) return;
    if (root.ok) use(root.value);
    else log.warn({ reason: root.failure.message }, 'public trust root not refreshed; the one in use stays');
    timer = setTimeout(start, root.ok ? pauses.good : pauses.failed).unref();
  }

  function start(): void {
    look().catch((error: unknown) => {
      log.error({ err: error }, 'public trust root is no longer refreshed');
    });
  }

  start();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
