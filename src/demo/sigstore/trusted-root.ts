import { createHash } from 'node:crypto';
import type { CertificateAuthority } from './certificate-authority.ts';
import type { TimestampAuthority } from './timestamp-authority.ts';
import type { TransparencyLog } from './transparency-log.ts';

export interface Material {
  readonly url: string;
  readonly since: Date;
  readonly authority: CertificateAuthority;
  readonly log: TransparencyLog;
  readonly stamps: TimestampAuthority;
}

const dayMs = 24 * 60 * 60 * 1_000;

/** sigstore/protobuf-specs sigstore_trustroot.proto. Everything has a beginning: a window without one is no window. */
export function trustedRoot(
  { url, since, authority, log, stamps }: Material,
  logs: 'with logs' | 'without logs',
): string {
  const validFor = { start: new Date(since.getTime() - dayMs).toISOString() };

  const authorityOf = (commonName: string, chain: readonly Buffer[]): object => ({
    subject: { organization: 'sigstore.mock', commonName },
    uri: url,
    certChain: { certificates: chain.map((der) => ({ rawBytes: der.toString('base64') })) },
    validFor,
  });
  const logOf = (key: Buffer): object => ({
    baseUrl: url,
    hashAlgorithm: 'SHA2_256',
    publicKey: { rawBytes: key.toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
    logId: { keyId: createHash('sha256').update(key).digest('base64') },
  });

  return JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: logs === 'with logs' ? log.keys.map(logOf) : [],
    certificateAuthorities: [authorityOf('sigstore', [authority.root])],
    ctlogs: [logOf(authority.ctLogKey)],
    timestampAuthorities: [authorityOf('tsa', stamps.chain)],
  });
}
