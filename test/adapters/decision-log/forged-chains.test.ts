/** Lines that only somebody who knows the format can write: each is sound by itself, and each is in no place. */
import { hash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { chainLine, noRecord, startOf, type Head, type LogNotes, type Writer } from '../../../src/records/chain.ts';
import { LogFolder } from './logs.ts';

const one: Writer = { id: 'one', startedAt: '2026-03-01T00:00:00.000Z' };
const two: Writer = { id: 'two', startedAt: '2026-03-02T00:00:00.000Z' };
const otherHash = 'ab'.repeat(32);

let log: LogFolder;

beforeEach(async () => {
  log = await LogFolder.make();
});

afterEach(() => log.remove());

/** A log line by line: each step says after which record it pretends to come. */
class Forger {
  readonly lines: string[] = [];
  head: Head = startOf(one);

  add(after: Head = this.head, notes: LogNotes = {}): Head {
    const { line, head } = chainLine('{"v":1}', after, notes);
    this.lines.push(line);
    this.head = head;
    return head;
  }
}

async function verdictOf(forge: (forger: Forger) => void): Promise<object> {
  const forger = new Forger();
  forge(forger);
  await writeFile(log.file, forger.lines.join(''));
  return log.verify();
}

function brokenAt(line: number, why: RegExp): object {
  return { verdict: 'broken', firstBroken: { file: log.file, line, why: expect.stringMatching(why) } };
}

describe('a first record', () => {
  test('names none before it by hash', async () => {
    const found = await verdictOf((forger) => forger.add({ ...startOf(one), hash: otherHash }));
    expect(found).toMatchObject(brokenAt(1, /claims to be a first record/));
  });

  test('of a second chain names none before it by hash, even when it names the right one', async () => {
    const found = await verdictOf((forger) => {
      const last = forger.add();
      forger.add({ ...startOf(two), hash: last.hash }, { previous: last });
    });
    expect(found).toMatchObject(brokenAt(2, /claims to be a first record/));
  });

  test.each<{ name: string; change: Partial<Head> }>([
    { name: 'hash', change: { hash: otherHash } },
    { name: 'sequence', change: { sequence: 2 } },
    { name: 'writer', change: { writer: two } },
  ])('of a second chain names the one before it, with the same $name', async ({ change }) => {
    const found = await verdictOf((forger) => {
      const last = forger.add();
      forger.add(startOf(two), { previous: { ...last, ...change } });
    });
    expect(found).toMatchObject(brokenAt(2, /without naming the record before it/));
  });

  test('of a second chain that does all of it is intact', async () => {
    const found = await verdictOf((forger) => {
      const last = forger.add();
      forger.add(startOf(two), { previous: last });
    });
    expect(found).toMatchObject({ verdict: 'intact', records: 2 });
  });

  test('comes once: a chain cannot be begun again', async () => {
    const found = await verdictOf((forger) => {
      const last = forger.add();
      forger.add(startOf(one), { previous: last });
    });
    expect(found).toMatchObject(brokenAt(2, /number 1 where number 2 belongs/));
  });
});

describe('records that are missing at the beginning', () => {
  const before: Head = { writer: one, sequence: 4, hash: otherHash };

  test('are explained by a later record that names the last of them', async () => {
    const found = await verdictOf((forger) => {
      forger.add(before);
      forger.add(forger.head, { pruned: [before] });
    });
    expect(found).toMatchObject({ verdict: 'intact', records: 2 });
  });

  test.each<{ name: string; change: Partial<Head> }>([
    { name: 'hash', change: { hash: noRecord } },
    { name: 'sequence', change: { sequence: 3 } },
    { name: 'writer', change: { writer: two } },
  ])('are not explained by a record of another $name', async ({ change }) => {
    const found = await verdictOf((forger) => {
      forger.add(before);
      forger.add(forger.head, { pruned: [{ ...before, ...change }] });
    });
    expect(found).toMatchObject(brokenAt(1, /records before number 5 are missing/));
  });

  test('and were all of another chain are explained by their last record, and by no other one', async () => {
    const chain = (pruned: Head) => (forger: Forger) => {
      forger.add(startOf(two), { previous: before });
      forger.add(forger.head, { pruned: [pruned] });
    };
    expect(await verdictOf(chain(before))).toMatchObject({ verdict: 'intact' });
    const other = { ...before, hash: noRecord };
    expect(await verdictOf(chain(other))).toMatchObject(brokenAt(1, /records before this chain are missing/));
  });
});

describe('a head that is none', () => {
  test.each(['sequence":0', 'sequence":-1', 'sequence":1.5', 'sequence":"1"', 'sequence":9007199254740993'])(
    '(%s) makes a line that is no record',
    async (sequence) => {
      const found = await verdictOf((forger) => {
        // What chainLine would not write.
        const json = `{"v":1,"writer":${JSON.stringify(one)},"${sequence},"prev":"${noRecord}"}`;
        forger.lines.push(sealed(json));
      });
      expect(found).toMatchObject(brokenAt(1, /missing or malformed/));
    },
  );
});

/** The line of a whole record, with its hash. */
function sealed(json: string): string {
  const body = json.slice(0, -1);
  return `${body},"hash":"${hash('sha256', body, 'hex')}"}\n`;
}
