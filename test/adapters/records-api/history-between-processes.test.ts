/** The action history of another process of the product, taken over through its own API. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { recordsClient, type RecordsClient } from '../../../src/adapters/records-api/records-client.ts';
import { sqliteRecords } from '../../../src/adapters/sqlite/sqlite-records.ts';
import type { ActionHistory, ActionRecord } from '../../../src/ports/action-history.ts';
import { copyHistory } from '../../../src/records/history/copy-history.ts';
import type { RecordStore } from '../../../src/records/store.ts';
import { assessment, completed, manyActions } from '../../records/history/actions.ts';

const main = join(import.meta.dirname, '../../../src/main.ts');
let folder: string;
let ours: RecordStore;
let client: RecordsClient;
let other: ChildProcess | undefined;
let port: number;
const messages: string[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'history-processes-'));
  mkdirSync(join(folder, 'policies'));
  ours = sqliteRecords(':memory:');
  port = await freePort();
  client = recordsClient({ baseUrl: `http://127.0.0.1:${port}` });
  messages.length = 0;
});

afterEach(async () => {
  await end('SIGTERM');
  await client.close();
  await ours.close();
  rmSync(folder, { recursive: true });
});

/** `countersign records` over the SQLite file of the folder. */
async function begin(): Promise<void> {
  const settings = [
    `--policies=${join(folder, 'policies')}`,
    `--database=${join(folder, 'theirs.sqlite')}`,
    `--console-local=127.0.0.1:${port}`,
    '--console-listen=none',
    '--listen=127.0.0.1:0',
    `--certificates-folder=${join(folder, 'certificates')}`,
    `--ca-file=${join(folder, 'ca.pem')}`,
    '--drain-seconds=0',
    '--keep-actions-days=0',
  ];
  other = spawn(process.execPath, [main, 'records', ...settings], { stdio: 'ignore', cwd: folder });
  await expect.poll(async () => (await client.changes(0, 1)).ok, { timeout: 30_000 }).toBe(true);
}

async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const ending = other;
  other = undefined;
  if (ending === undefined || ending.exitCode !== null) return;
  const ended = new Promise((resolve) => ending.once('exit', resolve));
  ending.kill(signal);
  await ended;
}

async function writeTheirs(write: (history: ActionHistory) => Promise<unknown>): Promise<void> {
  const theirs = sqliteRecords(join(folder, 'theirs.sqlite'));
  await write(theirs.history);
  await theirs.close();
}

async function actionsOf(history: Pick<ActionHistory, 'list'>): Promise<readonly ActionRecord[]> {
  const found = await history.list({ limit: 1_000 });
  return found.ok ? found.value.actions : [];
}

function copying(): () => Promise<void> {
  const note = (_fields: unknown, message: string): void => void messages.push(message);
  const peer = { name: 'other', changes: (after: number, limit: number) => client.changes(after, limit) };
  const log = { info: note, warn: note, error: note };
  return copyHistory({ history: ours.history, log, peers: async () => [peer] }, 50);
}

test(
  'all of it comes over, also what was written while the other was killed and started again',
  { timeout: 90_000 },
  async () => {
    const many = manyActions(450);
    await writeTheirs((history) => history.record(many));
    await begin();
    const stop = copying();
    const count = async (): Promise<number> => (await actionsOf(ours.history)).length;
    await expect.poll(count, { timeout: 30_000 }).toBe(450);
    await end('SIGKILL');
    const later = completed({ workflowUid: 'later', workflowId: 'later' });
    await writeTheirs(async (history) => {
      await history.record([later]);
      await history.assess([assessment({ workflowUid: 'uid-0', score: 1 })]);
    });
    await begin();
    await expect.poll(count, { timeout: 30_000 }).toBe(451);
    const scored = async (): Promise<unknown> => {
      const found = await ours.history.effectiveness({});
      return found.ok ? found.value.reduce((sum, { assessments }) => sum + assessments, 0) : found;
    };
    await expect.poll(scored, { timeout: 30_000 }).toBe(1);
    await stop();
    expect(await actionsOf({ list: (query) => client.actions(query) })).toEqual(await actionsOf(ours.history));
    expect(messages).toContain('action history of another replica cannot be copied');
  },
);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  // Listening on TCP, so the address is not a path.
  const { port: free } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return free;
}
