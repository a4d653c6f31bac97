/** Entries of a transparency log that holds nothing else: Rekor v1 with promise and proof, Rekor v2 with proof. */
import { createHash, randomInt, sign } from 'node:crypto';
import { json as canonicalJson } from '@sigstore/core';
import type { KeyPair } from './certificates.ts';
import { logIdOf, rekorUrl, signedAt, type Sigstore } from './sigstore.ts';

export interface EntryRequest {
  readonly body: object;
  readonly time?: Date;
  readonly key?: KeyPair;
  /** What the log calls itself in its checkpoint. */
  readonly host?: string;
}

export interface SignedEntry {
  readonly body: Buffer;
  readonly integratedTime: number;
  readonly logIndex: number;
  readonly logId: Buffer;
  readonly set: Buffer;
  readonly checkpoint: string;
  readonly rootHash: Buffer;
}

export function logEntry(sigstore: Sigstore, request: EntryRequest): SignedEntry {
  const { body: content, time = signedAt, key, host = new URL(rekorUrl).host } = request;
  const logKey = key ?? sigstore.rekorKey;
  const body = Buffer.from(canonicalJson.canonicalize(content));
  const integratedTime = Math.floor(time.getTime() / 1_000);
  const logIndex = randomInt(1_000_000);
  const logId = logIdOf(logKey);
  const promised = { body: body.toString('base64'), integratedTime, logIndex, logID: logId.toString('hex') };
  const rootHash = createHash('sha256')
    .update(Buffer.from([0]))
    .update(body)
    .digest();
  const note = `${host} - 1\n1\n${rootHash.toString('base64')}\n`;
  const noteSignature = Buffer.concat([logId.subarray(0, 4), sign('sha256', Buffer.from(note), logKey.privateKey)]);
  return {
    body,
    integratedTime,
    logIndex,
    logId,
    set: sign('sha256', Buffer.from(canonicalJson.canonicalize(promised)), logKey.privateKey),
    checkpoint: `${note}\n\u2014 ${host} ${noteSignature.toString('base64')}\n`,
    rootHash,
  };
}

/** hashedrekord 0.0.1 */
export function hashedRekord(
  message: Uint8Array,
  signature: Uint8Array,
  verifierPem: string,
  algorithm = 'sha256',
): object {
  return {
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: {
      data: { hash: { algorithm, value: createHash(algorithm).update(message).digest('hex') } },
      signature: {
        content: Buffer.from(signature).toString('base64'),
        publicKey: { content: Buffer.from(verifierPem).toString('base64') },
      },
    },
  };
}

/** dsse 0.0.1 */
export function dsseEntry(payload: Uint8Array, signature: Uint8Array, verifierPem: string): object {
  return {
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: {
      payloadHash: { algorithm: 'sha256', value: createHash('sha256').update(payload).digest('hex') },
      signatures: [
        {
          signature: Buffer.from(signature).toString('base64'),
          verifier: Buffer.from(verifierPem).toString('base64'),
        },
      ],
    },
  };
}

/** hashedrekord 0.0.2 of Rekor v2, as cosign 3 writes it for DSSE too. */
export function hashedRekordV2(message: Uint8Array, signature: Uint8Array, certificate: Uint8Array): object {
  return {
    apiVersion: '0.0.2',
    kind: 'hashedrekord',
    spec: {
      hashedRekordV002: {
        data: { algorithm: 'SHA2_256', digest: createHash('sha256').update(message).digest('base64') },
        signature: {
          content: Buffer.from(signature).toString('base64'),
          verifier: {
            keyDetails: 'PKIX_ECDSA_P256_SHA_256',
            x509Certificate: { rawBytes: Buffer.from(certificate).toString('base64') },
          },
        },
      },
    },
  };
}

/** As the annotation of a legacy signature. */
export function rekorBundle(entry: SignedEntry): string {
  return JSON.stringify({
    SignedEntryTimestamp: entry.set.toString('base64'),
    Payload: {
      body: entry.body.toString('base64'),
      integratedTime: entry.integratedTime,
      logIndex: entry.logIndex,
      logID: entry.logId.toString('hex'),
    },
  });
}

/** A log entry as bundles hold it; without `promise` it is one of Rekor v2, which vouches for no time. */
export function bundleEntry(
  entry: SignedEntry,
  kind: string,
  version: string,
  proven: { readonly promise?: boolean; readonly proof?: boolean } = {},
): Record<string, unknown> {
  const { promise = true, proof = true } = proven;
  return {
    logIndex: String(entry.logIndex),
    logId: { keyId: entry.logId.toString('base64') },
    kindVersion: { kind, version },
    integratedTime: promise ? String(entry.integratedTime) : '0',
    ...(promise && { inclusionPromise: { signedEntryTimestamp: entry.set.toString('base64') } }),
    ...(proof && {
      inclusionProof: {
        logIndex: '0',
        rootHash: entry.rootHash.toString('base64'),
        treeSize: '1',
        hashes: [],
        checkpoint: { envelope: entry.checkpoint },
      },
    }),
    canonicalizedBody: entry.body.toString('base64'),
  };
}
