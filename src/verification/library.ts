/** The calls to @sigstore/verify: entities in, nothing or a coded rejection out. */
import type { TransparencyLogEntry } from '@sigstore/bundle';
import { VerificationError, Verifier, type SignedEntity, type TrustMaterial } from '@sigstore/verify';
import type { SignedMaterial } from './parsed-signature.ts';
import { Rejection } from './rejection.ts';
import type { TimestampToken } from './timestamp-token.ts';

export type VerifierOptions = NonNullable<ConstructorParameters<typeof Verifier>[1]>;

/** Both lists are made from the same entry: the library does not check that a time comes from a proven one. */
export function entityOf(
  parsed: SignedMaterial,
  key: SignedEntity['key'],
  entry: TransparencyLogEntry | undefined,
  token: TimestampToken | undefined,
): SignedEntity {
  const promised =
    entry?.inclusionPromise === undefined ? [] : [{ $case: 'transparency-log', tlogEntry: entry } as const];
  const stamped = token === undefined ? [] : [{ $case: 'timestamp-authority', timestamp: token } as const];
  return {
    signature: parsed.content,
    key,
    tlogEntries: entry === undefined ? [] : [entry],
    timestamps: [...promised, ...stamped],
  };
}

/** The current time in the only form in which the library takes one. No log is asked about it. */
export function entityNow(parsed: SignedMaterial, key: SignedEntity['key'], now: Date): SignedEntity {
  const tlogEntry: TransparencyLogEntry = {
    logIndex: '0',
    logId: { keyId: Buffer.alloc(0) },
    kindVersion: { kind: '', version: '' },
    integratedTime: String(Math.floor(now.getTime() / 1_000)),
    inclusionPromise: { signedEntryTimestamp: Buffer.alloc(0) },
    inclusionProof: undefined,
    canonicalizedBody: Buffer.alloc(0),
  };
  return { signature: parsed.content, key, tlogEntries: [], timestamps: [{ $case: 'transparency-log', tlogEntry }] };
}

export function runLibrary(material: TrustMaterial, options: VerifierOptions, entity: SignedEntity): void {
  try {
    const tlogs = material.tlogs.map((log) => namedLikeCheckpoint(log, entity.tlogEntries));
    new Verifier({ ...material, tlogs }, options).verify(entity);
  } catch (error) {
    throw error instanceof VerificationError ? rejectionOf(error) : error;
  }
}

type Log = TrustMaterial['tlogs'][number];

/**
 * Rekor v1 signs its checkpoints with the name of the host it runs on, in a cluster that of a Pod, and cosign goes by the
 * key alone. The library also wants the name in the log's URL, so it finds it there. Rekor v2 has names that count.
 */
function namedLikeCheckpoint(log: Log, entries: readonly TransparencyLogEntry[]): Log {
  const promised = entries.filter(({ inclusionPromise }) => inclusionPromise !== undefined);
  const names = promised.flatMap(({ inclusionProof }) => {
    const envelope = inclusionProof?.checkpoint?.envelope ?? '';
    return Array.from(envelope.matchAll(/^\u2014 (\S+) /gm), ([, name]) => name);
  });
  return names.length === 0 ? log : { ...log, baseURL: [log.baseURL, ...names].join(' ') };
}

function rejectionOf(error: VerificationError): Rejection {
  switch (error.code) {
    case 'CERTIFICATE_ERROR':
      return new Rejection(
        'CERTIFICATE_INVALID',
        'the signing certificate is not from a certificate authority of the trust root',
      );
    case 'TIMESTAMP_ERROR':
      return new Rejection('TIMESTAMP_INVALID', 'the timestamp is not by a timestamp authority of the trust root');
    case 'SIGNATURE_ERROR':
      return new Rejection(
        'SIGNATURE_INVALID',
        'the signature is not by its certificate, or what it signs was changed',
      );
    case 'PUBLIC_KEY_ERROR':
      return new Rejection('KEY_MISMATCH', 'the signature is by another key');
    case 'NOT_IMPLEMENTED_ERROR':
    case 'TLOG_BODY_ERROR':
    case 'TLOG_ERROR':
    case 'TLOG_INCLUSION_PROOF_ERROR':
    case 'TLOG_INCLUSION_PROMISE_ERROR':
    case 'TLOG_MISSING_INCLUSION_ERROR':
      return new Rejection('TLOG_INVALID', 'the transparency log entry does not prove this signature');
  }
}
