import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLogSpool } from '../../src/adapters/decision-log/log-spool.ts';
import { postgresRecords } from '../../src/adapters/postgres/postgres-records.ts';
import { deliver } from '../../src/records/deliver.ts';
import { LogFolder } from '../adapters/decision-log/logs.ts';
import { hasPostgres, startPostgres, type PostgresServer } from '../adapters/postgres/server.ts';
import { value } from '../contracts/records.ts';
import { decision } from './chains.ts';
import { CountedMetrics } from './fakes.ts';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const perSecond = 200;
const seconds = 8;

describe.skipIf(!hasPostgres())('PostgreSQL that is killed and started again while decisions come', () => {
  let server: PostgresServer;
  let folder: LogFolder;

  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.remove());
  beforeEach(async () => {
    folder = await LogFolder.make();
  });
  afterEach(() => folder.remove());

  test('has every decision once', { timeout: 90_000 }, async () => {
    const log = await folder.open({ maxBytes: 100_000 });
    const store = postgresRecords({ url: server.url });
    const metrics = new CountedMetrics();
    const spool = openLogSpool({ log: quiet, committed: () => log.committed() }, folder.file);
    const ports = { spool, records: store, clock: { now: () => new Date() }, log: quiet, metrics };
    const delivery = deliver(ports, { pollMs: 10, pauses: { firstMs: 20, longestMs: 200 } });

    const uids: string[] = [];
    let slowestMs = 0;
    const load = (async () => {
      const began = performance.now();
      for (let number = 0; number < perSecond * seconds; number += 1) {
        await sleep(Math.max(0, began + (number * 1_000) / perSecond - performance.now()));
        const asked = performance.now();
        const appended = await log.append(decision({ uid: `u-${number}`, time: new Date().toISOString() }));
        slowestMs = Math.max(slowestMs, performance.now() - asked);
        if (appended.ok) uids.push(`u-${number}`);
      }
    })();
    for (let kill = 0; kill < 3; kill += 1) {
      await sleep(1_000);
      await expect.poll(() => metrics.count, { timeout: 10_000 }).toBeGreaterThan(0);
      await server.kill();
      await sleep(500);
      await server.start();
    }
    await load;
    await log.close();
    await delivery.close(30_000);

    expect(metrics.failures).toBeGreaterThan(0);
    expect(uids).toHaveLength(perSecond * seconds);
    const [position, ...others] = value(await store.positions());
    expect(others).toEqual([]);
    expect(position).toMatchObject({ first: 1, last: uids.length, count: uids.length });
    const stored: string[] = [];
    for (let from = 1; position !== undefined && from <= uids.length; from += 500)
      stored.push(...value(await store.chain(position.writer, from, 500)).map((record) => record.decision.uid));
    await store.close();
    expect(stored).toEqual(uids);
    expect(metrics.losses).toEqual({});
    process.stdout.write(
      `${uids.length} decisions, ${metrics.failures} failed tries, slowest append ${slowestMs} ms\n`,
    );
  });
});
