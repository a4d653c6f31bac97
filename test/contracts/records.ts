/** What every store of decision records does alike. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Result } from '../../src/kernel/result.ts';
import type { DecisionRecord, RecordQuery } from '../../src/ports/records.ts';
import { chainLine } from '../../src/records/chain.ts';
import type { RecordStore } from '../../src/records/store.ts';
import { chainOf, decision, manyRecords, podA, podB } from '../records/chains.ts';

export interface OpenedStore {
  readonly store: RecordStore;
  /** The same records, from another process or connection. */
  readonly again?: () => RecordStore;
  remove(): Promise<void>;
}

export function recordsContract(open: () => Promise<OpenedStore>): void {
  let opened: OpenedStore;
  let store: RecordStore;

  beforeEach(async () => {
    opened = await open();
    store = opened.store;
  });
  afterEach(() => opened.remove());

  async function names(query: Partial<RecordQuery>): Promise<readonly (string | undefined)[]> {
    const page = value(await store.list({ limit: 100, ...query }));
    return page.records.map((record) => record.decision.name);
  }

  describe('storing', () => {
    test('gives back what was written, byte for byte', async () => {
      const records = manyRecords(podA, 3, { name: 'grüße \u2028 "quoted" \\ 漢字 😀' });
      expect(await store.add(records)).toMatchObject({ ok: true, value: { added: 3 } });
      expect(value(await store.chain(podA, 1, 10))).toEqual(records);
    });

    test('stores nothing twice, whatever overlaps', async () => {
      const records = manyRecords(podA, 10);
      expect(value(await store.add(records.slice(0, 6))).added).toBe(6);
      expect(value(await store.add(records.slice(3))).added).toBe(4);
      expect(value(await store.add([...records, ...records])).added).toBe(0);
      expect(value(await store.positions())).toEqual([{ writer: podA, first: 1, last: 10, count: 10 }]);
    });

    test('stores what several add at the same time once', async () => {
      const records = manyRecords(podA, 200);
      const other = opened.again?.() ?? store;
      const adds = Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? store : other).add(records));
      const added = (await Promise.all(adds)).map((result) => value(result).added);
      expect(added.reduce((sum, count) => sum + count, 0)).toBe(200);
      expect(value(await store.positions())).toMatchObject([{ count: 200 }]);
      if (other !== store) await other.close();
    });

    test('takes chains of several writers in one batch, in any order', async () => {
      const [one, two] = [manyRecords(podA, 3), manyRecords(podB, 2)];
      expect(value(await store.add([...two, ...one].toReversed())).added).toBe(5);
      expect(value(await store.positions())).toEqual([
        { writer: podA, first: 1, last: 3, count: 3 },
        { writer: podB, first: 1, last: 2, count: 2 },
      ]);
    });

    test('shows a gap', async () => {
      const records = manyRecords(podA, 5);
      await store.add(records.filter(({ sequence }) => sequence !== 3));
      expect(value(await store.positions())).toEqual([{ writer: podA, first: 1, last: 5, count: 4 }]);
    });

    test('keeps text that databases stumble over', async () => {
      const records = chainOf(podA, [
        { name: 'a\0b', namespace: '\ud800', uid: 'u'.repeat(5000), kind: "'; DROP TABLE countersign_records; --" },
        { name: 'n'.repeat(1024), images: [{ field: 'f', image: 'x\0y', policies: ['漢'.repeat(1024)] }] },
      ]);
      expect(await store.add(records)).toMatchObject({ ok: true, value: { added: 2 } });
      expect(value(await store.list({ name: 'a\0b', limit: 10 })).records).toEqual([records[0]]);
      expect(value(await store.list({ policy: '漢'.repeat(1024), limit: 10 })).records).toEqual([records[1]]);
      expect(value(await store.find('u'.repeat(5000)))).toEqual([records[0]]);
    });
  });

  describe('refusing', () => {
    const records = manyRecords(podA, 4);

    test.each<{ name: string; change: (record: DecisionRecord) => DecisionRecord; message: string }>([
      {
        name: 'is cut',
        change: (r) => ({ ...r, line: r.line.slice(0, -9) }),
        message: 'it does not end with its hash',
      },
      {
        name: 'was changed',
        change: (r) => ({ ...r, line: r.line.replace('refuse', 'admit!') }),
        message: 'its content does not fit its hash',
      },
      {
        name: 'is of another record',
        change: (r) => ({ ...r, line: records[0]?.line ?? '' }),
        message: 'it is the line of another record',
      },
      { name: 'is empty', change: (r) => ({ ...r, line: '' }), message: 'it does not end with its hash' },
      {
        name: 'is no decision',
        change: (r) => ({
          ...r,
          line: chainLine('{"v":2}', { writer: podA, sequence: 2, hash: '0'.repeat(64) }).line.trim(),
        }),
        message: 'it is no decision of version 1',
      },
    ])('a record whose line $name is not stored, the others are', async ({ change, message }) => {
      const batch = records.map((record) => (record.sequence === 3 ? change(record) : record));
      const { added, refused } = value(await store.add(batch));
      expect({ added, refused }).toEqual({
        added: 3,
        refused: [{ writer: podA, sequence: 3, why: 'malformed', message }],
      });
      expect(value(await store.chain(podA, 1, 10)).map(({ sequence }) => sequence)).toEqual([1, 2, 4]);
    });

    test('another line at a place that is taken is tampering, and replaces nothing', async () => {
      await store.add(records);
      const forged = manyRecords(podA, 4, { verdict: 'admit' });
      const { added, refused } = value(await store.add(forged));
      expect(added).toBe(0);
      expect(refused).toHaveLength(4);
      expect(refused?.[0]).toEqual({
        writer: podA,
        sequence: 1,
        why: 'tampered',
        message: 'another record has its place',
      });
      expect(value(await store.chain(podA, 1, 10))).toEqual(records);
    });

    test('a line that does not continue the one before it is tampering', async () => {
      await store.add(records.slice(0, 2));
      const [, , forged] = manyRecords(podA, 3, { verdict: 'admit' });
      expect(value(await store.add(forged === undefined ? [] : [forged])).refused).toMatchObject([
        { sequence: 3, why: 'tampered', message: 'it does not continue the record before it' },
      ]);
    });

    test('nothing is stored that continues a line that was refused', async () => {
      await store.add(records.slice(0, 2));
      const forged = manyRecords(podA, 6, { verdict: 'admit' }).slice(2);
      const { added, refused } = value(await store.add(forged));
      expect({ added, refused: refused?.length }).toEqual({ added: 0, refused: 4 });
      expect(refused?.[1]?.message).toBe('it continues a record that was refused');
    });

    test('two lines for one place in one batch are tampering, too', async () => {
      const [forged] = manyRecords(podA, 1, { verdict: 'admit' });
      const batch = forged === undefined ? records : [...records, forged];
      expect(value(await store.add(batch))).toMatchObject({ added: 4, refused: [{ sequence: 1, why: 'tampered' }] });
    });
  });

  describe('listing', () => {
    const at = (second: number): string => `2026-03-01T12:00:0${second}.000Z`;
    const other = { code: 'KEY_MISMATCH', message: 'Another key signed it.', policy: 'keys' };
    beforeEach(async () => {
      await store.add(
        chainOf(podA, [
          { name: 'one', time: at(1), verdict: 'admit', reasons: [] },
          { name: 'two', time: at(2), namespace: 'bank', reasons: [other] },
          { name: 'three', time: at(3), verdict: 'unavailable', kind: 'Job' },
          { name: 'four', time: at(4), verdict: 'admit', reasons: [], audited: [{ ...other, policy: 'watching' }] },
        ]),
      );
      await store.add(
        chainOf(podB, [
          { name: 'five', time: at(2), user: 'Jörg', images: [{ field: 'f', image: 'quay.io/Big', policies: [] }] },
        ]),
      );
    });

    test.each<{ query: Partial<RecordQuery>; names: readonly string[] }>([
      { query: {}, names: ['four', 'three', 'two|five', 'five|two', 'one'] },
      { query: { verdicts: ['refuse'] }, names: ['two|five', 'five|two'] },
      { query: { verdicts: ['admit', 'unavailable'] }, names: ['four', 'three', 'one'] },
      { query: { verdicts: ['error', 'skip'] }, names: [] },
      { query: { namespace: 'bank' }, names: ['two'] },
      { query: { namespace: 'bank', verdicts: ['admit'] }, names: [] },
      { query: { kind: 'Job' }, names: ['three'] },
      { query: { name: 'one' }, names: ['one'] },
      { query: { name: 'ONE' }, names: [] },
      { query: { policy: 'keys' }, names: ['two'] },
      { query: { policy: 'signed' }, names: ['four', 'three', 'two|five', 'five|two', 'one'] },
      { query: { policy: 'watching' }, names: ['four'] },
      { query: { policy: 'signed', verdicts: ['unavailable', 'admit'] }, names: ['four', 'three', 'one'] },
      { query: { code: 'KEY_MISMATCH' }, names: ['four', 'two'] },
      { query: { code: 'KEY_MISMATCH', policy: 'keys' }, names: ['two'] },
      { query: { code: 'SIGNATURE_MISSING', policy: 'keys' }, names: [] },
      { query: { image: 'io/big' }, names: ['five'] },
      { query: { image: '%' }, names: [] },
      { query: { image: '_' }, names: [] },
      { query: { text: 'another KEY' }, names: ['four', 'two'] },
      { query: { text: 'JÖRG' }, names: ['five'] },
      { query: { text: 'quay.io' }, names: ['five'] },
      { query: { text: '"verdict"' }, names: [] },
      { query: { text: "' OR 1=1 --" }, names: [] },
      { query: { since: at(3) }, names: ['four', 'three'] },
      { query: { until: at(2) }, names: ['one'] },
      { query: { since: at(2), until: at(3), namespace: 'bank' }, names: ['two'] },
      { query: { since: at(3), policy: 'signed' }, names: ['four', 'three'] },
    ])('$query', async ({ query, names: expected }) => {
      const found = await names(query);
      expect(found).toHaveLength(expected.length);
      // Records of the same moment come in an order of their own, which is the same each time.
      for (const [index, wanted] of expected.entries()) expect(wanted.split('|')).toContain(found[index]);
      expect(await names(query)).toEqual(found);
    });
  });

  describe('turning pages', () => {
    test.each<{ title: string; query: Partial<RecordQuery> }>([
      { title: 'of everything', query: {} },
      { title: 'of several verdicts', query: { verdicts: ['refuse', 'admit'] } },
      { title: 'of a policy', query: { policy: 'signed' } },
      { title: 'of a text', query: { text: 'signature' } },
    ])('shows every record once: $title', async ({ query }) => {
      // All of the same moment: the hardest case.
      const changes = Array.from({ length: 25 }, (_, index) =>
        decision({ verdict: index % 2 === 0 ? 'refuse' : 'admit' }),
      );
      await store.add([...chainOf(podA, changes), ...chainOf(podB, changes)]);
      const seen: string[] = [];
      let after: string | undefined;
      do {
        const page = value(await store.list({ ...query, limit: 7, ...(after === undefined ? {} : { after }) }));
        seen.push(...page.records.map(({ hash }) => hash));
        after = page.next;
      } while (after !== undefined);
      expect(seen).toHaveLength(50);
      expect(new Set(seen).size).toBe(50);
    });

    test('is not disturbed by records that are added meanwhile', async () => {
      const records = manyRecords(podA, 20);
      await store.add(records.slice(0, 10));
      const first = value(await store.list({ limit: 5 }));
      await store.add(records);
      const second = value(await store.list({ limit: 5, after: first.next ?? '' }));
      expect(second.records.map(({ sequence }) => sequence)).toEqual([5, 4, 3, 2, 1]);
      expect(second.next).toBeUndefined();
    });
  });

  describe('finding', () => {
    test('gives every record of a request, by uid or correlation id, oldest first', async () => {
      const records = chainOf(podA, [
        { uid: 'u-1', correlationId: 'c-1', phase: 'mutate' },
        { uid: 'u-1', correlationId: 'c-2', time: '2026-03-01T12:00:01.000Z' },
        { uid: 'u-2', correlationId: 'c-3' },
      ]);
      await store.add(records);
      expect(value(await store.find('u-1'))).toEqual(records.slice(0, 2));
      expect(value(await store.find('c-3'))).toEqual([records[2]]);
      expect(value(await store.find('nobody'))).toEqual([]);
    });

    test('reads a chain from any place on', async () => {
      const records = manyRecords(podA, 10);
      await store.add(records);
      expect(value(await store.chain(podA, 4, 3))).toEqual(records.slice(3, 6));
      expect(value(await store.chain(podB, 1, 3))).toEqual([]);
      expect(value(await store.chain({ ...podA, startedAt: podB.startedAt }, 1, 3))).toEqual([]);
    });
  });

  describe('retention', () => {
    const now = new Date('2026-03-01T12:00:20.000Z');

    async function removeAll(keep: Parameters<RecordStore['removeOld']>[1]): Promise<void> {
      while (value(await store.removeOld(now, keep)) > 0);
    }

    test('keeps so many, the newest of all chains', async () => {
      await store.add([...manyRecords(podA, 20), ...manyRecords(podB, 10)]);
      await removeAll({ records: 12 });
      // Of the same moment both go: at most so many are kept.
      expect(value(await store.positions())).toEqual([
        { writer: podA, first: 10, last: 20, count: 11 },
        { writer: podB, first: 10, last: 10, count: 1 },
      ]);
      expect(value(await store.list({ policy: 'signed', limit: 100 })).records).toHaveLength(12);
    });

    test('keeps so many days', async () => {
      await store.add(manyRecords(podA, 20));
      await removeAll({ days: 10 / 86_400 });
      expect(value(await store.positions())).toEqual([{ writer: podA, first: 11, last: 20, count: 10 }]);
    });

    test('takes nothing in again that it removed, from whoever still has it', async () => {
      const records = manyRecords(podA, 20);
      await store.add(records);
      await removeAll({ records: 5 });
      expect(value(await store.add(records)).added).toBe(0);
      await removeAll({ records: 0 });
      expect(value(await store.add(records)).added).toBe(0);
      expect(value(await store.positions())).toEqual([{ writer: podA, first: 21, last: 20, count: 0 }]);
    });

    test('makes no hole where the clock was set back', async () => {
      const times = ['12:00:10', '12:00:19', '12:00:01', '12:00:20'];
      await store.add(chainOf(podA, times.map((time) => ({ time: `2026-03-01T${time}.000Z` })))); // prettier-ignore
      await removeAll({ days: 5 / 86_400 });
      expect(value(await store.positions())).toEqual([{ writer: podA, first: 2, last: 4, count: 3 }]);
    });

    test('removes nothing without limits', async () => {
      await store.add(manyRecords(podA, 20));
      expect(value(await store.removeOld(now, {}))).toBe(0);
    });
  });

  test('says what it is when it is closed', async () => {
    await store.close();
    expect(await store.list({ limit: 1 })).toMatchObject({ ok: false, failure: { code: 'RECORDS_UNAVAILABLE' } });
  });
}

export function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.failure.message);
  return result.value;
}
