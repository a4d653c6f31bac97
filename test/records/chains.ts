/** Records as a decision log would have written them. */
import { chainLine, startOf, type Head } from '../../src/records/chain.ts';
import { parseRecord } from '../../src/records/parse-record.ts';
import type { Decision } from '../../src/ports/decision-log.ts';
import type { DecisionRecord, RecordWriter } from '../../src/ports/records.ts';

export function decision(change: Partial<Decision> = {}): Decision {
  return {
    v: 1,
    time: '2026-03-01T12:00:00.000Z',
    correlationId: 'c-1',
    phase: 'validate',
    verdict: 'refuse',
    uid: 'u-1',
    operation: 'CREATE',
    user: 'jane',
    kind: 'Pod',
    namespace: 'shop',
    name: 'web',
    images: [{ field: 'spec.containers[0].image', image: 'registry.example/web:1', policies: ['signed'] }],
    reasons: [{ code: 'SIGNATURE_MISSING', message: 'There is no signature.', policy: 'signed' }],
    durationMs: 12,
    ...change,
  };
}

export const podA: RecordWriter = { id: 'pod-a', startedAt: '2026-03-01T11:00:00.000Z' };
export const podB: RecordWriter = { id: 'pod-b', startedAt: '2026-03-01T11:00:01.000Z' };

export function chainOf(writer: RecordWriter, changes: readonly Partial<Decision>[], after?: Head): DecisionRecord[] {
  let head = after ?? startOf(writer);
  return changes.map((change) => {
    const chained = chainLine(JSON.stringify(decision(change)), head);
    head = chained.head;
    return recordOf(chained.line.slice(0, -1));
  });
}

function recordOf(line: string): DecisionRecord {
  const parsed = parseRecord(Buffer.from(line));
  if (!parsed.ok) throw new Error(parsed.failure);
  return parsed.value.record;
}

/** `count` records, a second apart. */
export function manyRecords(writer: RecordWriter, count: number, change: Partial<Decision> = {}): DecisionRecord[] {
  const start = Date.parse('2026-03-01T12:00:00Z');
  return chainOf(
    writer,
    Array.from({ length: count }, (_, index) => ({
      time: new Date(start + index * 1000).toISOString(),
      uid: `u-${index + 1}`,
      correlationId: `c-${index + 1}`,
      ...change,
    })),
  );
}
