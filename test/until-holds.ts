import { vi } from 'vitest';

/** Waits for what is expected: at once on an idle machine, and long enough on one that is busy with other suites. */
export function untilHolds<Value>(expected: () => Value | Promise<Value>): Promise<Value> {
  return vi.waitFor(expected, { timeout: 10_000, interval: 10 });
}
