import { asRecord } from '../../kernel/strict-json.ts';
import { parseLine } from '../../records/chain.ts';
import { rawLines } from './lines.ts';

/** All that are given must fit. */
export interface DecisionFilter {
  readonly verdict?: string;
  readonly namespace?: string;
  readonly policy?: string;
  readonly code?: string;
  /** Correlation id, or uid of the request. */
  readonly id?: string;
  /** Part of an image's name or digest. */
  readonly image?: string;
  /** Inclusive. */
  readonly since?: Date;
  /** Exclusive. */
  readonly until?: Date;
  /** The newest so many; they still come oldest first. */
  readonly limit?: number;
}

/** A record with everything that was written, or a line that is none: a reader must not pass over it in silence. */
export type ReadDecision =
  | { readonly kind: 'decision'; readonly record: Readonly<Record<string, unknown>> }
  | { readonly kind: 'unreadable'; readonly file: string; readonly line: number; readonly why: string };

/** In the order of writing, in memory bounded by `limit`. Places in the chain are not checked: see `verifyDecisionLog`. */
export async function* readDecisions(files: readonly string[], filter: DecisionFilter): AsyncGenerator<ReadDecision> {
  if (filter.limit === undefined) return yield* matching(files, filter);
  const newest: ReadDecision[] = [];
  for await (const found of matching(files, filter)) {
    newest.push(found);
    if (newest.length > filter.limit) newest.shift();
  }
  yield* newest;
}

async function* matching(files: readonly string[], filter: DecisionFilter): AsyncGenerator<ReadDecision> {
  for (const file of files) {
    for await (const { line, bytes } of rawLines(file)) {
      const parsed = parseLine(bytes);
      if (!parsed.ok) yield { kind: 'unreadable', file, line, why: parsed.failure };
      else if (fits(parsed.value.record, filter)) yield { kind: 'decision', record: parsed.value.record };
    }
  }
}

type DecisionRecord = Readonly<Record<string, unknown>>;

function fits(record: DecisionRecord, filter: DecisionFilter): boolean {
  return isAbout(record, filter) && isInTime(record, filter) && names(record, filter);
}

function isAbout(record: DecisionRecord, { verdict, namespace, id }: DecisionFilter): boolean {
  return (
    (verdict === undefined || record['verdict'] === verdict) &&
    (namespace === undefined || record['namespace'] === namespace) &&
    (id === undefined || record['correlationId'] === id || record['uid'] === id)
  );
}

function names(record: DecisionRecord, { code, policy, image }: DecisionFilter): boolean {
  return (
    (code === undefined || recordsIn(record, 'reasons').some((reason) => reason['code'] === code)) &&
    (policy === undefined || namesPolicy(record, policy)) &&
    (image === undefined || namesImage(record, image))
  );
}

function namesPolicy(record: DecisionRecord, policy: string): boolean {
  if (recordsIn(record, 'reasons').some((reason) => reason['policy'] === policy)) return true;
  return recordsIn(record, 'images').some(({ policies }) => Array.isArray(policies) && policies.includes(policy));
}

function namesImage(record: DecisionRecord, part: string): boolean {
  const texts = [...recordsIn(record, 'images'), ...recordsIn(record, 'reasons')].flatMap(({ image, digest }) => [
    image,
    digest,
  ]);
  return texts.some((text) => typeof text === 'string' && text.includes(part));
}

function isInTime(record: DecisionRecord, { since, until }: DecisionFilter): boolean {
  const time = Date.parse(String(record['time']));
  return (since === undefined || time >= since.getTime()) && (until === undefined || time < until.getTime());
}

function recordsIn(record: DecisionRecord, key: string): readonly DecisionRecord[] {
  const list = record[key];
  return Array.isArray(list) ? list.map(asRecord).filter((item) => item !== undefined) : [];
}
