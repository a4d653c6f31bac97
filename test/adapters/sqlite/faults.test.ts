import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLogSpool } from '../../../src/adapters/decision-log/log-spool.ts';
import { sqliteRecords } from '../../../src/adapters/sqlite/sqlite-records.ts';
import { deliver } from '../../../src/records/deliver.ts';
import { value } from '../../contracts/records.ts';
import { chainOf, manyRecords, podA } from '../../records/chains.ts';
import { CountedMetrics } from '../../records/fakes.ts';
import { LogFolder } from '../decision-log/logs.ts';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sqlite-faults-'));
  file = join(folder, 'records.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('an SQLite file', () => {
  test('of a newer program is refused with both versions and the way out, and not touched', async () => {
    const database = new DatabaseSync(file);
    database.exec('PRAGMA user_version = 99');
    database.close();
    const store = sqliteRecords(file);
    const answers = [await store.ready(), await store.add(manyRecords(podA, 1)), await store.list({ limit: 1 })];
    for (const answer of answers) {
      expect(answer).toEqual({
        ok: false,
        failure: {
          code: 'RECORDS_UNAVAILABLE',
          message: expect.stringMatching(
            /schema version 99 .* up to version \d+: run the newer program again, or name/,
          ),
        },
      });
    }
    await store.close();
    const again = new DatabaseSync(file);
    expect(again.prepare('SELECT count(*) AS tables FROM sqlite_schema').get()).toEqual({ tables: 0 });
    again.close();
  });

  test.each([
    { name: 'is none', make: () => writeFileSync(file, 'hello '.repeat(1_000)), says: 'not a database' },
    { name: 'is a folder', make: () => mkdirSync(file), says: 'unable to open' },
    { name: 'has no folder that can be made', make: () => writeFileSync(`${folder}/x`, ''), says: 'unable to open' },
  ])('that $name is a failure each time, and not the end of the process', async ({ name, make, says }) => {
    make();
    const store = sqliteRecords(name.includes('no folder') ? join(folder, 'x', 'y', 'records.db') : file);
    for (let round = 0; round < 3; round += 1)
      expect(await store.list({ limit: 1 })).toMatchObject({
        ok: false,
        failure: { message: expect.stringContaining(says) },
      });
    await store.close();
  });

  test('that cannot be written to keeps decisions in the log until it can', async () => {
    const log = await LogFolder.make();
    await log.write(20);
    const store = sqliteRecords(file);
    expect(await store.ready()).toMatchObject({ ok: true });
    // The administrator may write everywhere, so another program holds the lock instead.
    const holder = new DatabaseSync(file);
    holder.exec('BEGIN IMMEDIATE');
    const metrics = new CountedMetrics();
    const spool = openLogSpool({ log: quiet, committed: () => undefined }, log.file);
    const ports = { spool, records: store, clock: { now: () => new Date() }, log: quiet, metrics };
    const delivery = deliver(ports, { pollMs: 10, pauses: { firstMs: 5, longestMs: 50 } });
    await expect.poll(() => metrics.failures, { timeout: 15_000 }).toBeGreaterThan(0);
    expect(delivery.state().problem).toContain('database is locked');
    holder.exec('ROLLBACK');
    holder.close();
    await expect.poll(() => metrics.count, { timeout: 15_000 }).toBe(20);
    await delivery.close(1_000);
    await store.close();
    await log.remove();
  });

  test('whose clock was set back lists by time and keeps the chain in its order', async () => {
    const store = sqliteRecords(file);
    const records = chainOf(podA, [
      { time: '2026-03-01T12:00:05Z' },
      { time: '2026-03-01T11:00:00Z' },
      { time: '2026-03-01T12:00:06Z' },
    ]);
    value(await store.add(records));
    expect(value(await store.list({ limit: 9 })).records.map(({ sequence }) => sequence)).toEqual([3, 1, 2]);
    expect(value(await store.chain(podA, 1, 9))).toEqual(records);
    await store.close();
  });

  test('does not hold up this process, whatever is asked of it', async () => {
    const store = sqliteRecords(file);
    const records = manyRecords(podA, 20_000);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    const rounds = [];
    for (let from = 0; from < records.length; from += 500) rounds.push(records.slice(from, from + 500));
    value(await store.add(rounds[0] ?? []));
    delay.enable();
    await Promise.all([
      ...rounds.slice(1, 20).map((round) => store.add(round)),
      ...Array.from({ length: 20 }, () => store.list({ text: 'nothing such', limit: 1 })),
    ]);
    delay.disable();
    await store.close();
    // A thousandth of what it would be if the work were done here; other processes disturb the longest.
    expect(delay.percentile(99) / 1e6).toBeLessThan(20);
  });
});

/** A file system that is full. */
function mountSmall(place: string): boolean {
  mkdirSync(place);
  try {
    execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', place], { stdio: 'ignore' });
    return true;
  } catch {
    process.stderr.write('SKIPPED: SQLite on a disk that is full: needs to mount\n');
    return false;
  }
}

test('a disk that is full stops the delivery, not the program, and nothing is missing afterwards', async ({ skip }) => {
  const place = join(folder, 'small');
  if (!mountSmall(place)) return skip();
  const store = sqliteRecords(join(place, 'records.db'));
  try {
    const records = manyRecords(podA, 5_000);
    let added = 0;
    let failed: unknown;
    for (let from = 0; failed === undefined && from < records.length; from += 250) {
      const result = await store.add(records.slice(from, from + 250));
      if (result.ok) added += result.value.added;
      else failed = result.failure.message;
    }
    expect(failed).toMatch(/full|I\/O error/);
    expect(added).toBeGreaterThan(0);
    expect(value(await store.positions())).toMatchObject([{ first: 1, last: added, count: added }]);
    execFileSync('/bin/mount', ['-o', 'remount,size=64m', place]);
    expect(value(await store.add(records)).added).toBe(5_000 - added);
    expect(value(await store.positions())).toMatchObject([{ first: 1, last: 5_000, count: 5_000 }]);
  } finally {
    await store.close();
    execFileSync('/bin/umount', [place]);
  }
});

test('a file system that becomes read-only is a failure, and is over when it is not any more', async ({ skip }) => {
  const place = join(folder, 'small');
  if (!mountSmall(place)) return skip();
  const store = sqliteRecords(join(place, 'records.db'));
  try {
    value(await store.add(manyRecords(podA, 2)));
    await store.close();
    execFileSync('/bin/mount', ['-o', 'remount,ro', place]);
    const other = sqliteRecords(join(place, 'records.db'));
    expect(await other.add(manyRecords(podA, 3))).toMatchObject({ ok: false, failure: { retryAfterSeconds: 5 } });
    execFileSync('/bin/mount', ['-o', 'remount,rw', place]);
    expect(value(await other.add(manyRecords(podA, 3))).added).toBe(1);
    await other.close();
  } finally {
    await store.close();
    execFileSync('/bin/umount', [place]);
  }
});
