import { expect, test } from 'vitest';
import { sqliteRecords } from '../../../src/adapters/sqlite/sqlite-records.ts';
import { failure } from '../../../src/kernel/failure.ts';
import { fail, ok, type Result } from '../../../src/kernel/result.ts';
import { keepHistoryTidy, type TidyHistoryPorts } from '../../../src/records/history/keep-tidy.ts';
import { began, manyActions } from './actions.ts';

const dayMs = 86_400_000;

interface Told {
  readonly level: string;
  readonly fields: object;
  readonly message: string;
}

function logInto(told: Told[]): TidyHistoryPorts['log'] {
  const at = (level: string) => (fields: object, message: string) => void told.push({ level, fields, message });
  return { info: at('info'), warn: at('warn'), error: at('error') };
}

/** One that answers as it is told, and then has nothing more to remove; every call is noted. */
function scripted(...answers: readonly Result<number>[]) {
  const calls: { readonly now: Date; readonly days: number }[] = [];
  const left = [...answers];
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const removeOld = async (now: Date, days: number): Promise<Result<number>> => {
    calls.push({ now, days });
    const answer = left.shift();
    if (answer === undefined) resolve();
    return answer ?? ok(0);
  };
  return { history: { removeOld }, calls, over };
}

test('removes step by step until nothing is left, says so once, and waits', async () => {
  const told: Told[] = [];
  const { history, calls, over } = scripted(ok(2_000), ok(2_000), ok(17));
  const now = new Date(began);
  const stop = keepHistoryTidy({ history, clock: { now: () => now }, log: logInto(told) }, 90);
  await over;
  await stop();
  expect(calls).toEqual(Array.from({ length: 4 }, () => ({ now, days: 90 })));
  expect(told).toEqual([{ level: 'info', fields: { removed: 4_017 }, message: 'old action records removed' }]);
});

test('a database that is away is a warning, and is tried again', async () => {
  const told: Told[] = [];
  const away = fail(failure('RECORDS_UNAVAILABLE', 'the database is away', 5));
  const { history, calls, over } = scripted(away, ok(3));
  const stop = keepHistoryTidy({ history, clock: { now: () => new Date() }, log: logInto(told) }, 90, 20);
  await over;
  await stop();
  expect(calls.length).toBeGreaterThanOrEqual(3);
  expect(told[0]).toEqual({
    level: 'warn',
    fields: { reason: 'the database is away' },
    message: 'old action records cannot be removed',
  });
  expect(told.slice(1)).toEqual([{ level: 'info', fields: { removed: 3 }, message: 'old action records removed' }]);
});

test('says nothing when there is nothing to remove, and stops at once in its pause', async () => {
  const told: Told[] = [];
  const { history, calls, over } = scripted();
  const stop = keepHistoryTidy({ history, clock: { now: () => new Date() }, log: logInto(told) }, 90);
  await over;
  const before = performance.now();
  await stop();
  expect(performance.now() - before).toBeLessThan(1_000);
  expect([calls.length, told]).toEqual([1, []]);
});

test('after 90 days of a clock that is moved a real store is empty, and not a day earlier', async () => {
  const store = sqliteRecords(':memory:');
  await store.history.record(manyActions(10));
  const left = async (): Promise<number> => {
    const found = await store.history.list({ limit: 100 });
    return found.ok ? found.value.actions.length : -1;
  };
  let now = began + 90 * dayMs - 1;
  const ports = { history: store.history, clock: { now: () => new Date(now) }, log: logInto([]) };
  const stop = keepHistoryTidy(ports, 90, 10);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await left()).toBe(10);
  now = began + 91 * dayMs;
  await expect.poll(left, { timeout: 5_000 }).toBe(0);
  await stop();
  await store.close();
});
