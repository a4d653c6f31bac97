import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { prometheusMetrics } from '../../../src/adapters/metrics/prometheus-metrics.ts';
import { outboxWarnings, startActionOutbox, type WatchedOutbox } from '../../../src/cli/serving/action-outbox.ts';
import { Closers, type Foundation } from '../../../src/cli/serving/foundation.ts';
import { failure } from '../../../src/kernel/failure.ts';
import { fail, ok, type Result } from '../../../src/kernel/result.ts';
import { completed } from '../../records/history/actions.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const away = fail(failure('RECORDS_UNAVAILABLE', 'the database is away', 5));
let folder: string;
let closers: Closers;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'action-outbox-'));
  closers = new Closers();
});
afterEach(async () => {
  await closers.close();
  rmSync(folder, { recursive: true });
});

function opened(record: () => Promise<Result<void>>): WatchedOutbox {
  const base = {
    config: { workflows: { dataFolder: folder } },
    log: silent,
    metrics: prometheusMetrics(),
    onClose: (close: () => unknown) => closers.add(close),
    // What it uses of it.
  } as unknown as Foundation;
  return startActionOutbox(base, { record });
}

test('readiness warns while records wait for the history, and no longer when they are stored', async () => {
  let answer: Result<void> = away;
  const outbox = opened(async () => answer);
  expect(outboxWarnings(outbox)).toEqual([]);
  expect(await outbox.keep([completed()])).toEqual(ok(undefined));
  const warnings = (): readonly string[] => outboxWarnings(outbox);
  await expect.poll(warnings).toEqual(['records of actions wait for the history: the database is away']);
  expect(outbox.isStored('uid-1')).toBe(false);
  answer = ok(undefined);
  await expect.poll(warnings, { timeout: 10_000 }).toEqual([]);
  expect(outbox.isStored('uid-1')).toBe(true);
});

test('what was kept by a process that ended is stored by the next one', async () => {
  const first = opened(async () => away);
  await first.keep([completed()]);
  await closers.close();
  const stored: string[] = [];
  const second = opened(async () => ok(void stored.push('record')));
  await expect.poll(() => second.isStored('uid-1')).toBe(true);
  expect(stored).toEqual(['record']);
});

test('without a database everything counts as stored, nothing waits, and it is said', async () => {
  const told: string[] = [];
  const base = {
    config: { workflows: { dataFolder: folder } },
    log: { warn: (_: unknown, message: string) => told.push(message) },
  } as unknown as Foundation;
  const outbox = startActionOutbox(base, undefined);
  expect(await outbox.keep([completed()])).toEqual(ok(undefined));
  expect([outbox.isStored('uid-1'), outboxWarnings(outbox)]).toEqual([true, []]);
  expect(told).toEqual(['without --database nothing is kept of what workflows run']);
});
