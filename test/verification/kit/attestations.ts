/** Legacy attestations, as `cosign attest` writes them into sha256-….att unless a test changes something. */
import { sign } from 'node:crypto';
import type { LegacyAttestation } from '../../../src/policy/facts.ts';
import { pem, type KeyPair } from './certificates.ts';
import { dsseEntry, logEntry, rekorBundle, type SignedEntry } from './log-entries.ts';
import { signedAt, type Leaf, type Sigstore } from './sigstore.ts';
import { annotation } from './signatures.ts';

const inToto = 'application/vnd.in-toto+json';

/** secure-systems-lab/dsse protocol.md §signature definition */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), Buffer.from(payload)]);
}

export function envelopeOf(payload: Uint8Array, signature: Uint8Array, payloadType = inToto): Buffer {
  const [content, sig] = [payload, signature].map((bytes) => Buffer.from(bytes).toString('base64'));
  return Buffer.from(JSON.stringify({ payloadType, payload: content, signatures: [{ keyid: '', sig }] }));
}

export interface AttestationRequest {
  readonly statement: Buffer;
  readonly payloadType?: string;
  readonly key: KeyPair;
  readonly certificate?: Buffer;
  readonly hash?: string | null;
  readonly entry?: (signature: Buffer) => SignedEntry;
  readonly token?: (envelope: Buffer, signature: Buffer) => Buffer;
}

export function attestationOf(request: AttestationRequest): LegacyAttestation {
  const { statement, payloadType = inToto, hash = 'sha256' } = request;
  const signature = sign(hash, preAuthEncoding(payloadType, statement), request.key.privateKey);
  const envelope = envelopeOf(statement, signature, payloadType);
  return {
    format: 'legacy-attestation',
    envelope,
    annotations: {
      [annotation.signature]: '',
      ...(request.certificate && { [annotation.certificate]: pem(request.certificate), [annotation.chain]: '' }),
      ...(request.entry && { [annotation.rekor]: rekorBundle(request.entry(signature)) }),
      ...(request.token && {
        [annotation.timestamp]: JSON.stringify({
          SignedRFC3161Timestamp: request.token(envelope, signature).toString('base64'),
        }),
      }),
    },
  };
}

/** By a certificate of `sigstore`, with a log entry. */
export function keylessAttestation(
  sigstore: Sigstore,
  leaf: Leaf,
  change: Partial<AttestationRequest> & { readonly statement: Buffer; readonly time?: Date },
): LegacyAttestation {
  const { statement, time = signedAt } = change;
  return attestationOf({
    key: leaf.key,
    certificate: leaf.der,
    entry: (signature) => logEntry(sigstore, { body: dsseEntry(statement, signature, pem(leaf.der)), time }),
    ...change,
  });
}
