import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DecidedImage, Decision, DecisionReason } from '../../../src/ports/decision-log.ts';
import { decision, LogFolder } from './logs.ts';

let log: LogFolder;

beforeEach(async () => {
  log = await LogFolder.make();
});

afterEach(() => log.remove());

describe('an append', () => {
  test('is in the file when it is settled', async () => {
    const open = await log.open();
    for (const uid of ['u-1', 'u-2', 'u-3']) {
      expect(await open.append(decision({ uid }))).toEqual({ ok: true, value: undefined });
      expect((await readFile(log.file, 'utf8')).split('\n').at(-2)).toContain(`"uid":"${uid}"`);
    }
  });

  test('writes the decision as it was given, then its place in the chain', async () => {
    const open = await log.open({ writerId: 'pod-7' });
    const given = decision();
    await open.append(given);
    const [record] = await log.records();
    expect(record).toEqual({
      ...given,
      writer: { id: 'pod-7', startedAt: new Date(log.now).toISOString() },
      sequence: 1,
      prev: '0'.repeat(64),
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(Object.keys(record ?? {}).at(-1)).toBe('hash');
  });

  test('a thousand times at once keeps the order, and each is in the file before it is settled', async () => {
    const open = await log.open();
    const uids = Array.from({ length: 1000 }, (_, number) => `u-${number}`);
    const settled: string[] = [];
    const unwritten: string[] = [];
    await Promise.all(
      uids.map(async (uid, number) => {
        const result = await open.append(decision({ uid }));
        expect(result.ok).toBe(true);
        settled.push(uid);
        // Reading for each would take long; some at the edges and in the middle of batches tell enough.
        if (number % 97 === 0 && !(await readFile(log.file, 'utf8')).includes(`"${uid}"`)) unwritten.push(uid);
      }),
    );
    expect(unwritten).toEqual([]);
    expect(settled).toEqual(uids);
    expect((await log.records()).map(({ uid }) => uid)).toEqual(uids);
    expect(await log.verify()).toMatchObject({ verdict: 'intact', records: 1000 });
  });

  test('of more than can wait is refused, and what waits is written', async () => {
    const open = await log.open();
    const results = await Promise.all(Array.from({ length: 4200 }, () => open.append(decision())));
    const refused = results.filter((result) => !result.ok);
    expect(refused).toHaveLength(4200 - 4096);
    expect(refused[0]).toMatchObject({ failure: { code: 'DECISION_LOG_UNAVAILABLE', retryAfterSeconds: 10 } });
    expect(await log.verify()).toMatchObject({ verdict: 'intact', records: 4096 });
  });

  test('after closing is refused, and before it is written', async () => {
    const open = await log.open();
    const before = open.append(decision());
    await open.close();
    expect(await before).toMatchObject({ ok: true });
    expect(await open.append(decision())).toMatchObject({ ok: false, failure: { code: 'DECISION_LOG_UNAVAILABLE' } });
    expect(await log.lines()).toHaveLength(1);
  });
});

const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('","hash":"', '\n{"v":1}\n', '\u2028', '\u0000', '\ud800', '"}', '\\', 'x'.repeat(5000)),
);
const images = fc.array<DecidedImage>(
  fc.record({ field: text, image: text, policies: fc.array(text, { maxLength: 3 }) }),
  { maxLength: 3 },
);
const reasons = fc.array<DecisionReason>(fc.record({ code: text, message: text }), { maxLength: 3 });
const decisions = fc
  .record({ uid: text, user: text, namespace: text, name: text, kind: text, images, reasons })
  .map((change): Decision => decision(change));

describe('whatever a requester writes', () => {
  test('one decision is one line of JSON without control characters, and the chain is intact', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(decisions, { minLength: 1, maxLength: 10 }), async (given) => {
        const one = await LogFolder.make();
        try {
          const open = await one.open();
          await Promise.all(given.map((each) => open.append(each)));
          const lines = await one.lines();
          expect(lines).toHaveLength(given.length);
          // Everything that some reader of lines takes for the end of one.
          expect(lines.filter((line) => /[\p{Cc}\u2028\u2029]/u.test(line))).toEqual([]);
          expect(await one.verify()).toMatchObject({ verdict: 'intact', records: given.length });
        } finally {
          await one.remove();
        }
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    { name: 'long names', change: { name: 'n'.repeat(1e6), user: 'u'.repeat(1e6), uid: 'i'.repeat(1e6) } },
    {
      name: 'ten thousand images of long names',
      change: { images: Array<DecidedImage>(10_000).fill({ field: 'f', image: 'x'.repeat(9000), policies: ['p'] }) },
    },
    {
      name: 'ten thousand reasons of long messages',
      change: { reasons: Array<DecisionReason>(10_000).fill({ code: 'C', message: 'm'.repeat(90_000) }) },
    },
    {
      name: 'an image of ten thousand policies',
      change: { images: [{ field: 'f', image: 'x', policies: Array<string>(10_000).fill('p'.repeat(1000)) }] },
    },
    {
      name: 'hundreds of images of hundreds of policies each',
      change: {
        images: Array<DecidedImage>(200).fill({
          field: 'f',
          image: 'x',
          policies: Array<string>(200).fill('p'.repeat(253)),
        }),
      },
    },
    {
      name: 'text that grows in JSON',
      change: { name: '\u0000'.repeat(1e6), reasons: [{ code: 'C', message: '\u2028'.repeat(1e6) }] },
    },
  ])('$name make a line of bounded size', async ({ change }) => {
    const open = await log.open();
    await open.append(decision(change));
    const [line = ''] = await log.lines();
    expect(line.length).toBeLessThan(1.1 * 1024 * 1024);
    expect(await log.verify()).toMatchObject({ verdict: 'intact', records: 1 });
  });

  test('what was left out is counted, what was cut ends with "…"', async () => {
    const open = await log.open();
    const image: DecidedImage = { field: 'f', image: 'i', policies: [] };
    const reason: DecisionReason = { code: 'C', message: 'm' };
    await open.append(
      decision({ name: 'n'.repeat(2000), images: Array(130).fill(image), reasons: Array(140).fill(reason) }),
    );
    const [record] = await log.records();
    expect(record).toMatchObject({
      images: { length: 128 },
      reasons: { length: 128 },
      cut: 2 + 12,
      name: `${'n'.repeat(1024)}…`,
    });
  });
});
