import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { byAge, hindranceOf, isLimited, mostAtOnce } from '../../src/agents/queue.ts';
import { hasStart, isStartOf, startsOfOthers, startsWithin, withStart } from '../../src/agents/quota.ts';

const start = Date.parse('2026-01-01T00:10:00Z');
const now = new Date(start);
const quota = { maxTaskStarts: 2, windowSeconds: 60 };
const task = { namespace: 'team', name: 'fix', createdAt: '2026-01-01T00:09:00Z' };
/** So many seconds ago. */
const started = (seconds: number, taskName = `other-${seconds}`) => ({
  taskName,
  taskNamespace: 'team',
  startTime: new Date(start - seconds * 1_000).toISOString().replace('.000Z', 'Z'),
});

describe('a Task may start', () => {
  test.each([
    ['without limits, whatever runs', {}, { running: 9, ahead: 9 }, []],
    ['below the capacity', { maxConcurrentTasks: 2 }, { running: 1, ahead: 0 }, []],
    ['below the quota', { quota }, { running: 9, ahead: 0 }, [started(5)]],
    ['when the oldest start has left the window', { quota }, { running: 0, ahead: 0 }, [started(60), started(5)]],
    ['when its own start was written already', { quota }, { running: 0, ahead: 0 }, [started(5), started(1, 'fix')]],
  ])('%s', (_, limits, line, starts) => {
    expect(hindranceOf({ name: 'a', ...limits }, task, line, starts, now)).toBeUndefined();
  });
});

describe('a Task waits', () => {
  test.each([
    ['at capacity', { maxConcurrentTasks: 2 }, { running: 2, ahead: 0 }, [], 'AgentAtCapacity', 10_000],
    ['for those that come first', { maxConcurrentTasks: 2 }, { running: 1, ahead: 1 }, [], 'AgentAtCapacity', 10_000],
    [
      'until the oldest start leaves the window',
      { quota },
      { running: 0, ahead: 0 },
      [started(50), started(5)],
      'QuotaExceeded',
      10_000,
    ],
    [
      'until those before it have had their starts',
      { quota },
      { running: 0, ahead: 1 },
      [started(50), started(5)],
      'QuotaExceeded',
      55_000,
    ],
    [
      'for those that come first, though nothing has started yet',
      { quota },
      { running: 0, ahead: 2 },
      [],
      'QuotaExceeded',
      1_000,
    ],
    [
      'for capacity before quota',
      { quota, maxConcurrentTasks: 1 },
      { running: 1, ahead: 0 },
      [started(1), started(2)],
      'AgentAtCapacity',
      10_000,
    ],
    [
      'for a start of a Task that had its name before',
      { quota },
      { running: 0, ahead: 0 },
      [started(30), { ...started(59, 'fix'), taskNamespace: 'other' }],
      'QuotaExceeded',
      1_000,
    ],
  ])('%s', (_, limits, line, starts, reason, lookAgainMs) => {
    expect(hindranceOf({ name: 'a', ...limits }, task, line, starts, now)).toMatchObject({ reason, lookAgainMs });
  });

  test('in the words that users know', () => {
    const capacity = hindranceOf({ name: 'x', maxConcurrentTasks: 3 }, task, { running: 3, ahead: 0 }, [], now);
    expect(capacity?.message).toBe('Waiting for agent "x" capacity (max: 3)');
    const starts = [started(1), started(2)];
    const exceeded = hindranceOf({ name: 'x', quota }, task, { running: 0, ahead: 0 }, starts, now);
    expect(exceeded?.message).toBe('Waiting for agent "x" quota (max: 2 per 60s)');
  });
});

describe('the history of starts', () => {
  test('forgets what has left the window, and has a Task once', () => {
    const before = [started(90), started(20, 'fix'), started(10)];
    const after = withStart(before, quota, task, now);
    expect(after.map(({ taskName }) => taskName)).toEqual(['other-10', 'fix']);
    expect(withStart(after, quota, task, now)).toEqual(after);
    expect(hasStart(after, task, now)).toBe(true);
  });

  test('a start of a Task of the same name that is older than the Task is another’s', () => {
    const older = started(120, 'fix');
    expect(isStartOf(older, task)).toBe(false);
    expect(
      startsOfOthers([started(59, 'fix')], quota, { ...task, createdAt: '2026-01-01T00:09:30Z' }, now),
    ).toHaveLength(1);
  });

  test('a start that was written long before the Task starts is written anew', () => {
    expect(hasStart([started(30, 'fix')], task, now)).toBe(false);
  });

  test('never has more than the quota within a window, whoever asks when', () => {
    const asks = fc.array(fc.record({ after: fc.nat(40), name: fc.nat(9) }), { maxLength: 60 });
    fc.assert(
      fc.property(asks, (all) => {
        let at = start;
        let history: ReturnType<typeof withStart> = [];
        const times: number[] = [];
        for (const { after, name } of all) {
          at += after * 1_000;
          const when = new Date(at);
          const asking = { namespace: 'team', name: `t${name}`, createdAt: when.toISOString() };
          if (hindranceOf({ name: 'a', quota }, asking, { running: 0, ahead: 0 }, history, when) !== undefined)
            continue;
          history = withStart(history, quota, asking, when);
          times.push(at);
        }
        for (const from of times) {
          const within = times.filter((time) => time >= from && time < from + 60_000);
          // Two of one name at one moment are one start.
          expect(new Set(within).size).toBeLessThanOrEqual(quota.maxTaskStarts);
        }
        expect(startsWithin(history, quota, new Date(at)).length).toBeLessThanOrEqual(quota.maxTaskStarts);
      }),
    );
  });
});

test('oldest first, then by name: an order without ties', () => {
  const one = { createdAt: '2026-01-01T00:00:00Z', namespace: 'a', name: 'b' };
  expect(byAge(one, { ...one, createdAt: '2026-01-01T00:00:01Z' })).toBe(-1);
  expect(byAge({ ...one, namespace: 'b' }, one)).toBe(1);
  expect(byAge({ ...one, name: 'a' }, one)).toBe(-1);
  expect(byAge(one, one)).toBe(0);
});

test('limits are either of both, and the smaller one counts', () => {
  expect([isLimited({}), isLimited({ quota }), isLimited({ maxConcurrentTasks: 1 })]).toEqual([false, true, true]);
  expect(mostAtOnce({ quota, maxConcurrentTasks: 1 })).toBe(1);
  expect(mostAtOnce({})).toBe(Infinity);
});
