import { appendFile, chmod, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decision, LogFolder } from './logs.ts';

let log: LogFolder;

beforeEach(async () => {
  log = await LogFolder.make();
});

afterEach(() => log.remove());

describe('a process that starts', () => {
  test('goes on where the one before it ended, with a chain of its own', async () => {
    await log.write(3);
    const before = await log.verify();
    await log.write(2, { writerId: 'pod-b' });
    expect(await log.verify()).toMatchObject({ verdict: 'intact', records: 5, head: { sequence: 2 } });
    expect((await log.records())[3]).toMatchObject({
      writer: { id: 'pod-b' },
      sequence: 1,
      log: { previous: before.head },
    });
  });

  test('of the same name is told apart by the time it started', async () => {
    for (let round = 0; round < 3; round += 1) await log.write(2);
    expect(await log.verify()).toMatchObject({ verdict: 'intact', records: 6 });
  });

  test('after a rotation finds the last record in the file before', async () => {
    await log.write(1);
    const { head } = await log.verify();
    const [line = ''] = await log.lines();
    await writeFile(`${log.file}.000001`, `${line}\n`);
    await writeFile(log.file, '');
    await log.write(1, { writerId: 'pod-b' });
    expect((await log.records())[1]).toMatchObject({ log: { previous: head } });
    expect(await log.verify()).toMatchObject({ verdict: 'intact', records: 2 });
  });

  test('makes the folder, and a file that not everybody may read', async () => {
    const file = join(log.folder, 'deeper', 'down', 'decisions.jsonl');
    const open = await log.open({ file });
    expect(await open.append(decision())).toMatchObject({ ok: true });
    expect((await readFile(file, 'utf8')).length).toBeGreaterThan(0);
  });
});

describe('a crash in the middle of a line', () => {
  test.each([
    { name: 'half a record', torn: '{"v":1,"time":"2026-03-01T12:00' },
    { name: 'one byte', torn: '{' },
    { name: 'bytes that are no text', torn: '\u0000\u0000\ufffd' },
  ])('that left $name is moved aside and told by the next record', async ({ torn }) => {
    await log.write(3);
    await appendFile(log.file, torn);
    expect((await log.verify()).verdict).toBe('broken');
    await log.write(2);
    const bytes = Buffer.byteLength(torn);
    expect(await log.verify()).toMatchObject({
      verdict: 'intact',
      records: 5,
      remarks: [{ file: log.file, line: 4, text: expect.stringContaining(`${bytes} bytes of an incomplete line`) }],
    });
    const [aside = ''] = (await readdir(log.folder)).filter((name) => name.includes('.torn-'));
    expect(await readFile(join(log.folder, aside), 'utf8')).toBe(torn);
  });

  test('in the very first line is moved aside, too', async () => {
    await writeFile(log.file, '{"v":1');
    await log.write(1);
    expect(await log.verify()).toMatchObject({ verdict: 'intact', records: 1 });
  });

  test('of a process that is killed while it writes loses no decision that was settled', async () => {
    const writer = spawn(process.execPath, [new URL('endless-writer.ts', import.meta.url).pathname, log.file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let settled = 0;
    writer.stdout.setEncoding('utf8').on('data', (text: string) => (settled = Number(text.trim().split('\n').at(-1))));
    await expect.poll(() => settled, { timeout: 15_000 }).toBeGreaterThan(2000);
    const ended = once(writer, 'close');
    writer.kill('SIGKILL');
    await ended;
    await log.write(1);
    const { verdict, records } = await log.verify();
    expect(verdict).toBe('intact');
    expect(records).toBeGreaterThan(settled);
  });
});

describe('a log whose end cannot be understood', () => {
  test('is continued; that it is broken shows when it is verified', async () => {
    await log.write(3);
    await appendFile(log.file, '{"not":"a record"}\n');
    await log.write(2);
    expect((await log.records())[4]).toHaveProperty('log.previousUnreadable');
    expect(await log.verify()).toMatchObject({ verdict: 'broken', firstBroken: { line: 4 } });
  });
});

describe('another program', () => {
  test('that writes into the file is noticed, and its line is found', async () => {
    const open = await log.open();
    await open.append(decision());
    await appendFile(log.file, 'hello\n');
    log.now += 2000;
    expect(await open.append(decision())).toMatchObject({ ok: true });
    expect(log.messages).toContain('decision log was removed or changed by another program');
    expect(await log.verify()).toMatchObject({ verdict: 'broken', firstBroken: { line: 2 }, records: 3 });
    // Its own chain goes on: it does not begin another one after the foreign line.
    expect((await log.lines())[2]).not.toContain('"log":');
  });

  test('that removes the file is noticed; decisions go into a new one, and what is missing is found', async () => {
    const open = await log.open();
    await open.append(decision());
    await rm(log.file);
    log.now += 2000;
    expect(await open.append(decision())).toMatchObject({ ok: true });
    expect(log.messages).toContain('decision log was removed or changed by another program');
    expect(await log.verify()).toMatchObject({ verdict: 'broken', records: 1, firstBroken: { line: 1 } });
  });

  test('that puts another file in its place is noticed; decisions go where the log should be', async () => {
    const open = await log.open();
    await open.append(decision());
    await rename(log.file, `${log.file}.elsewhere`);
    await writeFile(log.file, '');
    log.now += 2000;
    expect(await open.append(decision())).toMatchObject({ ok: true });
    expect(log.messages).toContain('decision log was removed or changed by another program');
    expect(await log.records()).toMatchObject([{ sequence: 2 }]);
  });

  test('of the same kind with the same file shows as a broken chain, and tears no line', async () => {
    const [one, two] = [await log.open({ writerId: 'pod-a' }), await log.open({ writerId: 'pod-b' })];
    for (let round = 0; round < 5; round += 1) {
      log.now += 2000;
      const settled = await Promise.all([one.append(decision()), two.append(decision())]);
      expect(settled).toMatchObject([{ ok: true }, { ok: true }]);
    }
    expect(await log.records()).toHaveLength(10);
    expect(await log.verify()).toMatchObject({ verdict: 'broken', records: 10 });
    expect(log.messages).toContain('decision log was removed or changed by another program');
  });

  test('that takes away the right to read the log is an outage, not an exception', async () => {
    await log.write(1);
    await chmod(log.file, 0o000);
    const open = await log.open();
    const appended = await open.append(decision());
    // The administrator may read everything.
    expect(appended.ok).toBe(process.getuid?.() === 0);
  });
});
