import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { outboxFiles } from '../../../src/adapters/action-outbox/files.ts';
import { postgresRecords } from '../../../src/adapters/postgres/postgres-records.ts';
import { startOutbox, usualOutboxSettings } from '../../../src/records/history/outbox.ts';
import type { RecordStore } from '../../../src/records/store.ts';
import { hasPostgres, startPostgres, type PostgresServer } from '../../adapters/postgres/server.ts';
import { value } from '../../contracts/records.ts';
import { completed, executing, failed } from './actions.ts';

const workflows = 200;
const steps = ['a', 'b', 'c'];

describe.skipIf(!hasPostgres())('PostgreSQL that is killed and started again while 200 workflows run', () => {
  let server: PostgresServer;
  let folder: string;
  let store: RecordStore;

  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.remove());
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'outbox-'));
    store = postgresRecords({ url: server.url });
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  test('has exactly one complete record of every action', { timeout: 90_000 }, async () => {
    const messages: string[] = [];
    const note = (_fields: unknown, message: string): void => void messages.push(message);
    const ports = { folder: outboxFiles(folder), history: store.history, log: { info: note, warn: note, error: note } };
    const outbox = startOutbox(ports, { ...usualOutboxSettings, pauses: { firstMs: 50, longestMs: 500 } });
    let mostWaiting = 0;

    const load = (async () => {
      const began = performance.now();
      for (let number = 0; number < workflows; number += 1) {
        await sleep(Math.max(0, began + number * 40 - performance.now()));
        const workflowUid = `uid-${number}`;
        for (const step of steps) {
          value(await outbox.keep([executing({ workflowUid, step })]));
          const end = number % 7 === 0 ? failed : completed;
          value(await outbox.keep([end({ workflowUid, step })]));
        }
        mostWaiting = Math.max(mostWaiting, outbox.state().waiting);
      }
    })();
    for (let kill = 0; kill < 2; kill += 1) {
      await sleep(1_500);
      await server.kill();
      await sleep(1_000);
      await server.start();
    }
    await load;
    await outbox.close(30_000);

    expect(mostWaiting).toBeGreaterThan(5);
    expect(messages).toContain('action records cannot be stored; they wait in the outbox');
    expect(outbox.state()).toEqual({ waiting: 0, bytes: 0 });
    expect(readdirSync(folder)).toEqual([]);
    const { actions } = value(await store.history.list({ limit: 1_000 }));
    expect(actions).toHaveLength(workflows * steps.length);
    for (let number = 0; number < workflows; number += 1) {
      for (const step of steps) {
        const end = number % 7 === 0 ? failed : completed;
        const workflowUid = `uid-${number}`;
        const found = actions.filter((action) => action.workflowUid === workflowUid && action.step === step);
        expect(found).toEqual([end({ workflowUid, step })]);
      }
    }
  });
});
