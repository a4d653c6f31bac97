/** A store in memory that can be away, and what a delivery says. */
import { failure } from '../../src/kernel/failure.ts';
import { fail, ok, type Result } from '../../src/kernel/result.ts';
import type { Added, ChainPosition, DecisionRecord } from '../../src/ports/records.ts';
import type { DeliveryMetrics } from '../../src/records/deliver.ts';

export class FakeStore {
  readonly records = new Map<string, DecisionRecord>();
  /** Calls to `add`, also those that failed. */
  adds = 0;
  mostAtOnce = 0;
  isAway = false;
  /** It stores, and the answer does not arrive. */
  losesAnswers = false;

  async add(records: readonly DecisionRecord[]): Promise<Result<Added>> {
    this.adds += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, records.length);
    if (this.isAway) return away;
    let added = 0;
    for (const record of records) {
      const key = `${record.writer.id} ${record.writer.startedAt} ${record.sequence}`;
      if (!this.records.has(key)) added += 1;
      this.records.set(key, record);
    }
    return this.losesAnswers ? away : ok({ added });
  }

  async positions(): Promise<Result<readonly ChainPosition[]>> {
    if (this.isAway) return away;
    const chains = Map.groupBy(this.records.values(), ({ writer }) => JSON.stringify(writer));
    return ok(
      [...chains.values()].flatMap((chain) => {
        const sequences = chain.map(({ sequence }) => sequence);
        const [first, last] = [Math.min(...sequences), Math.max(...sequences)];
        return chain[0] === undefined ? [] : [{ writer: chain[0].writer, first, last, count: chain.length }];
      }),
    );
  }
}

const away = fail(failure('RECORDS_UNAVAILABLE', 'It is away.', 1));

export class CountedMetrics implements DeliveryMetrics {
  count = 0;
  failures = 0;
  bytes = 0;
  readonly losses: Record<string, number> = {};

  delivered(count: number): void {
    this.count += count;
  }

  failed(): void {
    this.failures += 1;
  }

  lost(why: string, count: number): void {
    this.losses[why] = (this.losses[why] ?? 0) + count;
  }

  backlog(bytes: number): void {
    this.bytes = bytes;
  }
}
