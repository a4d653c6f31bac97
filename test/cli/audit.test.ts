import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDecisionLog } from '../../src/adapters/decision-log/open-decision-log.ts';
import type { Decision } from '../../src/ports/decision-log.ts';
import { json, run } from './run.ts';

let folder: string;
let log: string;

function decision(change: Partial<Decision>): Decision {
  return {
    v: 1,
    time: '2026-03-01T12:00:00.000Z',
    correlationId: 'c-0',
    phase: 'validate',
    verdict: 'admit',
    uid: 'u-0',
    kind: 'Pod',
    namespace: 'shop',
    name: 'web',
    images: [],
    reasons: [],
    durationMs: 1,
    ...change,
  };
}

async function write(decisions: readonly Partial<Decision>[]): Promise<void> {
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const open = await openDecisionLog(
    { clock: { now: () => new Date() }, log: silent },
    { file: log, writerId: 'test', maxBytes: 1e9, maxFiles: 1 },
  );
  for (const change of decisions) await open.append(decision(change));
  await open.close();
}

const missing = { code: 'SIGNATURE_MISSING', message: 'There is no signature.', policy: 'signed' };

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'audit-'));
  log = join(folder, 'decisions.jsonl');
  await write([
    { uid: 'u-1', correlationId: 'c-1' },
    { uid: 'u-2', correlationId: 'c-2', verdict: 'refuse', reasons: [missing], name: 'bad' },
    { uid: 'u-2', correlationId: 'c-3', phase: 'mutate', verdict: 'skip', skipped: 'delete' },
  ]);
});

afterEach(() => rmSync(folder, { recursive: true }));

const audit = (...args: readonly string[]): ReturnType<typeof run> => run('audit', ...args, '--decision-log', log);

describe('audit list', () => {
  test('prints a table, oldest first', async () => {
    const { code, out, err } = await audit('list');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toBe(
      [
        'TIME                      VERDICT  PHASE     OBJECT        REQUEST  REASON',
        '2026-03-01T12:00:00.000Z  admit    validate  Pod shop/web  c-1',
        '2026-03-01T12:00:00.000Z  refuse   validate  Pod shop/bad  c-2      SIGNATURE_MISSING: There is no signature.',
        '2026-03-01T12:00:00.000Z  skip     mutate    Pod shop/web  c-3      delete',
        '',
      ].join('\n'),
    );
  });

  test('prints whole records as JSON', async () => {
    const ran = await audit('list', '--output', 'json');
    expect(json(ran)).toMatchObject([{ uid: 'u-1', sequence: 1 }, { uid: 'u-2', reasons: [missing] }, { sequence: 3 }]);
  });

  test.each([
    { args: ['--verdict', 'refuse'], found: ['c-2'] },
    { args: ['--code', 'SIGNATURE_MISSING'], found: ['c-2'] },
    { args: ['--policy', 'signed'], found: ['c-2'] },
    { args: ['--in-namespace', 'elsewhere'], found: [] },
    { args: ['--limit', '1'], found: ['c-3'] },
    { args: ['--since', '2026-03-01'], found: ['c-1', 'c-2', 'c-3'] },
    { args: ['--since', '2026-03-01T12:00:01Z'], found: [] },
    { args: ['--until', '2026-03-01T12:00:00Z'], found: [] },
  ])('$args finds $found', async ({ args, found }) => {
    const ran = await audit('list', ...args, '-o', 'json');
    expect(ran.code).toBe(0);
    // It is a list of records.
    expect((json(ran) as { correlationId: string }[]).map(({ correlationId }) => correlationId)).toEqual(found);
  });

  test('tells on standard error of lines that are no records', async () => {
    appendFileSync(log, 'nothing\n');
    const { code, out, err } = await audit('list', '-o', 'json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toHaveLength(3);
    expect(err).toBe(`${log}:4: not a decision: it does not end with its hash\n`);
  });

  test('prints nothing that could steer a terminal', async () => {
    await write([{ name: 'web\u001b]0;owned\u0007', kind: 'Pod\u202e', namespace: 'a\nb', time: '\u009b31m' }]);
    const { out } = await audit('list');
    expect(out.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(out.split('\n')).toHaveLength(6);
    expect(out).toContain('web\\u{1b}]0;owned\\u{7}');
  });
});

describe('audit show', () => {
  test('prints every decision about a uid, in full', async () => {
    const ran = await audit('show', 'u-2', '-o', 'json');
    expect(ran.code).toBe(0);
    expect(json(ran)).toMatchObject([{ correlationId: 'c-2' }, { correlationId: 'c-3' }]);
  });

  test('prints YAML for people', async () => {
    const { out } = await audit('show', 'c-2');
    expect(out).toContain('verdict: refuse');
    expect(out).toContain('  - code: SIGNATURE_MISSING');
  });

  test('of an id that nobody has is a usage error', async () => {
    const { code, out, err } = await audit('show', 'nobody');
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('"nobody"');
  });
});

describe('audit verify', () => {
  test('of a log that nobody touched is 0 and tells the last hash', async () => {
    const ran = await audit('verify', '-o', 'json');
    expect(ran.code).toBe(0);
    expect(json(ran)).toEqual({
      records: 3,
      verdict: 'intact',
      head: { writer: expect.anything(), sequence: 3, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
      remarks: [],
    });
    expect((await audit('verify')).out).toMatch(/^intact {2}3 records, the last with hash [0-9a-f]{64}\n$/);
  });

  test('of a changed log is 1 and names the place', async () => {
    writeFileSync(log, readFileSync(log, 'utf8').replace('"refuse"', '"admit"'));
    const ran = await audit('verify', '-o', 'json');
    expect(ran.code).toBe(1);
    expect(json(ran)).toMatchObject({ verdict: 'broken', records: 3, firstBroken: { file: log, line: 2 } });
    expect((await audit('verify')).out).toContain(`  ${log}:2: its content does not fit its hash\n`);
  });

  test('finds by a noted head that the end was cut off', async () => {
    // The log has three records.
    const { head } = json(await audit('verify', '-o', 'json')) as { head: { hash: string } };
    expect(await audit('verify', '--head', head.hash)).toMatchObject({ code: 0 });
    writeFileSync(
      log,
      readFileSync(log, 'utf8')
        .split('\n')
        .slice(0, 2)
        .map((line) => `${line}\n`)
        .join(''),
    );
    expect(await audit('verify')).toMatchObject({ code: 0 });
    expect(await audit('verify', '--head', head.hash)).toMatchObject({ code: 1 });
  });
});

describe('a command line that is wrong', () => {
  test.each([
    { args: ['list', '--limit', '0'], named: '--limit' },
    { args: ['list', '--limit', 'all'], named: '--limit' },
    { args: ['list', '--since', 'yesterday'], named: '--since' },
    { args: ['list', '--since', '7'], named: '--since' },
    { args: ['list', '--until', '2026-13-01'], named: '--until' },
    { args: ['list', '--verdict', 'refused'], named: '--verdict' },
    { args: ['list', '--output', 'xml'], named: '--output' },
    { args: ['list', '--colour', 'red'], named: '--colour' },
    { args: ['verify', '--head', 'abc'], named: '--head' },
    { args: ['show'], named: 'id' },
    { args: ['list', '--database', 'records.db'], named: '--database or --decision-log' },
    { args: ['import'], named: 'import' },
  ])('$args is 2 and names $named', async ({ args, named }) => {
    const { code, out, err } = await audit(...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(named);
    expect(err).not.toContain('    at ');
  });

  test.each(['list', 'verify'])('with a log that is not there is 2 for %s', async (command) => {
    for (const file of [join(folder, 'nowhere.jsonl'), folder, join(log, 'below')]) {
      const { code, err } = await run('audit', command, '--decision-log', file);
      expect(code).toBe(2);
      expect(err).toBe(`countersign: --decision-log: there is no file ${file}\n`);
    }
  });
});
