import { appendFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  readDecisions,
  type DecisionFilter,
  type ReadDecision,
} from '../../../src/adapters/decision-log/read-decisions.ts';
import type { Decision } from '../../../src/ports/decision-log.ts';
import { decision, LogFolder } from './logs.ts';

let log: LogFolder;

beforeEach(async () => {
  log = await LogFolder.make();
});

afterEach(() => log.remove());

const web = { field: 'f', image: 'registry.example/web:1', digest: 'sha256:abcd', policies: ['signed', 'ours'] };
const decisions: readonly Partial<Decision>[] = [
  { uid: 'u-1', correlationId: 'c-1', verdict: 'admit', images: [web], reasons: [], time: '2026-03-01T10:00:00.000Z' },
  { uid: 'u-2', correlationId: 'c-2', verdict: 'refuse', namespace: 'bank', time: '2026-03-01T11:00:00.000Z' },
  {
    uid: 'u-3',
    correlationId: 'c-3',
    verdict: 'unavailable',
    images: [],
    reasons: [{ code: 'REGISTRY_TIMEOUT', message: 'm', policy: 'other', image: 'registry.example/db:2' }],
    time: '2026-03-01T12:00:00.000Z',
  },
];

async function read(filter: DecisionFilter): Promise<readonly ReadDecision[]> {
  const found: ReadDecision[] = [];
  for await (const each of readDecisions(await log.files(), filter)) found.push(each);
  return found;
}

async function uids(filter: DecisionFilter): Promise<readonly unknown[]> {
  return (await read(filter)).map((found) => (found.kind === 'decision' ? found.record['uid'] : found.why));
}

describe('a filter', () => {
  beforeEach(async () => {
    const open = await log.open();
    for (const change of decisions) await open.append(decision(change));
  });

  test.each<{ filter: DecisionFilter; found: readonly string[] }>([
    { filter: {}, found: ['u-1', 'u-2', 'u-3'] },
    { filter: { verdict: 'refuse' }, found: ['u-2'] },
    { filter: { verdict: 'ref' }, found: [] },
    { filter: { namespace: 'bank' }, found: ['u-2'] },
    { filter: { id: 'u-3' }, found: ['u-3'] },
    { filter: { id: 'c-1' }, found: ['u-1'] },
    { filter: { id: '' }, found: [] },
    { filter: { code: 'REGISTRY_TIMEOUT' }, found: ['u-3'] },
    { filter: { policy: 'ours' }, found: ['u-1'] },
    { filter: { policy: 'other' }, found: ['u-3'] },
    { filter: { image: 'sha256:abcd' }, found: ['u-1'] },
    { filter: { image: 'registry.example/' }, found: ['u-1', 'u-2', 'u-3'] },
    { filter: { image: 'db:2' }, found: ['u-3'] },
    { filter: { since: new Date('2026-03-01T11:00:00Z') }, found: ['u-2', 'u-3'] },
    { filter: { until: new Date('2026-03-01T11:00:00Z') }, found: ['u-1'] },
    { filter: { limit: 2 }, found: ['u-2', 'u-3'] },
    { filter: { verdict: 'admit', limit: 2 }, found: ['u-1'] },
    { filter: { verdict: 'admit', namespace: 'bank' }, found: [] },
  ])('$filter finds $found', async ({ filter, found }) => {
    expect(await uids(filter)).toEqual(found);
  });
});

describe('a line that is no record', () => {
  test('is told with its place, whatever is asked for', async () => {
    await log.write(2);
    await appendFile(log.file, 'nothing\n');
    await log.write(1);
    const found = await read({ id: 'nobody' });
    expect(found).toEqual([{ kind: 'unreadable', file: log.file, line: 3, why: 'it does not end with its hash' }]);
  });

  test('may be longer than memory should hold', async () => {
    await log.write(1);
    const open = await log.open();
    await appendFile(log.file, 'x'.repeat(20_000_000));
    expect(await uids({})).toEqual(['u-1', 'it does not end with its hash']);
    await open.close();
  });
});
