import { hash } from 'node:crypto';
import { rm, stat, truncate, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { verifyDecisionLog } from '../../../src/adapters/decision-log/verify-decision-log.ts';
import { decision, LogFolder } from './logs.ts';

let log: LogFolder;
let other: LogFolder;

beforeEach(async () => {
  [log, other] = await Promise.all([LogFolder.make(), LogFolder.make()]);
});

afterEach(async () => {
  await Promise.all([log.remove(), other.remove()]);
});

/** What somebody who knows the format would do to hide a change of one line. */
function rehashed(line: string): string {
  const body = line.slice(0, -75);
  return `${body},"hash":"${hash('sha256', body, 'hex')}"}`;
}

function insert(lines: readonly string[], at: number, ...added: string[]): readonly string[] {
  return [...lines.slice(0, at), ...added, ...lines.slice(at)];
}

const at = (lines: readonly string[], index: number): string => lines[index] ?? '';

describe('a log that nobody touched', () => {
  test('is intact, and tells how many records it has and which is the last', async () => {
    await log.write(20);
    const verified = await log.verify();
    expect(verified).toMatchObject({ verdict: 'intact', records: 20, head: { sequence: 20 }, remarks: [] });
    expect(at(await log.lines(), 19)).toContain(verified.head?.hash);
  });

  test('may be empty', async () => {
    await log.write(0);
    expect(await log.verify()).toEqual({ verdict: 'intact', records: 0, remarks: [] });
  });
});

describe('a change', () => {
  type Tamper = (lines: readonly string[], foreign: readonly string[]) => readonly string[];

  test.each<{ name: string; tamper: Tamper; line: number; why: RegExp }>([
    {
      name: 'of a verdict',
      tamper: (lines) => lines.with(4, at(lines, 4).replace('"refuse"', '"admit"')),
      line: 5,
      why: /does not fit its hash/,
    },
    {
      name: 'of one byte of white space',
      tamper: (lines) => lines.with(4, at(lines, 4).replace('":', '": ')),
      line: 5,
      why: /does not fit its hash/,
    },
    {
      name: 'of the hash alone',
      tamper: (lines) => lines.with(4, at(lines, 4).replace(/.("\})$/, 'x$1')),
      line: 5,
      why: /does not end with its hash/,
    },
    {
      name: 'of a verdict, with the hash made anew',
      tamper: (lines) => lines.with(4, rehashed(at(lines, 4).replace('"refuse"', '"admit"'))),
      line: 6,
      why: /does not continue the record before it/,
    },
    {
      name: 'that removes a record',
      tamper: (lines) => lines.toSpliced(4, 1),
      line: 5,
      why: /record number 6 where number 5 belongs/,
    },
    {
      name: 'that removes the first record',
      tamper: (lines) => lines.slice(1),
      line: 1,
      why: /records before number 2 are missing and no record says that rotation removed them/,
    },
    {
      name: 'that exchanges two records',
      tamper: (lines) => lines.with(4, at(lines, 5)).with(5, at(lines, 4)),
      line: 5,
      why: /record number 6 where number 5 belongs/,
    },
    {
      name: 'that repeats a record',
      tamper: (lines) => insert(lines, 5, at(lines, 4)),
      line: 6,
      why: /record number 5 where number 6 belongs/,
    },
    {
      name: 'that adds a line which is no record',
      tamper: (lines) => insert(lines, 5, '{"v":1,"verdict":"admit"}'),
      line: 6,
      why: /does not end with its hash/,
    },
    { name: 'that adds an empty line', tamper: (lines) => insert(lines, 5, ''), line: 6, why: /not end with its hash/ },
    {
      name: 'that adds a sound line of another log',
      tamper: (lines, foreign) => insert(lines, 5, at(foreign, 5)),
      line: 6,
      why: /of another writer/,
    },
    {
      name: 'that adds the first line of another log',
      tamper: (lines, foreign) => insert(lines, 5, at(foreign, 0)),
      line: 6,
      why: /starts a new chain without naming the record before it/,
    },
    {
      name: 'that puts a record of another log in the place of one',
      tamper: (lines, foreign) => lines.with(4, at(foreign, 4)),
      line: 5,
      why: /of another writer/,
    },
    {
      name: 'of the sequence, with the hash made anew',
      tamper: (lines) => lines.with(4, rehashed(at(lines, 4).replace('"sequence":5', '"sequence":6'))),
      line: 5,
      why: /record number 6 where number 5 belongs/,
    },
    {
      name: 'that writes a member twice, with the hash made anew',
      tamper: (lines) => lines.with(9, rehashed(at(lines, 9).replace('{"v":1', '{"verdict":"admit","v":1'))),
      line: 10,
      why: /verdict/,
    },
    {
      name: 'of the end of a line',
      tamper: (lines) => lines.with(4, `${at(lines, 4)}\r`),
      line: 5,
      why: /does not end with its hash/,
    },
  ])('$name is found in line $line', async ({ tamper, line, why }) => {
    await Promise.all([log.write(10), other.write(10, { writerId: 'pod-b' })]);
    await log.replaceLines(tamper(await log.lines(), await other.lines()));
    const { verdict, firstBroken } = await log.verify();
    expect(verdict).toBe('broken');
    expect(firstBroken).toMatchObject({ file: log.file, line, why: expect.stringMatching(why) });
  });

  test('of any byte is found in its line', async () => {
    await log.write(5);
    const lines = await log.lines();
    const text = Buffer.from(lines.map((line) => `${line}\n`).join(''));
    const places = fc.record({ at: fc.nat(text.length - 1), to: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(places, async ({ at: index, to }) => {
        fc.pre(text[index] !== to);
        const changed = Buffer.from(text);
        changed[index] = to;
        await writeFile(log.file, changed);
        const line = text.subarray(0, index).toString('latin1').split('\n').length;
        const { firstBroken } = await verifyDecisionLog([log.file]);
        expect(firstBroken?.line).toBe(line);
      }),
      { numRuns: 100 },
    );
  });
});

describe('what was cut off the end', () => {
  test('in the middle of a line is found there', async () => {
    await log.write(5);
    await truncate(log.file, (await stat(log.file)).size - 10);
    expect(await log.verify()).toMatchObject({
      verdict: 'broken',
      firstBroken: { file: log.file, line: 5, why: expect.stringContaining('its end is missing') },
    });
  });

  test('is found even when only the last line feed is missing', async () => {
    await log.write(5);
    await truncate(log.file, (await stat(log.file)).size - 1);
    expect(await log.verify()).toMatchObject({ verdict: 'broken', firstBroken: { line: 5 } });
  });

  test('in whole lines is found as soon as another record follows', async () => {
    const open = await log.open();
    for (let count = 0; count < 5; count += 1) await open.append(decision({ uid: String(count) }));
    await log.replaceLines((await log.lines()).slice(0, 3));
    await open.append(decision());
    expect(await log.verify()).toMatchObject({
      verdict: 'broken',
      firstBroken: { line: 4, why: 'it is record number 6 where number 4 belongs' },
    });
  });

  test('in whole lines is found with the head that was noted before, and only with it', async () => {
    await log.write(5);
    const noted = (await log.verify()).head?.hash ?? '';
    expect(await verifyDecisionLog([log.file], noted)).toMatchObject({ verdict: 'intact' });
    await log.replaceLines((await log.lines()).slice(0, 3));
    expect(await log.verify()).toMatchObject({ verdict: 'intact', head: { sequence: 3 } });
    expect(await verifyDecisionLog([log.file], noted)).toMatchObject({
      verdict: 'broken',
      firstBroken: { file: log.file, line: 4, why: expect.stringContaining(noted) },
    });
  });

  test('of a log that went on has no bearing on a head that is still there', async () => {
    await log.write(5);
    const noted = (await log.verify()).head?.hash ?? '';
    await log.write(5, { writerId: 'pod-b' });
    expect(await verifyDecisionLog([log.file], noted)).toMatchObject({ verdict: 'intact', records: 10 });
  });
});

describe('files of a rotated log', () => {
  test.each([
    { name: 'the oldest', index: 0, file: 1 },
    { name: 'one in the middle', index: 2, file: 3 },
  ])('$name, when it is removed by hand, is missed', async ({ index, file }) => {
    await log.write(40, { maxBytes: 4000 });
    const files = await log.files();
    expect(files.length).toBeGreaterThan(4);
    await rm(files[index] ?? '');
    const { verdict, firstBroken } = await log.verify();
    expect(verdict).toBe('broken');
    expect(firstBroken).toMatchObject({ file: files[file], line: 1 });
  });

  test('at the end, when they are removed, are missed with the head that was noted before', async () => {
    await log.write(40, { maxBytes: 4000 });
    const noted = (await log.verify()).head?.hash;
    await rm((await log.files()).at(-1) ?? '');
    const rotated = (await log.files()).slice(0, -1);
    expect(await verifyDecisionLog(rotated, noted)).toMatchObject({
      verdict: 'broken',
      firstBroken: { file: rotated.at(-1) },
    });
  });

  test('in another order are found', async () => {
    await log.write(40, { maxBytes: 4000 });
    const [first = '', second = '', ...rest] = await log.files();
    const { firstBroken } = await verifyDecisionLog([second, first, ...rest]);
    expect(firstBroken).toMatchObject({ file: second, line: 1 });
  });
});
