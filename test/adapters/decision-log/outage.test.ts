import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, statfsSync } from 'node:fs';
import * as nodeDisk from 'node:fs/promises';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { decision, LogFolder } from './logs.ts';

let log: LogFolder;

beforeEach(async () => {
  log = await LogFolder.make();
});

afterEach(async () => {
  vi.useRealTimers();
  await log.remove();
});

const unavailable = { ok: false, failure: { code: 'DECISION_LOG_UNAVAILABLE', retryAfterSeconds: 10 } };

/** A disk on which writing fails while `isFull`, after some bytes. */
function fillableDisk(): { disk: typeof nodeDisk; state: { isFull: boolean; cutsBack: boolean } } {
  const state = { isFull: false, cutsBack: true };
  const full = (): Error => Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  const open = async (...args: Parameters<typeof nodeDisk.open>): Promise<nodeDisk.FileHandle> => {
    const handle = await nodeDisk.open(...args);
    return new Proxy(handle, {
      get: (target, name) => {
        if (name === 'write' && state.isFull) {
          return async (bytes: Buffer, at: number) => {
            await target.write(bytes, at, 7);
            throw full();
          };
        }
        if (name === 'truncate' && !state.cutsBack) return () => Promise.reject(new Error('EIO: i/o error'));
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  };
  const writeFileIfRoom: typeof nodeDisk.writeFile = async (...args) => {
    if (state.isFull) throw full();
    await nodeDisk.writeFile(...args);
  };
  return { disk: { ...nodeDisk, open, writeFile: writeFileIfRoom }, state };
}

describe('a disk that is full', () => {
  test('is a failure of the append and a problem of readiness, and is logged once', async () => {
    const { disk, state } = fillableDisk();
    const open = await log.open({ disk });
    expect(open.problem()).toBeUndefined();
    state.isFull = true;
    for (let count = 0; count < 3; count += 1) expect(await open.append(decision())).toMatchObject(unavailable);
    expect(open.problem()).toContain('no space left on device');
    expect(log.messages).toEqual(['decision log cannot be written']);
  });

  test('leaves no half line, and once there is room the log tells how many decisions were lost', async () => {
    const { disk, state } = fillableDisk();
    const open = await log.open({ disk });
    await open.append(decision());
    state.isFull = true;
    for (let count = 0; count < 3; count += 1) await open.append(decision());
    expect(await log.verify()).toMatchObject({ verdict: 'intact', records: 1 });
    state.isFull = false;
    expect(await open.append(decision())).toMatchObject({ ok: true });
    expect(open.problem()).toBeUndefined();
    expect(await log.verify()).toMatchObject({
      verdict: 'intact',
      records: 2,
      head: { sequence: 2 },
      remarks: [{ line: 2, text: expect.stringContaining('3 decisions since') }],
    });
    expect(log.messages).toContain('decision log is written again');
  });

  test('on which the half line cannot be removed at once is cut before the next record', async () => {
    const { disk, state } = fillableDisk();
    const open = await log.open({ disk });
    await open.append(decision());
    Object.assign(state, { isFull: true, cutsBack: false });
    expect(await open.append(decision())).toMatchObject(unavailable);
    expect(await open.append(decision())).toMatchObject(unavailable);
    Object.assign(state, { isFull: false, cutsBack: true });
    expect(await open.append(decision())).toMatchObject({ ok: true });
    expect(await log.verify()).toMatchObject({ verdict: 'intact', records: 2 });
  });

  test('is asked again every few seconds, without a decision', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { disk, state } = fillableDisk();
    const open = await log.open({ disk });
    state.isFull = true;
    await open.append(decision());
    const fiveSecondsLater = async (): Promise<string | undefined> => {
      await vi.advanceTimersByTimeAsync(5000);
      await sleep(50);
      return open.problem();
    };
    expect(await fiveSecondsLater()).toContain('no space left');
    state.isFull = false;
    await expect.poll(fiveSecondsLater).toBeUndefined();
    // What was lost meanwhile is still to be told.
    await open.append(decision());
    expect((await log.verify()).remarks).toHaveLength(1);
  });

  test('that is being asked when the log is closed does not lose what was decided meanwhile', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { disk, state } = fillableDisk();
    const asked = Promise.withResolvers<undefined>();
    const room = Promise.withResolvers<undefined>();
    const writeFileSlowly: typeof nodeDisk.writeFile = async () => {
      if (!state.isFull) return;
      asked.resolve(undefined);
      await room.promise;
    };
    const open = await log.open({ disk: { ...disk, writeFile: writeFileSlowly } });
    state.isFull = true;
    await open.append(decision());
    await vi.advanceTimersByTimeAsync(5000);
    await asked.promise;
    state.isFull = false;
    let isSettled = false;
    const appended = open.append(decision()).finally(() => (isSettled = true));
    const closed = open.close();
    room.resolve(undefined);
    await closed;
    expect(isSettled).toBe(true);
    expect(await appended).toMatchObject({ ok: true });
  });

  test('fails what waits together, and all of it', async () => {
    const { disk, state } = fillableDisk();
    const open = await log.open({ disk });
    state.isFull = true;
    const results = await Promise.all(Array.from({ length: 50 }, () => open.append(decision())));
    expect(results.filter(({ ok }) => ok)).toEqual([]);
    expect(await log.lines()).toEqual([]);
    state.isFull = false;
    await open.append(decision());
    expect((await log.verify()).remarks).toMatchObject([{ text: expect.stringContaining('50 decisions') }]);
  });
});

describe('a place that cannot be written', () => {
  test.each([
    { name: 'a file in the place of the folder', file: (folder: string) => join(folder, 'a-file', 'decisions.jsonl') },
    { name: 'a folder in the place of the file', file: (folder: string) => join(folder, 'a-folder') },
    { name: 'a device', file: () => '/dev/full' },
    { name: 'a folder of the kernel', file: () => '/proc/decisions.jsonl' },
  ])('($name) is a problem from the start, and a failure of every append', async ({ file }) => {
    await writeFile(join(log.folder, 'a-file'), '');
    await mkdir(join(log.folder, 'a-folder'));
    const open = await log.open({ file: file(log.folder) });
    expect(open.problem()).toBeDefined();
    expect(await open.append(decision())).toMatchObject(unavailable);
  });

  test('at the start may be mended while the process runs', async () => {
    const file = join(log.folder, 'a-file', 'decisions.jsonl');
    await writeFile(join(log.folder, 'a-file'), '');
    const open = await log.open({ file });
    await open.append(decision());
    await rm(join(log.folder, 'a-file'));
    expect(await open.append(decision())).toMatchObject({ ok: true });
    expect(open.problem()).toBeUndefined();
    expect(await log.lines(file)).toHaveLength(1);
  });
});

/** Where mounting is not allowed, the disks above have to do. */
function mayMount(): boolean {
  const place = mkdtempSync(join(tmpdir(), 'decision-log-mount-'));
  try {
    execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', place], { stdio: 'ignore' });
    execFileSync('/bin/umount', [place], { stdio: 'ignore' });
    return true;
  } catch {
    process.stderr.write('SKIPPED: decision log on real file systems that are full or read-only: needs to mount\n');
    return false;
  } finally {
    rmdirSync(place);
  }
}

describe.runIf(mayMount())('a real file system', () => {
  let place: string;

  beforeEach(async () => {
    place = join(log.folder, 'mounted');
    await mkdir(place);
    execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', place]);
  });

  afterEach(() => {
    execFileSync('/bin/umount', ['-l', place]);
  });

  test('that is full refuses decisions, keeps the chain, and goes on when there is room', async () => {
    const file = join(place, 'decisions.jsonl');
    const open = await log.open({ file });
    await writeFile(join(place, 'ballast'), Buffer.alloc(40 * 1024));
    let written = 0;
    while ((await open.append(decision())).ok) written += 1;
    expect(written).toBeGreaterThan(5);
    expect(statfsSync(place).bfree).toBeLessThan(2);
    expect(open.problem()).toContain('ENOSPC');
    expect(await log.lines(file)).toHaveLength(written);
    await rm(join(place, 'ballast'));
    expect(await open.append(decision())).toMatchObject({ ok: true });
    expect(open.problem()).toBeUndefined();
    expect(await log.lines(file)).toHaveLength(written + 1);
    await open.close();
  });

  test('that is read-only is a problem, and is over when it is not any more', async () => {
    execFileSync('/bin/mount', ['-o', 'remount,ro', place]);
    const open = await log.open({ file: join(place, 'decisions.jsonl') });
    expect(open.problem()).toContain('EROFS');
    expect(await open.append(decision())).toMatchObject(unavailable);
    execFileSync('/bin/mount', ['-o', 'remount,rw', place]);
    expect(await open.append(decision())).toMatchObject({ ok: true });
    await open.close();
  });
});
