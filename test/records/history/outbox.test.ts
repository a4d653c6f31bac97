import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { outboxFiles } from '../../../src/adapters/action-outbox/files.ts';
import { failure } from '../../../src/kernel/failure.ts';
import { fail, ok, type Result } from '../../../src/kernel/result.ts';
import type { ActionRecord } from '../../../src/ports/action-history.ts';
import { mergeAll } from '../../../src/records/history/merge.ts';
import { startOutbox, type RunningOutbox } from '../../../src/records/history/outbox.ts';
import type { OutboxFolder } from '../../../src/records/history/outbox-folder.ts';
import { at, completed, executing } from './actions.ts';

let folder: string;
let messages: string[];
let running: RunningOutbox[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'outbox-'));
  [messages, running] = [[], []];
});
afterEach(async () => {
  await Promise.all(running.map((one) => one.close(0)));
  rmSync(folder, { recursive: true });
});

class FakeHistory {
  stored: ActionRecord[] = [];
  calls = 0;
  isAway = false;
  refuses: ((action: ActionRecord) => boolean) | undefined;

  async record(actions: readonly ActionRecord[]): Promise<Result<void>> {
    this.calls += 1;
    if (this.isAway || actions.some((action) => this.refuses?.(action) === true))
      return fail(failure('RECORDS_UNAVAILABLE', 'it is away', 5));
    this.stored = [...mergeAll([...this.stored, ...actions]).values()];
    return ok(undefined);
  }
}

const note = ({ reason }: Readonly<Record<string, unknown>>, message: string): void =>
  void messages.push(`${message}: ${typeof reason === 'string' ? reason : ''}`);
const log = { info: note, warn: note, error: note };
const settings = { pauses: { firstMs: 5, longestMs: 20 }, mostBytes: 1024 * 1024 };

function open(
  history: FakeHistory,
  change: { readonly mostBytes?: number; readonly files?: OutboxFolder } = {},
): RunningOutbox {
  const { files = outboxFiles(folder), ...more } = change;
  const outbox = startOutbox({ folder: files, history, log }, { ...settings, ...more });
  running.push(outbox);
  return outbox;
}

function files(): readonly string[] {
  return readdirSync(folder);
}

describe('what is kept', () => {
  test('is stored, and leaves nothing behind', async () => {
    const history = new FakeHistory();
    const outbox = open(history);
    const told: string[] = [];
    outbox.onStored((uid) => {
      told.push(uid);
      expect(outbox.isStored(uid)).toBe(true);
    });
    expect(await outbox.keep([executing(), completed({ step: 'b' })])).toEqual(ok(undefined));
    await expect.poll(() => outbox.isStored('uid-1')).toBe(true);
    expect(history.stored).toEqual([executing(), completed({ step: 'b' })]);
    expect(files()).toEqual([]);
    expect(told).toEqual(['uid-1']);
    expect(messages).toEqual([]);
  });

  test('waits on the disk while the history is away, merged, and is stored when it is back', async () => {
    const history = new FakeHistory();
    history.isAway = true;
    const outbox = open(history);
    await outbox.keep([executing()]);
    await outbox.keep([completed(), executing({ workflowUid: 'uid-2' })]);
    expect(outbox.isStored('uid-1')).toBe(false);
    expect(files()).toHaveLength(2);
    await expect.poll(() => history.calls).toBeGreaterThan(3);
    expect(outbox.state()).toMatchObject({ waiting: 2, problem: 'it is away' });
    expect(messages).toEqual(['action records cannot be stored; they wait in the outbox: it is away']);
    history.isAway = false;
    await expect.poll(() => outbox.state()).toEqual({ waiting: 0, bytes: 0 });
    expect(history.stored).toHaveLength(2);
    expect(history.stored).toContainEqual(completed());
    expect(messages.at(-1)).toContain('stored again');
  });

  test('is stored by the next process', async () => {
    const away = new FakeHistory();
    away.isAway = true;
    const first = open(away);
    await first.keep([executing(), completed({ step: 'b', inputs: { text: '\u2028 "x" \0' } })]);
    await first.close(0);
    const history = new FakeHistory();
    const second = open(history);
    expect(second.isStored('uid-1')).toBe(false);
    await expect.poll(() => second.isStored('uid-1')).toBe(true);
    expect(history.stored).toEqual([executing(), completed({ step: 'b', inputs: { text: '\u2028 "x" \0' } })]);
    expect(files()).toEqual([]);
  });

  test('while it is being stored is stored as well', async () => {
    const history = new FakeHistory();
    const record = history.record.bind(history);
    const { promise, resolve } = Promise.withResolvers<void>();
    history.record = async (actions) => {
      await promise;
      return record(actions);
    };
    const outbox = open(history);
    await outbox.keep([executing()]);
    await outbox.keep([completed()]);
    resolve();
    await expect.poll(() => outbox.isStored('uid-1')).toBe(true);
    expect(history.stored).toEqual([completed()]);
  });

  test('and cannot be stored holds up no others', async () => {
    const history = new FakeHistory();
    history.refuses = ({ workflowUid }) => workflowUid === 'uid-0';
    const outbox = open(history);
    for (let index = 0; index < 5; index += 1) await outbox.keep([executing({ workflowUid: `uid-${index}` })]);
    await expect.poll(() => outbox.state().waiting).toBe(1);
    expect(outbox.isStored('uid-0')).toBe(false);
    expect(outbox.isStored('uid-4')).toBe(true);
  });

  test('from many sides at once is complete', async () => {
    const history = new FakeHistory();
    const outbox = open(history);
    const all = Array.from({ length: 40 }, (_, index) =>
      completed({ workflowUid: `uid-${index % 4}`, step: `s${index}` }),
    );
    await Promise.all(all.map((action) => outbox.keep([action])));
    await expect.poll(() => outbox.state().waiting).toBe(0);
    expect(history.stored).toHaveLength(40);
  });
});

describe('a disk that says no', () => {
  test('is a failure and told once, and nothing is thrown', async () => {
    const broken: OutboxFolder = {
      ...outboxFiles(folder),
      write: () => Promise.reject(new Error('ENOSPC: no space left on device')),
    };
    const outbox = open(new FakeHistory(), { files: broken });
    for (const _ of [1, 2])
      expect(await outbox.keep([executing()])).toMatchObject({
        ok: false,
        failure: { message: 'The record cannot be kept: ENOSPC: no space left on device.' },
      });
    expect(messages).toEqual(['action records cannot be kept: ENOSPC: no space left on device']);
    expect(outbox.state().problem).toContain('ENOSPC');
  });

  test('at the start is tried again', async () => {
    let isBroken = true;
    const good = outboxFiles(folder);
    const files: OutboxFolder = { ...good, read: () => (isBroken ? Promise.reject(new Error('EIO')) : good.read()) };
    const history = new FakeHistory();
    const outbox = open(history, { files });
    expect(await outbox.keep([executing()])).toMatchObject({ ok: false });
    isBroken = false;
    expect(await outbox.keep([executing()])).toEqual(ok(undefined));
    await expect.poll(() => outbox.isStored('uid-1')).toBe(true);
  });
});

test('more than the limit is refused, and what is there stays', async () => {
  const history = new FakeHistory();
  history.isAway = true;
  const outbox = open(history, { mostBytes: 3_000 });
  expect(await outbox.keep([executing()])).toEqual(ok(undefined));
  const large = executing({ workflowUid: 'large', inputs: { text: 'x'.repeat(3_000) } });
  expect(await outbox.keep([large])).toMatchObject({
    ok: false,
    failure: { code: 'RECORDS_UNAVAILABLE', message: 'The record cannot be kept: too much waits for the history.' },
  });
  expect(await outbox.keep([completed()])).toEqual(ok(undefined));
  history.isAway = false;
  await expect.poll(() => outbox.state().waiting).toBe(0);
  expect(history.stored).toEqual([completed()]);
});

test('a file that makes no sense is set aside and told', async () => {
  writeFileSync(join(folder, 'bad.json'), '[{"workflow_uid":"x"');
  const history = new FakeHistory();
  const outbox = open(history);
  await outbox.keep([executing()]);
  await expect.poll(() => outbox.isStored('uid-1')).toBe(true);
  expect(files()).toEqual(['bad.json.unreadable']);
  expect(messages).toEqual(['waiting action records cannot be read: ']);
});

test('texts that are too long are cut, and what is no time is refused', async () => {
  const history = new FakeHistory();
  const outbox = open(history);
  expect(await outbox.keep([completed({ failureMessage: 'x'.repeat(100_000) })])).toEqual(ok(undefined));
  expect(await outbox.keep([completed({ executedAt: 'yesterday' })])).toMatchObject({
    ok: false,
    failure: { message: expect.stringContaining('executed_at: it is not a time') },
  });
  await expect.poll(() => outbox.isStored('uid-1')).toBe(true);
  expect(history.stored[0]?.failureMessage).toHaveLength(65_536);
});

test('closing stores what is there', async () => {
  const history = new FakeHistory();
  const outbox = open(history);
  await outbox.keep([completed({ executedAt: at(1) })]);
  await outbox.close(5_000);
  expect(history.stored).toHaveLength(1);
});
