import { appendFile, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLogSpool } from '../../src/adapters/decision-log/log-spool.ts';
import type { OpenDecisionLog } from '../../src/adapters/decision-log/open-decision-log.ts';
import { deliver, type Delivery } from '../../src/records/deliver.ts';
import { decision, LogFolder } from '../adapters/decision-log/logs.ts';
import { CountedMetrics, FakeStore } from './fakes.ts';

let folder: LogFolder;
let store: FakeStore;
let metrics: CountedMetrics;
let delivery: Delivery | undefined;

beforeEach(async () => {
  folder = await LogFolder.make();
  store = new FakeStore();
  metrics = new CountedMetrics();
});

afterEach(async () => {
  await delivery?.close(0);
  await folder.remove();
});

function start(open?: OpenDecisionLog): Delivery {
  const note = (_fields: unknown, message: string): void => void folder.messages.push(message);
  const log = { info: note, warn: note, error: note };
  const spool = openLogSpool({ log, committed: () => open?.committed() }, folder.file);
  delivery = deliver(
    { spool, records: store, clock: { now: () => new Date() }, log, metrics },
    { pollMs: 5, pauses: { firstMs: 1, longestMs: 20 } },
  );
  return delivery;
}

async function append(open: OpenDecisionLog, count: number): Promise<void> {
  const appended = await Promise.all(Array.from({ length: count }, () => open.append(decision())));
  expect(appended.every(({ ok }) => ok)).toBe(true);
}

async function stored(count: number): Promise<void> {
  await expect.poll(() => store.records.size, { timeout: 10_000, interval: 5 }).toBe(count);
}

describe('a delivery', () => {
  test('brings what was written before it began, and what is written after', async () => {
    await folder.write(3);
    const open = await folder.open();
    start(open);
    await stored(3);
    await append(open, 700);
    await stored(703);
    expect(metrics.count).toBe(703);
    expect(store.mostAtOnce).toBeLessThanOrEqual(500);
  });

  test('goes through rotated files in their order', async () => {
    const open = await folder.open({ maxBytes: 2_000 });
    start(open);
    for (let round = 0; round < 20; round += 1) await append(open, 5);
    await stored(100);
    expect((await folder.files()).length).toBeGreaterThan(10);
    expect(metrics.losses).toEqual({});
  });

  test('goes on where an earlier process stopped', async () => {
    const open = await folder.open({ maxBytes: 20_000 });
    start(open);
    await append(open, 50);
    await stored(50);
    await delivery?.close(1_000);
    await append(open, 50);
    const before = store.adds;
    start(open);
    await stored(100);
    expect(metrics.count).toBe(100);
    expect(store.adds - before).toBeLessThanOrEqual(3);
  });

  test('waits for the end of a line that is being written', async () => {
    await folder.write(2);
    const [, line = ''] = await folder.lines();
    await truncate(folder.file, (await readFile(folder.file)).length - 20);
    start();
    await stored(1);
    await new Promise((resolve) => setTimeout(resolve, 30));
    await appendFile(folder.file, `${line}\n`.slice(-20));
    await stored(2);
    expect(metrics.losses).toEqual({});
  });

  test('does not take what a failed write will cut off again', async () => {
    await folder.write(2);
    const { length } = await readFile(folder.file);
    const open = await folder.open();
    const other = await LogFolder.make();
    await other.write(1);
    await appendFile(folder.file, await readFile(other.file));
    await other.remove();
    start(open);
    await stored(2);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(store.records.size).toBe(2);
    await truncate(folder.file, length);
  });

  test('passes over lines that are no decisions, and counts them', async () => {
    await folder.write(5);
    const lines = await folder.lines();
    await folder.replaceLines(lines.map((line, index) => (index === 2 ? line.replace('refuse', 'admit!') : line)));
    start();
    await stored(4);
    expect(metrics.losses).toEqual({ unreadable: 1 });
    expect(folder.messages).toContain('line of the decision log is no decision');
  });

  test('passes over a line that is longer than any record', async () => {
    await folder.write(1);
    await appendFile(folder.file, `${'x'.repeat(9 * 1024 * 1024)}\n`);
    await folder.write(1);
    start();
    await stored(2);
    expect(metrics.losses['unreadable']).toBeGreaterThan(0);
  });
});

describe('a store that is away', () => {
  test('gets everything when it is back, and nothing twice', async () => {
    store.isAway = true;
    const open = await folder.open({ maxBytes: 20_000 });
    start(open);
    await append(open, 300);
    await expect.poll(() => metrics.failures).toBeGreaterThan(3);
    expect(delivery?.state().problem).toBe('It is away.');
    expect(metrics.bytes).toBeGreaterThan(100_000);
    store.isAway = false;
    await stored(300);
    await expect.poll(() => delivery?.state()).toMatchObject({ backlogBytes: 0 });
    expect(delivery?.state()).not.toHaveProperty('problem');
    expect(metrics.count).toBe(300);
  });

  test('and answers nothing though it stores gets nothing twice', async () => {
    await folder.write(10);
    store.losesAnswers = true;
    start();
    await expect.poll(() => metrics.failures).toBeGreaterThan(2);
    store.losesAnswers = false;
    await expect.poll(() => delivery?.state().lastComplete).toBeDefined();
    expect(store.records.size).toBe(10);
  });

  test('and comes back with less than it had gets the rest again', async () => {
    const open = await folder.open();
    start(open);
    await append(open, 100);
    await stored(100);
    await delivery?.close(1_000);
    for (const key of [...store.records.keys()].slice(60)) store.records.delete(key);
    start(open);
    await stored(100);
    expect(folder.messages).toContain('the store lacks decisions that it had: they are delivered again');
  });

  test('says once that it is away', async () => {
    store.isAway = true;
    await folder.write(1);
    start();
    await expect.poll(() => metrics.failures).toBeGreaterThan(5);
    const told = folder.messages.filter((text) => text === 'decisions cannot be delivered; they wait in the log');
    expect(told).toHaveLength(1);
  });
});

describe('rotation that removed files before they were delivered', () => {
  test('is counted and said', async () => {
    const open = await folder.open({ maxBytes: 2_000, maxFiles: 2 });
    start(open);
    await append(open, 1);
    await stored(1);
    store.isAway = true;
    for (let round = 0; round < 30; round += 1) await append(open, 1);
    await delivery?.close(0);
    store.isAway = false;
    start(open);
    await expect.poll(() => metrics.losses['removed']).toBeGreaterThan(0);
    await expect.poll(() => delivery?.state().lastComplete).toBeDefined();
    expect(store.records.size + (metrics.losses['removed'] ?? 0)).toBe(31);
    expect(folder.messages).toContain('decisions were removed from the decision log before they were delivered');
  });

  test('is counted over a restart, too', async () => {
    const first = await folder.open({ maxBytes: 2_000, maxFiles: 2 });
    start(first);
    await append(first, 2);
    await stored(2);
    await delivery?.close(1_000);
    await append(first, 3);
    await first.close();
    const second = await folder.open({ maxBytes: 2_000, maxFiles: 2, writerId: 'pod-b' });
    for (let round = 0; round < 30; round += 1) await append(second, 1);
    start(second);
    await expect.poll(() => metrics.losses['removed']).toBeGreaterThan(0);
    await expect.poll(() => delivery?.state().lastComplete).toBeDefined();
    // The three of the first chain are gone with all that named them; the second chain tells how many it had.
    expect(store.records.size + (metrics.losses['removed'] ?? 0)).toBeGreaterThanOrEqual(32);
  });
});

describe('a cursor', () => {
  test.each([
    { name: 'is gone', change: (): Promise<void> => rm(`${folder.file}.cursor`) },
    { name: 'is empty', change: (): Promise<void> => writeFile(`${folder.file}.cursor`, '') },
    { name: 'is half written', change: (): Promise<void> => truncate(`${folder.file}.cursor`, 30) },
    {
      name: 'is of another log',
      change: (): Promise<void> => writeFile(`${folder.file}.cursor`, '{"file":"f00","offset":7}'),
    },
    {
      name: 'is beyond the end',
      change: async (): Promise<void> => {
        const text = await readFile(`${folder.file}.cursor`, 'utf8');
        await writeFile(`${folder.file}.cursor`, text.replace(/"offset":\d+/, '"offset":99999999'));
      },
    },
  ])('that $name means that everything is sent again', async ({ change }) => {
    const open = await folder.open({ maxBytes: 5_000 });
    start(open);
    await append(open, 30);
    await stored(30);
    await expect.poll(() => delivery?.state().backlogBytes).toBe(0);
    await delivery?.close(1_000);
    await change();
    await append(open, 10);
    start(open);
    await stored(40);
    expect(metrics.losses).toEqual({});
  });

  test('that cannot be written does not hold up the delivery', async () => {
    await folder.write(3);
    // A folder in its place.
    await mkdir(`${folder.file}.cursor.new`);
    start();
    await stored(3);
    expect(folder.messages).toContain('the place in the decision log cannot be kept');
  });
});

describe('closing', () => {
  test('delivers what is there', async () => {
    const open = await folder.open();
    start(open);
    await append(open, 2_000);
    await open.close();
    await delivery?.close(10_000);
    expect(store.records.size).toBe(2_000);
  });

  test('does not wait longer than it may', async () => {
    store.isAway = true;
    await folder.write(10);
    start();
    const began = performance.now();
    await delivery?.close(100);
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(folder.messages).toContain('decisions are delivered after the next start');
  });
});
