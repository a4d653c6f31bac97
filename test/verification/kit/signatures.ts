/** Signatures of both formats, as cosign writes them unless a test changes something. */
import { createHash, sign } from 'node:crypto';
import { hexOf, type Digest } from '../../../src/kernel/digest.ts';
import type { BundleSignature, LegacySignature } from '../../../src/policy/facts.ts';
import { pem, type KeyPair } from './certificates.ts';
import {
  bundleEntry,
  dsseEntry,
  hashedRekord,
  hashedRekordV2,
  logEntry,
  rekorBundle,
  type SignedEntry,
} from './log-entries.ts';
import { image, signedAt, tokenOf, type Leaf, type Sigstore } from './sigstore.ts';

export function claimOf(of: Digest, optional: object | null = null): Buffer {
  const critical = {
    identity: { 'docker-reference': 'registry.test/app' },
    image: { 'docker-manifest-digest': of },
    type: 'cosign container image signature',
  };
  return Buffer.from(JSON.stringify({ critical, optional }));
}

export const annotation = {
  signature: 'dev.cosignproject.cosign/signature',
  certificate: 'dev.sigstore.cosign/certificate',
  chain: 'dev.sigstore.cosign/chain',
  rekor: 'dev.sigstore.cosign/bundle',
  timestamp: 'dev.sigstore.cosign/rfc3161timestamp',
} as const;

export interface LegacyRequest {
  readonly payload?: Buffer;
  readonly key: KeyPair;
  readonly certificate?: Buffer;
  readonly chain?: readonly Buffer[];
  readonly hash?: string | null;
  readonly entry?: (signature: Buffer) => SignedEntry;
  readonly token?: (signature: Buffer) => Buffer;
}

export function legacyOf(request: LegacyRequest): LegacySignature {
  const payload = request.payload ?? claimOf(image);
  const hash = request.hash === undefined ? 'sha256' : request.hash;
  const signature = sign(hash, payload, request.key.privateKey);
  return {
    format: 'legacy',
    payload,
    annotations: {
      [annotation.signature]: signature.toString('base64'),
      ...(request.certificate && { [annotation.certificate]: pem(request.certificate), [annotation.chain]: '' }),
      ...(request.chain && { [annotation.chain]: request.chain.map(pem).join('') }),
      ...(request.entry && { [annotation.rekor]: rekorBundle(request.entry(signature)) }),
      ...(request.token && {
        [annotation.timestamp]: JSON.stringify({
          SignedRFC3161Timestamp: request.token(signature).toString('base64'),
        }),
      }),
    },
  };
}

/** As cosign writes it for a certificate of `sigstore`, with a log entry. */
export function keylessLegacy(
  sigstore: Sigstore,
  leaf: Leaf,
  change: Partial<LegacyRequest> & { readonly verifier?: string; readonly time?: Date } = {},
): LegacySignature {
  const payload = change.payload ?? claimOf(image);
  const verifier = change.verifier ?? pem(leaf.der);
  return legacyOf({
    key: leaf.key,
    certificate: leaf.der,
    payload,
    entry: (signature) =>
      logEntry(sigstore, { body: hashedRekord(payload, signature, verifier), time: change.time ?? signedAt }),
    ...change,
  });
}

const inToto = 'application/vnd.in-toto+json';

export function statementOf(of: Digest, change: object = {}): Buffer {
  return Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ digest: { sha256: hexOf(of) }, annotations: { env: 'prod' } }],
      predicateType: 'https://sigstore.dev/cosign/sign/v1',
      predicate: {},
      ...change,
    }),
  );
}

function preAuthEncoding(payloadType: string, payload: Uint8Array): Buffer {
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `),
    Buffer.from(payload),
  ]);
}

export interface BundleRequest {
  readonly statement?: Buffer;
  readonly payloadType?: string;
  readonly key: KeyPair;
  readonly certificate?: Buffer;
  readonly hash?: string | null;
  readonly entries?: (signature: Buffer, message: Buffer, payload: Buffer) => readonly object[];
  readonly tokens?: (signature: Buffer) => readonly Buffer[];
  readonly mediaType?: string;
}

export function bundleJson(request: BundleRequest): Record<string, unknown> {
  const payload = request.statement ?? statementOf(image);
  const payloadType = request.payloadType ?? inToto;
  const message = preAuthEncoding(payloadType, payload);
  const signature = sign(request.hash === undefined ? 'sha256' : request.hash, message, request.key.privateKey);
  const material =
    request.certificate === undefined
      ? { publicKey: { hint: '' } }
      : { certificate: { rawBytes: request.certificate.toString('base64') } };
  const tokens = request.tokens?.(signature) ?? [];
  return {
    mediaType: request.mediaType ?? 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: {
      ...material,
      tlogEntries: request.entries?.(signature, message, payload) ?? [],
      timestampVerificationData: {
        rfc3161Timestamps: tokens.map((token) => ({ signedTimestamp: token.toString('base64') })),
      },
    },
    dsseEnvelope: {
      payload: payload.toString('base64'),
      payloadType,
      signatures: [{ sig: signature.toString('base64') }],
    },
  };
}

export function bundleOf(request: BundleRequest): BundleSignature {
  return asBundle(bundleJson(request));
}

export function asBundle(value: unknown): BundleSignature {
  return { format: 'bundle', bundle: Buffer.from(JSON.stringify(value)) };
}

/** As cosign 3 writes it with Rekor v1. */
export function keylessBundle(
  sigstore: Sigstore,
  leaf: Leaf,
  change: Partial<BundleRequest> & { readonly verifier?: string } = {},
): BundleSignature {
  return bundleOf({
    key: leaf.key,
    certificate: leaf.der,
    entries: (signature, _message, payload) => [
      bundleEntry(
        logEntry(sigstore, { body: dsseEntry(payload, signature, change.verifier ?? pem(leaf.der)) }),
        'dsse',
        '0.0.1',
      ),
    ],
    ...change,
  });
}

/** As cosign 3 writes it with Rekor v2 and a timestamp authority. */
export function keylessBundleV2(sigstore: Sigstore, leaf: Leaf, change: Partial<BundleRequest> = {}): BundleSignature {
  return bundleOf({
    key: leaf.key,
    certificate: leaf.der,
    entries: (signature, message) => [
      bundleEntry(logEntry(sigstore, { body: hashedRekordV2(message, signature, leaf.der) }), 'hashedrekord', '0.0.2', {
        promise: false,
      }),
    ],
    tokens: (signature) => [tokenOf(sigstore, signature)],
    ...change,
  });
}

/** A bundle over bare bytes, as `cosign sign-blob` writes it: of any file, never of an image. */
export function messageBundleJson(
  request: Pick<BundleRequest, 'key' | 'certificate' | 'tokens'> & {
    readonly message: Buffer;
    readonly entries: (signature: Buffer) => readonly object[];
  },
): Record<string, unknown> {
  const { dsseEnvelope: _, ...bundle } = bundleJson({ ...request, entries: () => [] });
  const signature = sign('sha256', request.message, request.key.privateKey);
  const tokens = (request.tokens?.(signature) ?? []).map((token) => ({ signedTimestamp: token.toString('base64') }));
  const digest = createHash('sha256').update(request.message).digest('base64');
  return {
    ...bundle,
    verificationMaterial: {
      ...Object(bundle['verificationMaterial']),
      tlogEntries: request.entries(signature),
      timestampVerificationData: { rfc3161Timestamps: tokens },
    },
    messageSignature: {
      messageDigest: { algorithm: 'SHA2_256', digest },
      signature: signature.toString('base64'),
    },
  };
}
