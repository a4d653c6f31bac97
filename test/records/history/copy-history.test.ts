import { afterEach, beforeEach, expect, test } from 'vitest';
import { sqliteRecords } from '../../../src/adapters/sqlite/sqlite-records.ts';
import { failure } from '../../../src/kernel/failure.ts';
import { fail, ok } from '../../../src/kernel/result.ts';
import {
  copyHistory,
  copyHistoryFrom,
  type Copied,
  type HistoryPeer,
} from '../../../src/records/history/copy-history.ts';
import type { RecordStore } from '../../../src/records/store.ts';
import { value } from '../../contracts/records.ts';
import { assessment, completed, executing, manyActions } from './actions.ts';

let one: RecordStore;
let other: RecordStore;

beforeEach(() => {
  one = sqliteRecords(':memory:');
  other = sqliteRecords(':memory:');
});
afterEach(async () => {
  await Promise.all([one.close(), other.close()]);
});

function peer({ history }: RecordStore, name = 'peer'): HistoryPeer {
  return { name, changes: (after, limit) => history.changes(after, limit) };
}

async function all({ history }: RecordStore): Promise<readonly object[]> {
  return value(await history.list({ limit: 1_000 })).actions;
}

async function lastChange({ history }: RecordStore): Promise<number | undefined> {
  return value(await history.changes(0, 1_000)).changes.at(-1)?.change;
}

test('two replicas end with the same, and nothing goes back and forth', async () => {
  await one.history.record([...manyActions(700), executing({ workflowUid: 'both' })]);
  await one.history.assess([assessment()]);
  await other.history.record([completed({ workflowUid: 'both' }), completed({ workflowUid: 'theirs' })]);
  const [toOne, toOther] = [new Map<string, Copied>(), new Map<string, Copied>()];
  for (let round = 0; round < 3; round += 1) {
    expect(await copyHistoryFrom(one.history, peer(other), toOne)).toBeUndefined();
    expect(await copyHistoryFrom(other.history, peer(one), toOther)).toBeUndefined();
  }
  expect(await all(one)).toEqual(await all(other));
  expect(await all(one)).toHaveLength(702);
  expect(value(await one.history.find('both', 'scale'))?.status).toBe('completed');
  expect(value(await other.history.effectiveness({}))).toEqual(value(await one.history.effectiveness({})));
  const before = [await lastChange(one), await lastChange(other)];
  await copyHistoryFrom(one.history, peer(other), toOne);
  await copyHistoryFrom(other.history, peer(one), toOther);
  expect([await lastChange(one), await lastChange(other)]).toEqual(before);
});

test('a replica that comes back with an empty store is asked from its beginning', async () => {
  const copied = new Map<string, Copied>();
  await one.history.record(manyActions(10));
  await copyHistoryFrom(other.history, peer(one), copied);
  const fresh = sqliteRecords(':memory:');
  await fresh.history.record([completed({ workflowUid: 'after' })]);
  expect(await copyHistoryFrom(other.history, peer(fresh), copied)).toBeUndefined();
  expect(value(await other.history.find('after', 'scale'))).toEqual(completed({ workflowUid: 'after' }));
  await fresh.close();
});

test('what comes later is taken over as well, and a problem is told once', async () => {
  const messages: string[] = [];
  const log = {
    info: () => undefined,
    warn: (_: unknown, message: string) => void messages.push(message),
    error: () => undefined,
  };
  let isAway = true;
  const away = fail(failure('RECORDS_UNAVAILABLE', 'gone', 5));
  const shaky: HistoryPeer = {
    name: 'peer',
    changes: async (after, limit) => (isAway ? away : one.history.changes(after, limit)),
  };
  const stop = copyHistory({ history: other.history, log, peers: async () => [shaky] }, 5);
  await one.history.record([executing()]);
  await expect.poll(() => messages.length).toBe(1);
  isAway = false;
  await expect.poll(async () => value(await other.history.find('uid-1', 'scale'))?.status).toBe('executing');
  await one.history.record([completed()]);
  await expect.poll(async () => value(await other.history.find('uid-1', 'scale'))?.status).toBe('completed');
  await stop();
  expect(messages).toEqual(['action history of another replica cannot be copied']);
});

test('a replica that repeats itself without end is not followed', async () => {
  let calls = 0;
  const endless: HistoryPeer = {
    name: 'endless',
    changes: async () => {
      calls += 1;
      return ok({ store: 'x', changes: [{ change: 1, kind: 'action', action: executing() }] });
    },
  };
  expect(await copyHistoryFrom(other.history, endless, new Map())).toContain(
    'other changes than those it was asked for',
  );
  expect(calls).toBe(2);
});
