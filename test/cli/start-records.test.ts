import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startRecords } from '../../src/cli/start-records.ts';
import { decision, LogFolder } from '../adapters/decision-log/logs.ts';
import { value } from '../contracts/records.ts';
import { CountedMetrics } from '../records/fakes.ts';

let folder: LogFolder;
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const ports = { clock: { now: () => new Date('2026-03-02T00:00:00Z') }, log: quiet, metrics: new CountedMetrics() };

beforeEach(async () => {
  folder = await LogFolder.make();
});
afterEach(() => folder.remove());

describe('keeping records', () => {
  test('brings what is decided to the database, and at the end what is left', async () => {
    const log = await folder.open();
    const database = join(folder.folder, 'records.db');
    const decisionLog = { file: folder.file, committed: () => log.committed() };
    const running = await startRecords(ports, { database, keep: {}, decisionLog });
    await log.append(decision({ name: 'first' }));
    await expect.poll(async () => value(await running.records.list({ limit: 5 })).records.length).toBe(1);
    expect(running.delivery()).toMatchObject({ backlogBytes: 0 });
    await log.append(decision({ name: 'last' }));
    await log.close();
    await running.close(5_000);
    const again = await startRecords(ports, { database, keep: {} });
    expect(value(await again.records.list({ limit: 5 })).records).toHaveLength(2);
    expect(again.delivery()).toBeUndefined();
    await again.close(0);
  });

  test('removes what need not be kept', async () => {
    await folder.write(30);
    const decisionLog = { file: folder.file, committed: () => undefined };
    const running = await startRecords(ports, { database: ':memory:', keep: {}, decisionLog });
    await expect.poll(async () => value(await running.records.positions())[0]?.count).toBe(30);
    await running.close(1_000);
    const database = join(folder.folder, 'records.db');
    const all = await startRecords(ports, { database, keep: {}, decisionLog });
    await expect.poll(async () => value(await all.records.positions())[0]?.count).toBe(30);
    await all.close(1_000);
    // All of them are of the day before.
    const some = await startRecords(ports, { database, keep: { days: 0.25 } });
    await expect.poll(async () => value(await some.records.positions())[0]?.count).toBe(0);
    await some.close(0);
  });

  test('begins without its database, and says what is wrong', async () => {
    await folder.write(3);
    const decisionLog = { file: folder.file, committed: () => undefined };
    const running = await startRecords(ports, { database: 'postgres://127.0.0.1:9/none', keep: {}, decisionLog });
    await expect.poll(() => running.delivery()?.problem).toContain('The records database cannot be used');
    await running.close(50);
  });

  test.each([
    { database: 'mysql://x/y', says: 'neither a postgres:// URL nor the path of an SQLite file' },
    { database: 'postgres://[', says: 'the postgres:// URL is not valid' },
  ])('refuses $database', async ({ database, says }) => {
    await expect(startRecords(ports, { database, keep: {} })).rejects.toThrow(says);
    const withFile = startRecords(ports, { database: 'x.db', passwordFile: 'y', keep: {} });
    await expect(withFile).rejects.toThrow('--database-password-file is for a postgres:// database only');
  });
});
