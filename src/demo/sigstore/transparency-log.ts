/**
 * Rekor v1 and v2. What a log stores is not what it is sent: proposals become canonical entries here, because the
 * library stores them as they come. sigstore/rekor pkg/types/{dsse,hashedrekord}; sigstore/rekor-tiles api
 */
import { createHash, generateKeyPairSync } from 'node:crypto';
import { initializeTLog } from '@sigstore/mock/dist/rekor/index.js';
import { asRecord } from '../../kernel/strict-json.ts';
import { wholeSeconds } from './certificate-authority.ts';
import type { Answer, Call, Routes } from './sigstore.ts';

export interface TransparencyLog {
  readonly routes: Routes;
  /** DER of the SPKIs, v1 and v2. */
  readonly keys: readonly Buffer[];
}

export async function startTransparencyLog(url: string, clock: () => Date): Promise<TransparencyLog> {
  const time = new Date(0);
  const log = await initializeTLog(url, generateKeyPairSync('ec', { namedCurve: 'P-256' }), time);
  const logV2 = await initializeTLog(url, generateKeyPairSync('ec', { namedCurve: 'P-256' }), time);

  async function createEntry({ body }: Call): Promise<Answer> {
    time.setTime(wholeSeconds(clock()).getTime());
    const stored: object = await log.log(canonicalV1(JSON.parse(body.toString())));
    // cosign reads the entry's name from this header.
    const headers = { etag: Object.keys(stored)[0] ?? '' };
    return { status: 201, type: 'application/json', body: JSON.stringify(stored), headers };
  }

  async function createEntryV2({ body }: Call): Promise<Answer> {
    time.setTime(wholeSeconds(clock()).getTime());
    const entry = canonicalV2(JSON.parse(body.toString()));
    // The library's types for this come with a package of their own.
    const [stored] = Object.values((await logV2.log(entry)) as Record<string, StoredEntry>);
    if (stored === undefined) throw new Error('the entry was not stored');
    return { status: 201, type: 'application/json', body: JSON.stringify(asTransparencyLogEntry(entry, stored)) };
  }

  return {
    routes: { '/api/v1/log/entries': createEntry, '/api/v2/log/entries': createEntryV2 },
    keys: [log.publicKey, logV2.publicKey],
  };
}

function canonicalV1(proposed: unknown): object {
  const { apiVersion, kind, spec } = asRecord(proposed) ?? {};
  if (kind === 'hashedrekord' && apiVersion === '0.0.1') return { apiVersion, kind, spec };
  if (kind !== 'dsse' || apiVersion !== '0.0.1') throw new Error('only hashedrekord and dsse 0.0.1 are stored');
  // The proposal's own shape; anything else throws and is answered 400.
  const { envelope, verifiers } = (spec as { proposedContent: { envelope: string; verifiers: readonly string[] } })
    .proposedContent;
  const { payload, signatures } = JSON.parse(envelope) as Envelope;
  return {
    apiVersion,
    kind,
    spec: {
      envelopeHash: { algorithm: 'sha256', value: sha256(envelope).toString('hex') },
      payloadHash: { algorithm: 'sha256', value: sha256(Buffer.from(payload, 'base64')).toString('hex') },
      signatures: signatures.map(({ sig }, index) => ({ signature: sig, verifier: verifiers[index] })),
    },
  };
}

interface Envelope {
  readonly payload: string;
  readonly signatures: readonly { readonly sig: string }[];
}

interface EntryV2 {
  readonly apiVersion: '0.0.2';
  readonly kind: 'hashedrekord' | 'dsse';
  readonly spec: object;
}

interface RequestV2 {
  readonly hashedRekordRequestV002?: { readonly digest: string; readonly signature: object };
  readonly dsseRequestV002?: { readonly envelope: Envelope; readonly verifiers: readonly object[] };
}

function canonicalV2(proposed: unknown): EntryV2 {
  const { hashedRekordRequestV002: hashed, dsseRequestV002: dsse } = proposed as RequestV2;
  if (hashed !== undefined) {
    const { digest, signature } = hashed;
    const spec = { hashedRekordV002: { data: { algorithm: 'SHA2_256', digest }, signature } };
    return { apiVersion: '0.0.2', kind: 'hashedrekord', spec };
  }
  if (dsse === undefined) throw new Error('only hashedrekord and dsse 0.0.2 are stored');
  const { envelope, verifiers } = dsse;
  const payloadHash = {
    algorithm: 'SHA2_256',
    digest: sha256(Buffer.from(envelope.payload, 'base64')).toString('base64'),
  };
  const signatures = envelope.signatures.map(({ sig }, index) => ({ content: sig, verifier: verifiers[index] }));
  return { apiVersion: '0.0.2', kind: 'dsse', spec: { dsseV002: { payloadHash, signatures } } };
}

interface StoredEntry {
  readonly body: string;
  readonly logID: string;
  readonly verification: {
    readonly inclusionProof: {
      readonly logIndex: number;
      readonly treeSize: number;
      readonly rootHash: string;
      readonly checkpoint: string;
    };
  };
}

/** Version 2 promises no time: an inclusion proof and a checkpoint are all that it gives. */
function asTransparencyLogEntry(entry: EntryV2, stored: StoredEntry): object {
  const proof = stored.verification.inclusionProof;
  return {
    logIndex: String(proof.logIndex),
    logId: { keyId: Buffer.from(stored.logID, 'hex').toString('base64') },
    kindVersion: { kind: entry.kind, version: entry.apiVersion },
    integratedTime: '0',
    inclusionProof: {
      logIndex: String(proof.logIndex),
      rootHash: Buffer.from(proof.rootHash, 'hex').toString('base64'),
      treeSize: String(proof.treeSize),
      hashes: [],
      checkpoint: { envelope: proof.checkpoint },
    },
    canonicalizedBody: stored.body,
  };
}

function sha256(data: string | Uint8Array): Buffer {
  return createHash('sha256').update(data).digest();
}
