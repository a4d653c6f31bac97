import { ok, type Result } from '../../kernel/result.ts';

export interface Expiring<T> {
  readonly value: T;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

export type Fetch<T> = (signal: AbortSignal) => Promise<Result<Expiring<T>, string>>;

/** A new one is fetched when the one before has less than this left; */
const leewayMs = 5 * 60_000;
/** and while it has more than this, nobody waits for the new one. */
const patientMs = 60_000;
const flightMs = 20_000;

/**
 * Fetches once for all who ask at the same time, and again shortly before the end. A flight has a deadline of its own: that
 * one caller gives up ends nothing for the others. Failures are not kept.
 */
export function keptUntilExpiry<T>(
  fetch: Fetch<T>,
  now: () => number = Date.now,
): (signal: AbortSignal) => Promise<Result<T, string>> {
  let kept: Expiring<T> | undefined;
  let flight: Promise<Result<Expiring<T>, string>> | undefined;

  async function fly(): Promise<Result<Expiring<T>, string>> {
    try {
      const got = await fetch(AbortSignal.timeout(flightMs));
      if (got.ok) kept = got.value;
      return got;
    } finally {
      flight = undefined;
    }
  }

  return async (signal) => {
    if (kept !== undefined && kept.expires - now() > leewayMs) return ok(kept.value);
    flight ??= fly();
    // It has some minutes left: a token service that hangs is no reason to wait, nor its outage to do without.
    if (kept !== undefined && kept.expires - now() > patientMs) {
      void flight.catch(() => undefined);
      return ok(kept.value);
    }
    const got = await orGivenUp(flight, signal);
    if (got.ok) return ok(got.value.value);
    return kept !== undefined && kept.expires > now() ? ok(kept.value) : got;
  };
}

async function orGivenUp<T>(flight: Promise<Result<T, string>>, signal: AbortSignal): Promise<Result<T, string>> {
  const { promise, resolve } = Promise.withResolvers<Result<T, string>>();
  const giveUp = (): void => resolve({ ok: false, failure: 'there was no time left to wait for credentials' });
  if (signal.aborted) giveUp();
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([flight, promise]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
