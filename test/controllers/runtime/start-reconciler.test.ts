import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Key, Settled } from '../../../src/controllers/runtime/reconciler.ts';
import {
  startReconciler,
  type ReconcilerMetrics,
  type RunningReconciler,
} from '../../../src/controllers/runtime/start-reconciler.ts';

interface Round {
  readonly name: string;
  readonly signal: AbortSignal;
  readonly end: (settled: Settled) => void;
  readonly fail: (error: Error) => void;
}

const settled: Settled = { kind: 'settled' };
const retry: Settled = { kind: 'retry', why: 'no answer' };
let rounds: Round[] = [];
let loop: RunningReconciler;
let leads = true;
let there: string[] = [];
const logged: string[] = [];
const followers = new Set<() => void>();

const key = (name: string): Key => ({ namespace: 'shop', name });
const log = {
  info: (): void => undefined,
  warn: (_: unknown, message: string): void => void logged.push(message),
  error: (_: unknown, message: string): void => void logged.push(message),
};

function start(options: { readonly workers?: number; readonly metrics?: ReconcilerMetrics } = {}): void {
  loop = startReconciler({
    reconciler: {
      name: 'tests',
      reconcile: ({ name }, signal) =>
        new Promise<Settled>((end, fail) => {
          rounds.push({ name, signal, end, fail });
        }),
    },
    workers: 2,
    leadership: {
      isLeader: () => leads,
      onChange: (follower) => {
        followers.add(follower);
        return () => followers.delete(follower);
      },
    },
    everything: () => there.map(key),
    log,
    ...options,
  });
}

function lead(now: boolean): void {
  leads = now;
  for (const follower of followers) follower();
}

async function end(at: number, how: Settled = settled): Promise<void> {
  rounds[at]?.end(how);
  await vi.advanceTimersByTimeAsync(0);
}

const names = (): readonly string[] => rounds.map((round) => round.name);

beforeEach(() => {
  vi.useFakeTimers();
  rounds = [];
  leads = true;
  there = [];
  logged.length = 0;
  followers.clear();
});
afterEach(() => {
  vi.useRealTimers();
});

test('a key that is asked for often while it waits is looked at once', async () => {
  start({ workers: 1 });
  for (const name of ['a', 'b', 'b', 'b']) loop.enqueue(key(name));
  await end(0);
  await end(1);
  expect(names()).toEqual(['a', 'b']);
});

test('as many rounds at once as there are workers', async () => {
  start({ workers: 2 });
  for (const name of ['a', 'b', 'c']) loop.enqueue(key(name));
  expect(names()).toEqual(['a', 'b']);
  await end(0);
  expect(names()).toEqual(['a', 'b', 'c']);
});

test('never two rounds of one key at a time, and one more for what came in between', async () => {
  start();
  loop.enqueue(key('a'));
  loop.enqueue(key('a'));
  loop.enqueue(key('a'));
  expect(names()).toEqual(['a']);
  await end(0);
  expect(names()).toEqual(['a', 'a']);
  await end(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(names()).toEqual(['a', 'a']);
});

test('looks again at the time that was asked for', async () => {
  start();
  loop.enqueue(key('a'));
  await end(0, { kind: 'settled', requeueAfterMs: 5_000 });
  await vi.advanceTimersByTimeAsync(4_999);
  expect(names()).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(names()).toHaveLength(2);
});

test('a change before that time replaces it', async () => {
  start();
  loop.enqueue(key('a'));
  await end(0, { kind: 'settled', requeueAfterMs: 5_000 });
  loop.enqueue(key('a'));
  await end(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(names()).toHaveLength(2);
});

test('a time beyond what timers can do is no reason to spin', async () => {
  start();
  loop.enqueue(key('a'));
  await end(0, { kind: 'settled', requeueAfterMs: 1e12 });
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(names()).toHaveLength(1);
});

test('what fails waits 200 ms, then twice as long each time, at most 30 s', async () => {
  start();
  loop.enqueue(key('a'));
  for (const [at, pause] of [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000].entries()) {
    await end(at, retry);
    await vi.advanceTimersByTimeAsync(pause - 1);
    expect(names(), `after failure ${at + 1}`).toHaveLength(at + 1);
    await vi.advanceTimersByTimeAsync(1);
    expect(names()).toHaveLength(at + 2);
  }
});

test('after a success the pauses begin anew', async () => {
  start();
  loop.enqueue(key('a'));
  await end(0, retry);
  await vi.advanceTimersByTimeAsync(200);
  await end(1, { kind: 'settled', requeueAfterMs: 1_000 });
  await vi.advanceTimersByTimeAsync(1_000);
  await end(2, retry);
  await vi.advanceTimersByTimeAsync(200);
  expect(names()).toHaveLength(4);
});

test('a change shortens a long pause, but what fails and is changed each time does not spin', async () => {
  start();
  loop.enqueue(key('a'));
  for (let at = 0; at < 8; at += 1) {
    loop.enqueue(key('a'));
    await end(at, retry);
    loop.enqueue(key('a'));
    await vi.advanceTimersByTimeAsync(199);
    expect(names()).toHaveLength(at + 1);
    await vi.advanceTimersByTimeAsync(1);
    expect(names()).toHaveLength(at + 2);
  }
});

test('changes one after the other do not put off what waits', async () => {
  start();
  loop.enqueue(key('a'));
  await end(0, retry);
  await vi.advanceTimersByTimeAsync(200);
  await end(1, retry);
  for (let at = 0; at < 4; at += 1) {
    loop.enqueue(key('a'));
    await vi.advanceTimersByTimeAsync(50);
  }
  expect(names()).toHaveLength(3);
});

test('a reconciler that throws is logged as a bug, tried again, and does not cost a worker', async () => {
  start({ workers: 1 });
  loop.enqueue(key('a'));
  rounds[0]?.fail(new Error('oh'));
  await vi.advanceTimersByTimeAsync(0);
  loop.enqueue(key('b'));
  await end(1);
  expect(names()).toEqual(['a', 'b']);
  await vi.advanceTimersByTimeAsync(200);
  expect(names()).toEqual(['a', 'b', 'a']);
  expect(logged).toEqual(['a reconcile has failed, which is a bug; it is tried again later']);
});

test('does nothing while another process leads, and looks at everything once it leads itself', () => {
  leads = false;
  there = ['a', 'b'];
  start();
  loop.enqueue(key('c'));
  expect(names()).toEqual([]);
  lead(true);
  expect(names()).toEqual(['a', 'b']);
});

test('a process that leads from the beginning looks at everything', () => {
  there = ['a'];
  start();
  expect(names()).toEqual(['a']);
});

test('stops what runs when it no longer leads, and forgets what waits', async () => {
  start({ workers: 1 });
  loop.enqueue(key('a'));
  loop.enqueue(key('b'));
  lead(false);
  expect(rounds[0]?.signal.aborted).toBe(true);
  await end(0, { kind: 'settled', requeueAfterMs: 10 });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(names()).toEqual(['a']);
});

test('never two rounds of one key, not even across a change of leaders', async () => {
  start();
  loop.enqueue(key('a'));
  lead(false);
  there = ['a'];
  lead(true);
  expect(names()).toEqual(['a']);
  await end(0, retry);
  expect(names()).toEqual(['a', 'a']);
  expect(rounds[1]?.signal.aborted).toBe(false);
});

test('close stops what runs, waits for it, and nothing begins afterwards', async () => {
  start();
  loop.enqueue(key('a'));
  let closed = false;
  void loop.close().then(() => {
    closed = true;
  });
  await vi.advanceTimersByTimeAsync(0);
  expect([rounds[0]?.signal.aborted, closed]).toEqual([true, false]);
  await end(0, retry);
  expect(closed).toBe(true);
  loop.enqueue(key('a'));
  lead(true);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(names()).toEqual(['a']);
});

test('what waits, and how rounds end, is counted', async () => {
  const depths: number[] = [];
  const outcomes: string[] = [];
  start({
    workers: 1,
    metrics: {
      depth: (_, keys) => depths.push(keys),
      round: (name, outcome, seconds) => outcomes.push(`${name} ${outcome} ${seconds}`),
    },
  });
  for (const name of ['a', 'b', 'c']) loop.enqueue(key(name));
  expect(depths.at(-1)).toBe(2);
  await vi.advanceTimersByTimeAsync(1_500);
  await end(0);
  await end(1, retry);
  rounds[2]?.fail(new Error('oh'));
  await vi.advanceTimersByTimeAsync(0);
  expect(outcomes).toEqual(['tests settled 1.5', 'tests retry 0', 'tests error 0']);
  expect(depths.at(-1)).toBe(0);
});
