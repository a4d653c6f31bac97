import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RateLimit } from '../../../src/adapters/kubernetes/request-rate.ts';

const never = new AbortController().signal;
let gone = 0;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  gone = 0;
});
afterEach(() => {
  vi.useRealTimers();
});

function ask(limit: RateLimit, times: number, signal = never): void {
  for (let at = 0; at < times; at += 1)
    void limit.turn(signal).then((came) => {
      if (came) gone += 1;
    });
}

async function after(ms: number): Promise<number> {
  await vi.advanceTimersByTimeAsync(ms);
  return gone;
}

test('a burst goes at once, the rest at the even rate, in order', async () => {
  ask(new RateLimit(() => ({ qps: 10, burst: 5 })), 8);
  expect(await after(0)).toBe(5);
  expect(await after(99)).toBe(5);
  expect(await after(1)).toBe(6);
  expect(await after(100)).toBe(7);
  expect(await after(10_000)).toBe(8);
});

test('silence fills a burst again, and no more than one', async () => {
  const limit = new RateLimit(() => ({ qps: 10, burst: 5 }));
  ask(limit, 5);
  await after(60_000);
  ask(limit, 20);
  expect(await after(0)).toBe(10);
});

test('another rate counts from the next request on', async () => {
  let qps = 1;
  const limit = new RateLimit(() => ({ qps, burst: 1 }));
  ask(limit, 1);
  qps = 1_000;
  await after(1_000);
  ask(limit, 100);
  expect(await after(100)).toBe(101);
});

test('whoever gives up takes nobody else their turn', async () => {
  const limit = new RateLimit(() => ({ qps: 10, burst: 1 }));
  const impatient = new AbortController();
  ask(limit, 1);
  ask(limit, 5, impatient.signal);
  impatient.abort();
  await after(0);
  ask(limit, 1);
  expect(await after(100)).toBe(2);
});

test('whoever has given up already does not wait', async () => {
  expect(await new RateLimit(() => ({ qps: 1, burst: 1 })).turn(AbortSignal.abort())).toBe(false);
});
