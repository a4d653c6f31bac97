import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { openLogSpool } from '../../src/adapters/decision-log/log-spool.ts';
import { rawLines } from '../../src/adapters/decision-log/lines.ts';
import { sqliteRecords } from '../../src/adapters/sqlite/sqlite-records.ts';
import { deliver } from '../../src/records/deliver.ts';
import { parseRecord } from '../../src/records/parse-record.ts';
import { LogFolder } from '../adapters/decision-log/logs.ts';
import { value } from '../contracts/records.ts';
import { CountedMetrics } from './fakes.ts';

/** Two logs at a time, so that it does not take twice as long. */
const lanes = 2;
const killsPerLane = 25;
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Gives the uids that the process had been told were recorded. */
async function killOnce(folder: LogFolder, prefix: string): Promise<readonly string[]> {
  const program = new URL('killed-writer.ts', import.meta.url).pathname;
  const notes = join(folder.folder, `${prefix}.settled`);
  const args = [program, folder.file, join(folder.folder, 'records.db'), notes, prefix];
  const writer = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = once(writer, 'close');
  while (writer.exitCode === null && (statSync(notes, { throwIfNoEntry: false })?.size ?? 0) === 0) await sleep(5);
  await sleep(Math.random() * 100);
  writer.kill('SIGKILL');
  expect(await ended).toEqual([null, 'SIGKILL']);
  // The last note may be cut as well.
  return readFileSync(notes, 'utf8').split('\n').slice(0, -1);
}

async function uidsIn(folder: LogFolder): Promise<Map<string, number>> {
  const uids = new Map<string, number>();
  for (const file of await folder.files()) {
    for await (const { bytes, complete } of rawLines(file)) {
      const parsed = complete ? parseRecord(bytes) : undefined;
      if (parsed?.ok !== true) continue;
      const { uid } = parsed.value.record.decision;
      uids.set(uid, (uids.get(uid) ?? 0) + 1);
    }
  }
  return uids;
}

interface Lane {
  readonly settled: number;
  readonly torn: number;
  readonly logged: number;
}

async function killAgainAndAgain(folder: LogFolder, lane: number): Promise<Lane> {
  const settled: string[] = [];
  let torn = 0;
  for (let kill = 0; kill < killsPerLane; kill += 1) {
    const said = await killOnce(folder, `lane${lane}-kill${kill}`);
    expect(said.length).toBeGreaterThan(0);
    settled.push(...said);
    const uids = await uidsIn(folder);
    expect(settled.filter((uid) => uids.get(uid) !== 1)).toEqual([]);
    const verified = await folder.verify();
    // A line that was cut is the only thing that may be wrong, and it is the last one.
    const newest = (await folder.files()).at(-1) ?? '';
    const isTorn = statSync(newest).size > 0 && readFileSync(newest).at(-1) !== 10;
    const found = `${verified.verdict} ${verified.firstBroken?.file ?? ''} ${verified.firstBroken?.why ?? ''}`;
    expect(found).toMatch(isTorn ? `broken ${newest} its end is missing` : 'intact  ');
    if (isTorn) torn += 1;
  }
  return { settled: settled.length, torn, logged: (await uidsIn(folder)).size };
}

/** Everything that is in the log is in the store, once; gives how many. */
async function deliverTheRest(folder: LogFolder): Promise<number> {
  const store = sqliteRecords(join(folder.folder, 'records.db'));
  const metrics = new CountedMetrics();
  const spool = openLogSpool({ log: quiet, committed: () => undefined }, folder.file);
  const ports = { spool, records: store, clock: { now: () => new Date() }, log: quiet, metrics };
  const delivery = deliver(ports, { pollMs: 5, pauses: { firstMs: 5, longestMs: 50 } });
  await expect.poll(() => delivery.state().lastComplete, { timeout: 30_000 }).toBeDefined();
  await delivery.close(1_000);
  expect(metrics.losses).toEqual({});
  const uids = await uidsIn(folder);
  const positions = value(await store.positions());
  const stored = new Set<string>();
  for (const { writer, first, last, count } of positions) {
    expect({ first, count }).toEqual({ first: 1, count: last });
    for (let from = 1; from <= last; from += 500)
      for (const { decision } of value(await store.chain(writer, from, 500))) stored.add(decision.uid);
  }
  await store.close();
  expect([...uids.keys()].filter((uid) => !stored.has(uid))).toEqual([]);
  expect(positions.reduce((sum, { count }) => sum + count, 0)).toBe(uids.size);
  return stored.size;
}

describe('a process that is killed 50 times while it writes', () => {
  test('loses no decision that was settled, and each comes to the store once', { timeout: 180_000 }, async () => {
    const folders = await Promise.all(Array.from({ length: lanes }, () => LogFolder.make()));
    try {
      const ended = await Promise.all(folders.map(killAgainAndAgain));
      const began = performance.now();
      for (const [index, folder] of folders.entries()) {
        expect(await deliverTheRest(folder)).toBe(ended[index]?.logged);
        // The next process moves the rest of a line aside, and the log is whole.
        await folder.write(1);
        expect((await folder.verify()).verdict).toBe('intact');
      }
      process.stdout.write(
        `killed ${lanes * killsPerLane} times: ${JSON.stringify(ended)}, ${performance.now() - began} ms\n`,
      );
    } finally {
      await Promise.all(folders.map((folder) => folder.remove()));
    }
  });
});
