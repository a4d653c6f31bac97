import { failure } from '../../src/kernel/failure.ts';
import { fail, ok } from '../../src/kernel/result.ts';
import type { Decision } from '../../src/ports/decision-log.ts';
import type { DecisionRecord, RecordQuery, Records, RecordWriter } from '../../src/ports/records.ts';

const writer: RecordWriter = { id: 'countersign-0', startedAt: '2026-01-02T03:04:05.000Z' };

/** Records in memory: one chain, whole scans, and switches that make every call fail or never end. */
export class FakeRecords implements Records {
  readonly stored: DecisionRecord[] = [];
  readonly asked: RecordQuery[] = [];
  trouble: 'unavailable' | 'silent' | 'bug' | undefined;

  put(...decisions: readonly Decision[]): void {
    for (const decision of decisions) this.stored.push(recordOf(decision, this.stored.length + 1));
  }

  async add(records: readonly DecisionRecord[]): ReturnType<Records['add']> {
    this.stored.push(...records);
    return ok({ added: records.length });
  }

  list(query: RecordQuery): ReturnType<Records['list']> {
    this.asked.push(query);
    return this.#answer(() => {
      const newest = this.stored.filter(({ decision }) => fits(decision, query)).toSorted(newestFirst);
      const from = query.after === undefined ? 0 : Number(query.after.slice('from-'.length));
      const records = newest.slice(from, from + query.limit);
      const next = from + query.limit;
      return next < newest.length ? { records, next: `from-${next}` } : { records };
    });
  }

  find(id: string): ReturnType<Records['find']> {
    return this.#answer(() =>
      this.stored.filter(({ decision }) => [decision.correlationId, decision.uid].includes(id)),
    );
  }

  positions(): ReturnType<Records['positions']> {
    const count = this.stored.length;
    return this.#answer(() => (count === 0 ? [] : [{ writer, first: 1, last: count, count }]));
  }

  chain(_writer: RecordWriter, from: number, limit: number): ReturnType<Records['chain']> {
    return this.#answer(() => this.stored.slice(from - 1, from - 1 + limit));
  }

  async close(): Promise<void> {
    this.stored.length = 0;
  }

  async #answer<T>(find: () => T) {
    if (this.trouble === 'silent') return new Promise<never>(() => undefined);
    if (this.trouble === 'bug') throw new TypeError('a bug of the store');
    if (this.trouble === 'unavailable') return fail(failure('RECORDS_UNAVAILABLE', 'the database is away', 5));
    return ok(find());
  }
}

function recordOf(decision: Decision, sequence: number): DecisionRecord {
  const hash = sequence.toString(16).padStart(64, '0');
  return { writer, sequence, hash, decision, line: JSON.stringify({ ...decision, writer, sequence, hash }) };
}

function newestFirst(one: DecisionRecord, other: DecisionRecord): number {
  return other.decision.time.localeCompare(one.decision.time) || other.sequence - one.sequence;
}

function fits(decision: Decision, query: RecordQuery): boolean {
  const { verdicts, since = '', until = '~' } = query;
  return (
    (verdicts === undefined || verdicts.includes(decision.verdict)) &&
    (['namespace', 'kind', 'name'] as const).every((field) => (query[field] ?? decision[field]) === decision[field]) &&
    decision.time >= since &&
    decision.time < until &&
    fitsContent(decision, query)
  );
}

function fitsContent(decision: Decision, { policy, code, image, text }: RecordQuery): boolean {
  const policies = [...decision.images.flatMap((one) => one.policies), ...decision.reasons.map((one) => one.policy)];
  const images = decision.images.flatMap((one) => [one.image, one.digest ?? '']);
  return (
    (policy === undefined || policies.includes(policy)) &&
    (code === undefined || decision.reasons.some((one) => one.code === code)) &&
    (image === undefined || images.some((one) => one.includes(image))) &&
    (text === undefined || JSON.stringify(decision).includes(text))
  );
}
