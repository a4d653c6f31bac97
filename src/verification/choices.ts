/** Every pair of log entry and timestamp that could satisfy a question: one that proves nothing must not spoil another. */
import type { TransparencyLogEntry } from '@sigstore/bundle';
import type { TrustQuestion } from '../policy/question.ts';
import type { SignedMaterial } from './parsed-signature.ts';
import { Rejection } from './rejection.ts';
import { TimestampToken } from './timestamp-token.ts';

export interface Choice {
  readonly entry: TransparencyLogEntry | undefined;
  readonly token: TimestampToken | undefined;
}

/** Entries are not looked at, and vouch for no time, when the question ignores logs. */
export function choices(parsed: SignedMaterial, trust: TrustQuestion): readonly Choice[] {
  const entries = trust.log.demand === 'required' ? parsed.logEntries.filter(isReadable) : [undefined];
  if (entries.length === 0)
    throw new Rejection('TLOG_MISSING', 'it is not in a transparency log, as the policy demands');
  if (trust.timestamps !== undefined && parsed.timestamps.length === 0) {
    throw new Rejection('TIMESTAMP_MISSING', 'it has no timestamp of a timestamp authority, as the policy demands');
  }
  // A promise of the log proves the time by itself; only without one, or on demand, are timestamps looked at.
  const demanded = trust.timestamps !== undefined;
  const tokens = demanded || entries.some(provesNoTime) ? readTokens(parsed.timestamps) : [];
  return entries.flatMap((entry) => {
    const wanted = demanded || (provesNoTime(entry) && tokens.length > 0) ? tokens : [undefined];
    return wanted.map((token) => ({ entry, token }));
  });
}

function provesNoTime(entry: TransparencyLogEntry | undefined): boolean {
  return entry !== undefined && entry.inclusionPromise === undefined;
}

/** Numbers that the library makes BigInts of, whatever their length, and texts that it hashes. */
function isReadable({ logIndex, integratedTime, inclusionProof, canonicalizedBody }: TransparencyLogEntry): boolean {
  if (canonicalizedBody.length > maxBody || ![logIndex, integratedTime].every(isNumber)) return false;
  if (inclusionProof === undefined) return true;
  const { logIndex: place, treeSize, hashes, checkpoint } = inclusionProof;
  const isShort = (checkpoint?.envelope ?? '').length <= maxCheckpoint && hashes.length <= maxHashes;
  return isShort && [place, treeSize].every(isNumber);
}

const isNumber = (text: string): boolean => /^\d{1,19}$/.test(text);

const maxCheckpoint = 16 * 1024;
const maxHashes = 64;
const maxBody = 256 * 1024;
/** Real ones have 1 to 6 KiB. */
const maxToken = 64 * 1024;

/** One that cannot be read spoils the others no more than one that proves nothing. */
function readTokens(ders: readonly Uint8Array[]): readonly TimestampToken[] {
  const tokens = ders.map(readToken).filter((token) => token !== undefined);
  if (ders.length > 0 && tokens.length === 0) throw new Rejection('TIMESTAMP_INVALID', 'the timestamp cannot be read');
  return tokens;
}

function readToken(der: Uint8Array): TimestampToken | undefined {
  try {
    if (der.length > maxToken) return undefined;
    const token = TimestampToken.fromDer(der);
    return Number.isNaN(token.signingTime.getTime()) ? undefined : token;
  } catch {
    return undefined;
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
