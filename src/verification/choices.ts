/** Every pair of log entry and timestamp that could satisfy a question: one that proves nothing must not spoil another. */
import type { TransparencyLogEntry } from '@sigstore/bundle';
import type { TrustQuestion } from '../policy/question.ts';
import type { ParsedSignature } from './parsed-signature.ts';
import { Rejection } from './rejection.ts';
import { TimestampToken } from './timestamp-token.ts';

export interface Choice {
  readonly entry: TransparencyLogEntry | undefined;
  readonly token: TimestampToken | undefined;
}

/** Entries are not looked at, and vouch for no time, when the question ignores logs. */
export function choices(parsed: ParsedSignature, trust: TrustQuestion): readonly Choice[] {
  const entries = trust.log.demand === 'required' ? parsed.logEntries : [undefined];
  if (entries.length === 0)
    throw new Rejection('TLOG_MISSING', 'it is not in a transparency log, as the policy demands');
  const useTokens = trust.timestamps !== undefined || trust.log.demand === 'required';
  const tokens = useTokens ? parsed.timestamps.map(readToken) : [];
  if (trust.timestamps !== undefined && tokens.length === 0) {
    throw new Rejection('TIMESTAMP_MISSING', 'it has no timestamp of a timestamp authority, as the policy demands');
  }
  const optional = trust.timestamps === undefined ? [undefined, ...tokens] : tokens;
  return entries.flatMap((entry) => optional.map((token) => ({ entry, token })));
}

function readToken(der: Uint8Array): TimestampToken {
  try {
    const token = TimestampToken.fromDer(der);
    token.signingTime.getTime();
    return token;
  } catch {
    throw new Rejection('TIMESTAMP_INVALID', 'the timestamp cannot be read');
  }
}

export function firstProof<T>(all: readonly Choice[], attempt: (choice: Choice) => T): T {
  let first: unknown;
  for (const choice of all) {
    try {
      return attempt(choice);
    } catch (error) {
      first ??= error;
    }
  }
  throw first;
}
