import { expect, test } from 'vitest';
import { keptUntilExpiry, type Expiring } from '../../../src/adapters/cloud/kept-until-expiry.ts';
import type { Result } from '../../../src/kernel/result.ts';

const minute = 60_000;
type Got = Result<Expiring<string>, string>;

/** Fetches what it is told, one after the other, at a time that the test sets. */
function source(...answers: readonly (Got | Promise<Got>)[]) {
  const state = { now: 0, asked: 0 };
  const get = keptUntilExpiry(
    () => Promise.resolve(answers[state.asked++] ?? { ok: false, failure: 'nothing more' }),
    () => state.now,
  );
  return { state, get };
}

const token = (value: string, expires: number): Got => ({ ok: true, value: { value, expires } });
const soon = (): AbortSignal => AbortSignal.timeout(100);

test('whoever asks at the same time gets the same', async () => {
  const { state, get } = source(token('a', 60 * minute), token('b', 60 * minute));
  expect(await Promise.all([get(soon()), get(soon())])).toEqual([
    { ok: true, value: 'a' },
    { ok: true, value: 'a' },
  ]);
  expect(state.asked).toBe(1);
});

test('nobody waits for a service that hangs while the token has minutes left', async () => {
  const { state, get } = source(token('a', 60 * minute), new Promise<never>(() => undefined));
  await get(soon());
  state.now = 57 * minute;
  const signal = soon();
  expect(await get(signal)).toEqual({ ok: true, value: 'a' });
  expect([signal.aborted, state.asked]).toEqual([false, 2]);
});

test('the new one comes while the former is still good', async () => {
  const { state, get } = source(token('a', 60 * minute), token('b', 120 * minute));
  await get(soon());
  state.now = 57 * minute;
  await get(soon());
  await Promise.resolve();
  expect(await get(soon())).toEqual({ ok: true, value: 'b' });
});

test.each([
  ['its last minute', 59.5, { ok: true, value: 'a' }],
  ['its end', 60.5, { ok: false, failure: 'away' }],
])('an outage counts from %s on', async (_when, at, expected) => {
  const { state, get } = source(token('a', 60 * minute), { ok: false, failure: 'away' });
  await get(soon());
  state.now = at * minute;
  expect(await get(soon())).toEqual(expected);
});

test('a failure is not kept', async () => {
  const { get } = source({ ok: false, failure: 'away' }, token('a', 60 * minute));
  expect(await get(soon())).toEqual({ ok: false, failure: 'away' });
  expect(await get(soon())).toEqual({ ok: true, value: 'a' });
});
