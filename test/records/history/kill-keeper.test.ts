import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { outboxFiles } from '../../../src/adapters/action-outbox/files.ts';
import { sqliteRecords } from '../../../src/adapters/sqlite/sqlite-records.ts';
import { startOutbox } from '../../../src/records/history/outbox.ts';
import { value } from '../../contracts/records.ts';
import { completed, executing } from './actions.ts';

const kills = 15;
const messages: string[] = [];
const note = (_fields: unknown, message: string): void => void messages.push(message);
const log = { info: note, warn: note, error: note };

async function killOnce(folder: string, prefix: string): Promise<readonly string[]> {
  const program = new URL('killed-keeper.ts', import.meta.url).pathname;
  const notes = join(folder, `${prefix}.kept`);
  const args = [program, join(folder, 'outbox'), join(folder, 'records.db'), notes, prefix];
  const keeper = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = once(keeper, 'close');
  while (keeper.exitCode === null && (statSync(notes, { throwIfNoEntry: false })?.size ?? 0) === 0) await sleep(5);
  await sleep(Math.random() * 150);
  keeper.kill('SIGKILL');
  expect(await ended).toEqual([null, 'SIGKILL']);
  // The last note may be cut.
  return readFileSync(notes, 'utf8').split('\n').slice(0, -1);
}

test(`a process that is killed ${kills} times loses no record that was kept`, { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'killed-'));
  mkdirSync(join(folder, 'outbox'));
  const kept = new Map<string, string>();
  for (let kill = 0; kill < kills; kill += 1) {
    for (const line of await killOnce(folder, `kill${kill}`)) {
      const [uid = '', step = '', status = ''] = line.split(' ');
      kept.set(`${uid} ${step}`, status);
    }
  }
  const store = sqliteRecords(join(folder, 'records.db'));
  const outbox = startOutbox({ folder: outboxFiles(join(folder, 'outbox')), history: store.history, log });
  await outbox.close(30_000);
  expect(outbox.state()).toEqual({ waiting: 0, bytes: 0 });
  expect(readdirSync(join(folder, 'outbox')).filter((name) => name.endsWith('.json'))).toEqual([]);
  expect(messages).toEqual([]);
  expect(kept.size).toBeGreaterThan(kills * 3);
  for (const [place, status] of kept) {
    const [workflowUid = '', step = ''] = place.split(' ');
    const found = value(await store.history.find(workflowUid, step));
    // The last record of a process may be on the disk without having been noted.
    const wanted = status === 'completed' ? [completed] : [executing, completed];
    expect(wanted.map((make) => make({ workflowUid, step }))).toContainEqual(found);
  }
  await store.close();
  rmSync(folder, { recursive: true });
});
