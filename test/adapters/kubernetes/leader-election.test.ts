import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { elect, usualTiming, type OwnLeadership } from '../../../src/adapters/kubernetes/leader-election.ts';
import { sharedLease, slowMs, type SharedLease, type Way } from './lease-in-memory.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const { leaseMs, renewMs, retryMs } = usualTiming;

/** Candidates for one lease, in a time of its own that only moves when it is told to. */
class Election {
  readonly lease: SharedLease = sharedLease();
  readonly ways: Way[] = [];
  readonly candidates: OwnLeadership[] = [];
  /** The most leaders that were ever seen together. */
  most = 0;

  join(): OwnLeadership {
    const index = this.candidates.length;
    this.ways.push('good');
    const store = this.lease.store(() => this.ways[index] ?? 'good');
    const joined = elect(store, { identity: `replica-${index}`, timing: usualTiming, log: silent });
    this.candidates.push(joined);
    return joined;
  }

  leaders(): readonly number[] {
    return this.candidates.flatMap((candidate, index) => (candidate.isLeader() ? [index] : []));
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      await vi.advanceTimersByTimeAsync(100);
      this.most = Math.max(this.most, this.leaders().length);
    }
  }

  async end(): Promise<void> {
    const closed = Promise.all(this.candidates.map((candidate) => candidate.close()));
    await vi.advanceTimersByTimeAsync(4 * slowMs);
    await closed;
  }
}

let election: Election;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  election = new Election();
});
afterEach(async () => {
  await election.end();
  vi.useRealTimers();
});

/** With a leader, and the next one waiting. */
async function settled(): Promise<{ readonly leader: number; readonly other: number }> {
  election.join();
  election.join();
  await election.pass(leaseMs + 2 * retryMs);
  const [leader = -1, ...rest] = election.leaders();
  expect(rest).toEqual([]);
  expect(leader).toBeGreaterThanOrEqual(0);
  return { leader, other: 1 - leader };
}

describe('who leads', () => {
  test('one of two, for as long as it can renew', async () => {
    const { leader } = await settled();
    await election.pass(120_000);
    expect(election.leaders()).toEqual([leader]);
    expect(election.most).toBe(1);
  });

  test('nobody, while a lease that nobody has let go could still be led', async () => {
    election.lease.current = { holder: 'gone', durationSeconds: 15, version: 'a', transitions: 3 };
    election.join();
    await election.pass(leaseMs - 200);
    expect(election.leaders()).toEqual([]);
    await election.pass(retryMs + 200);
    expect(election.leaders()).toEqual([0]);
  });

  test('the next one at once, when the leader lets go', async () => {
    const { leader, other } = await settled();
    const closed = election.candidates[leader]?.close();
    await election.pass(retryMs + 200);
    await closed;
    expect(election.leaders()).toEqual([other]);
    expect(election.most).toBe(1);
  });

  test('the next one after the lease has run out, when the leader is cut off', async () => {
    const { leader, other } = await settled();
    election.ways[leader] = 'away';
    await election.pass(renewMs + 200);
    expect(election.leaders()).toEqual([]);
    await election.pass(leaseMs - renewMs + 2 * retryMs);
    expect(election.leaders()).toEqual([other]);
    election.ways[leader] = 'good';
    await election.pass(60_000);
    expect(election.leaders()).toEqual([other]);
  });

  test('nobody while the API server is away, and the same one when it is back, at once', async () => {
    const { leader } = await settled();
    election.ways.fill('away');
    await election.pass(60_000);
    expect(election.leaders()).toEqual([]);
    election.ways.fill('good');
    await election.pass(retryMs + 200);
    expect(election.leaders()).toEqual([leader]);
  });

  test('still the leader, when answers get lost for a moment', async () => {
    const { leader } = await settled();
    election.ways[leader] = 'answers lost';
    await election.pass(renewMs - 2 * retryMs);
    election.ways[leader] = 'good';
    await election.pass(retryMs + 200);
    expect(election.leaders()).toEqual([leader]);
  });

  test('listeners hear of the beginning and of the end', async () => {
    const heard: boolean[] = [];
    const candidate = election.join();
    candidate.onChange(() => heard.push(candidate.isLeader()));
    await election.pass(leaseMs + 2 * retryMs);
    election.ways.fill('away');
    await election.pass(renewMs + 200);
    expect(heard).toEqual([true, false]);
  });
});

describe('a lease that somebody has touched', () => {
  test('deleted: the leader stops, and a newcomer does not lead before it must have', async () => {
    const { leader } = await settled();
    election.ways[leader] = 'away';
    election.lease.remove();
    election.join();
    await election.pass(60_000);
    expect(election.most).toBe(1);
    expect(election.leaders()).toHaveLength(1);
  });

  test.each([
    ['given to nobody', { holder: '' }],
    ['given to somebody unknown', { holder: 'admin' }],
    ['given to the other one', { holder: 'replica-0' }],
    ['given to this one', { holder: 'replica-1' }],
    ['lasting no time', { durationSeconds: 0 }],
    ['lasting a century', { durationSeconds: 2 ** 31 - 1 }],
    ['lasting a negative time', { durationSeconds: -5 }],
    ['given away and lasting a century', { holder: 'x'.repeat(10_000), durationSeconds: 2 ** 31 - 1 }],
  ])('%s: never two leaders, and in the end one', async (_, change) => {
    await settled();
    election.lease.edit(change);
    await election.pass(100_000);
    expect(election.most).toBe(1);
    expect(election.leaders()).toHaveLength(1);
  });
});

type Trouble =
  | { readonly kind: 'way'; readonly who: number; readonly way: Way }
  | { readonly kind: 'edit'; readonly holder?: string; readonly durationSeconds?: number }
  | { readonly kind: 'delete' | 'join' }
  | { readonly kind: 'close'; readonly who: number };

const trouble: fc.Arbitrary<Trouble> = fc.oneof(
  fc.record({
    kind: fc.constant('way' as const),
    who: fc.nat(3),
    way: fc.constantFrom<Way>('good', 'away', 'answers lost', 'slow'),
  }),
  fc.record(
    {
      kind: fc.constant('edit' as const),
      holder: fc.constantFrom('', 'admin', 'replica-0', 'replica-1', 'replica-2'),
      durationSeconds: fc.constantFrom(0, 2, 15, 4_000_000),
    },
    { requiredKeys: ['kind'] },
  ),
  fc.record({ kind: fc.constantFrom('delete' as const, 'join' as const) }),
  fc.record({ kind: fc.constant('close' as const), who: fc.nat(3) }),
);

test('law: whatever happens there are never two leaders, and one when things are in order again', async () => {
  const story = fc.array(fc.tuple(fc.integer({ min: 1, max: 200 }), trouble), { minLength: 3, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(story, async (events) => {
      const run = new Election();
      for (let count = 0; count < 3; count += 1) run.join();
      for (const [tenths, event] of events) {
        await run.pass(tenths * 100);
        await happen(run, event);
      }
      run.ways.fill('good');
      run.join();
      await run.pass(150_000);
      const last = run.leaders();
      await run.end();
      expect(run.most).toBeLessThanOrEqual(1);
      expect(last).toHaveLength(1);
    }),
    { numRuns: 60 },
  );
});

async function happen(run: Election, event: Trouble): Promise<void> {
  switch (event.kind) {
    case 'way':
      run.ways[event.who] = event.way;
      return;
    case 'edit': {
      const { kind: _, ...change } = event;
      run.lease.edit(change);
      return;
    }
    case 'delete':
      run.lease.remove();
      return;
    case 'join':
      run.join();
      return;
    case 'close':
      // It may take its time when the API server is slow.
      void run.candidates[event.who]?.close();
      return;
  }
}
