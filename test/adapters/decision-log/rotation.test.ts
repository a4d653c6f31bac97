import { rename as renameFile, stat, writeFile } from 'node:fs/promises';
import * as nodeDisk from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readDecisions } from '../../../src/adapters/decision-log/read-decisions.ts';
import { decision, LogFolder } from './logs.ts';

let log: LogFolder;

beforeEach(async () => {
  log = await LogFolder.make();
});

afterEach(() => log.remove());

describe('a log that is full', () => {
  test('goes on in a new file, and the chain runs through all of them', async () => {
    await log.write(60, { maxBytes: 5000 });
    const files = await log.files();
    expect(files.length).toBeGreaterThan(5);
    expect(await log.verify()).toMatchObject({ verdict: 'intact', records: 60, head: { sequence: 60 } });
    const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
    expect(sizes.filter((size) => size > 5000)).toEqual([]);
    for (const [index, file] of files.entries()) {
      const [first = ''] = await log.lines(file);
      expect(first.includes('"rotatedFrom"')).toBe(index > 0);
    }
  });

  test('holds a batch that is larger than a file', async () => {
    const open = await log.open({ maxBytes: 5000 });
    await Promise.all(Array.from({ length: 300 }, () => open.append(decision())));
    await open.append(decision());
    expect(await log.verify()).toMatchObject({ verdict: 'intact', records: 301 });
    expect(await log.files()).toHaveLength(2);
  });

  test('goes on after restarts, also in the numbers of the files', async () => {
    for (let round = 0; round < 4; round += 1) await log.write(15, { maxBytes: 5000, writerId: `pod-${round}` });
    expect(await log.verify()).toMatchObject({ verdict: 'intact', records: 60 });
    const names = (await log.files()).slice(0, -1).map((file) => Number(file.slice(-6)));
    expect(names).toEqual(names.map((_, index) => index + 1));
  });

  test('is read in the order it was written', async () => {
    await log.write(60, { maxBytes: 5000 });
    const uids: unknown[] = [];
    for await (const found of readDecisions(await log.files(), {})) {
      uids.push(found.kind === 'decision' ? found.record['uid'] : found);
    }
    expect(uids).toEqual(Array.from({ length: 60 }, (_, index) => `u-${index + 1}`));
  });

  test('has its files in the order of their numbers, and no others', async () => {
    await log.write(1);
    const numbers = ['1000000', '000002', '999999', '000010'];
    for (const end of [...numbers, 'torn-2026', 'probe', '12', 'old.000001']) await writeFile(`${log.file}.${end}`, '');
    const files = await log.files();
    expect(files.map((file) => file.slice(log.file.length))).toEqual(['.000002', '.000010', '.999999', '.1000000', '']);
  });

  test('that cannot be moved is written on, and tried again a minute later', async () => {
    let isBroken = true;
    const rename = async (from: string, to: string): Promise<void> => {
      if (isBroken) throw new Error('EPERM');
      await renameFile(from, to);
    };
    // Only calls with two paths come in here.
    const disk = { ...nodeDisk, rename: rename as typeof nodeDisk.rename };
    const open = await log.open({ maxBytes: 2000, disk });
    const append = async (): Promise<void> => {
      for (let count = 0; count < 10; count += 1) expect(await open.append(decision())).toMatchObject({ ok: true });
    };
    await append();
    expect(await log.files()).toHaveLength(1);
    expect(log.messages.filter((message) => message === 'decision log cannot be rotated')).toHaveLength(1);
    isBroken = false;
    log.now += 61_000;
    await append();
    expect((await log.files()).length).toBeGreaterThan(1);
    expect(await log.verify()).toMatchObject({ verdict: 'intact', records: 20 });
  });
});

describe('more files than are kept', () => {
  test('are removed, oldest first, and a record says so: the rest is intact', async () => {
    await log.write(100, { maxBytes: 5000, maxFiles: 3 });
    expect(await log.files()).toHaveLength(4);
    const { verdict, records } = await log.verify();
    expect(verdict).toBe('intact');
    expect(records).toBeLessThan(50);
    expect((await log.files())[0]).not.toMatch(/000001$/);
  });

  test('are removed across restarts of several writers', async () => {
    for (let round = 0; round < 6; round += 1) {
      await log.write(20, { maxBytes: 5000, maxFiles: 2, writerId: `pod-${round % 2}` });
      expect((await log.verify()).verdict).toBe('intact');
    }
    expect(await log.files()).toHaveLength(3);
  });

  test('that cannot be removed are said so, and decisions are still written', async () => {
    const rm = (): Promise<void> => Promise.reject(new Error('EPERM'));
    await log.write(60, { maxBytes: 5000, maxFiles: 1, disk: { ...nodeDisk, rm } });
    expect(log.messages).toContain('rotated decision log cannot be removed');
    expect(await log.verify()).toMatchObject({ verdict: 'intact', records: 60 });
  });
});
