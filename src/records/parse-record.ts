import { ok, fail, type Result } from '../kernel/result.ts';
import { asRecord } from '../kernel/strict-json.ts';
import type { DecisionRecord } from '../ports/records.ts';
import { parseHead, parseLine } from './chain.ts';
import { parseDecision } from './parse-decision.ts';

/** A record and the hash of the one before it, as its line names it. */
export interface ProvenRecord {
  readonly record: DecisionRecord;
  readonly prev: string;
}

/** A line without its line feed, from outside: its hash is checked. The failure is a sentence about it. */
export function parseRecord(bytes: Buffer): Result<ProvenRecord, string> {
  const parsed = parseLine(bytes);
  if (!parsed.ok) return parsed;
  const { head, prev, record } = parsed.value;
  const decision = parseDecision(record);
  if (decision === undefined) return fail('it is no decision of version 1');
  return ok({ record: { ...head, decision, line: bytes.toString('utf8') }, prev });
}

/** A line that was checked when it was stored. */
export function readStoredLine(line: string): DecisionRecord | undefined {
  try {
    const members = asRecord(JSON.parse(line));
    const head = parseHead(members);
    const decision = members && parseDecision(members);
    return head === undefined || decision === undefined ? undefined : { ...head, decision, line };
  } catch {
    return undefined;
  }
}
