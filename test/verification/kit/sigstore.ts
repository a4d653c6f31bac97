/**
 * A Sigstore of one's own with every part open to a test: certificate authority, certificate log, transparency log and
 * timestamp authority, and signatures of both formats. All times are fixed.
 */
import { createHash } from 'node:crypto';
import { digestOf } from '../../../src/kernel/digest.ts';
import type { SignatureArtifact } from '../../../src/policy/facts.ts';
import type { TrustRoot } from '../../../src/policy/model.ts';
import type { CertificateQuestion, KeyQuestion, TrustQuestion } from '../../../src/policy/question.ts';
import {
  alternativeNames,
  authorityKeyId,
  basicConstraints,
  codeSigning,
  ecKey,
  extendedKeyUsage,
  fulcioV1,
  fulcioV2,
  issue,
  issueWithSct,
  keyId,
  keyUsage,
  name,
  pemOfKey,
  spki,
  subjectKeyId,
  timeStamping,
  uri,
  type CertificateRequest,
  type Extension,
  type KeyPair,
} from './certificates.ts';
import { verifySignature } from '../../../src/verification/verify-signature.ts';
import { timestampResponse, type TokenRequest } from './timestamps.ts';

export const signedAt = new Date('2026-01-15T12:00:00Z');
export const expiresAt = new Date('2026-01-15T12:10:00Z');
export const muchLater = new Date('2026-06-01T00:00:00Z');
const start = '2025-01-01T00:00:00Z';
const caStart = new Date(start);
const caEnd = new Date('2035-01-01T00:00:00Z');

export const image = digestOf('an image');
export const otherImage = digestOf('another image');
export const identity = 'https://github.com/acme/app/.github/workflows/release.yaml@refs/heads/main';
export const issuer = 'https://token.actions.githubusercontent.com';
export const rekorUrl = 'https://rekor.test';

export interface Sigstore {
  readonly rootKey: KeyPair;
  readonly intermediateKey: KeyPair;
  readonly ctKey: KeyPair;
  readonly rekorKey: KeyPair;
  readonly tsaKey: KeyPair;
  readonly rootDer: Buffer;
  readonly intermediateDer: Buffer;
  readonly trustedRoot: TrustedRootJson;
  readonly root: TrustRoot;
}

/** Outline of a trusted_root.json, open to changes by tests. */
export interface TrustedRootJson {
  readonly mediaType: string;
  readonly tlogs: readonly LogJson[];
  readonly ctlogs: readonly LogJson[];
  readonly certificateAuthorities: readonly AuthorityJson[];
  readonly timestampAuthorities: readonly AuthorityJson[];
}
export type Window = { readonly start?: string; readonly end?: string };
export interface LogJson {
  readonly baseUrl: string;
  readonly hashAlgorithm: string;
  readonly publicKey: { readonly rawBytes: string; readonly keyDetails: string; readonly validFor?: Window };
  readonly logId: { readonly keyId: string };
}
export interface AuthorityJson {
  readonly subject: object;
  readonly uri: string;
  readonly certChain: { readonly certificates: readonly { readonly rawBytes: string }[] };
  readonly validFor?: Window;
}

export const rootName = name('test root');
export const intermediateName = name('test intermediate');
const tsaName = name('test timestamps');

export function certificateOf(
  subject: Buffer,
  key: KeyPair,
  issuerName: Buffer,
  signer: KeyPair,
  extensions: readonly Extension[],
): CertificateRequest {
  const ids = [subjectKeyId(keyId(key)), authorityKeyId(keyId(signer))];
  const window = { notBefore: caStart, notAfter: caEnd };
  return { subject, key, issuer: issuerName, signer, ...window, extensions: [...extensions, ...ids] };
}

const authorityExtensions = [basicConstraints(true), keyUsage(0x06)];

export interface SigstoreOptions {
  readonly curve?: string;
  readonly tsaKey?: KeyPair;
  readonly tsaUsages?: readonly string[];
  readonly intermediateExtensions?: readonly Extension[];
}

export function createSigstore(options: SigstoreOptions = {}): Sigstore {
  const rootKey = ecKey(options.curve);
  const intermediateKey = ecKey(options.curve);
  const [ctKey, rekorKey] = [ecKey(), ecKey()];
  const tsaKey = options.tsaKey ?? ecKey();
  const rootDer = issue(certificateOf(rootName, rootKey, rootName, rootKey, authorityExtensions));
  const more = options.intermediateExtensions ?? [];
  const intermediateDer = issue(
    certificateOf(intermediateName, intermediateKey, rootName, rootKey, [
      basicConstraints(true, 0),
      keyUsage(0x06),
      ...more,
    ]),
  );
  const tsaDer = issue({
    ...certificateOf(tsaName, tsaKey, rootName, rootKey, [
      keyUsage(0x80),
      extendedKeyUsage(...(options.tsaUsages ?? [timeStamping])),
    ]),
    serial: tsaSerial,
  });
  const trustedRoot: TrustedRootJson = {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [logJson(rekorUrl, rekorKey)],
    ctlogs: [logJson('https://ct.test', ctKey)],
    certificateAuthorities: [authorityJson([intermediateDer, rootDer])],
    timestampAuthorities: [authorityJson([tsaDer, rootDer])],
  };
  const root = trustRoot(trustedRoot);
  return { rootKey, intermediateKey, ctKey, rekorKey, tsaKey, rootDer, intermediateDer, trustedRoot, root };
}

const tsaSerial = 99;

export function logJson(baseUrl: string, key: KeyPair, validFor: Window = { start }): LogJson {
  return {
    baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: { rawBytes: spki(key).toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
    logId: { keyId: logIdOf(key).toString('base64') },
  };
}

export function authorityJson(chain: readonly Buffer[], validFor: Window = { start }): AuthorityJson {
  const certificates = chain.map((der) => ({ rawBytes: der.toString('base64') }));
  return { subject: {}, uri: 'https://authority.test', certChain: { certificates }, validFor };
}

export function trustRoot(content: TrustedRootJson): TrustRoot {
  const trustedRootJson = JSON.stringify(content);
  return { name: 'test', generation: digestOf(trustedRootJson), trustedRootJson, notReady: [] };
}

export const logIdOf = (key: KeyPair): Buffer => createHash('sha256').update(spki(key)).digest();

export function keyless(sigstore: Sigstore, change: Partial<CertificateQuestion> = {}): CertificateQuestion {
  const log = { demand: 'required', root: sigstore.root } as const;
  return { kind: 'certificate', root: sigstore.root, sct: 'required', identities: [], log, ...change };
}

export function byKey(key: KeyPair, change: Partial<KeyQuestion> = {}): KeyQuestion {
  return { kind: 'key', keys: [pemOfKey(key)], log: { demand: 'ignored' }, ...change };
}

export const logIgnored = { demand: 'ignored' } as const;

// signers

export interface Leaf {
  readonly der: Buffer;
  readonly key: KeyPair;
}

export interface LeafChange {
  readonly names?: readonly Buffer[];
  readonly usages?: readonly string[];
  readonly extensions?: readonly Extension[];
  readonly identityExtensions?: readonly Extension[];
  readonly request?: Partial<CertificateRequest>;
  readonly withoutSct?: boolean;
  readonly ctKey?: KeyPair;
}

/** What Fulcio would issue at `signedAt`, unless changed. */
export function leafOf(sigstore: Sigstore, change: LeafChange = {}): Leaf {
  const {
    usages = [codeSigning],
    names = [uri(identity)],
    identityExtensions = [fulcioV1(1, issuer), fulcioV2(8, issuer)],
    extensions = [],
    ctKey = sigstore.ctKey,
  } = change;
  const key = change.request?.key ?? ecKey();
  const request = {
    ...certificateOf(name('leaf'), key, intermediateName, sigstore.intermediateKey, [
      keyUsage(0x80),
      ...(usages.length === 0 ? [] : [extendedKeyUsage(...usages)]),
      ...(names.length === 0 ? [] : [alternativeNames(...names)]),
      ...identityExtensions,
      ...extensions,
    ]),
    notBefore: signedAt,
    notAfter: expiresAt,
    ...change.request,
  };
  return { der: change.withoutSct === true ? issue(request) : issueWithSct(request, ctKey, signedAt), key };
}

export function tokenOf(sigstore: Sigstore, data: Uint8Array, change: Partial<TokenRequest> = {}): Buffer {
  return timestampResponse({
    data,
    time: signedAt,
    key: sigstore.tsaKey,
    issuer: rootName,
    serial: tsaSerial,
    ...change,
  });
}

/** In one word: what was verified, or the code of the rejection. */
export function outcome(artifact: SignatureArtifact, trust: TrustQuestion, now = muchLater): string {
  const fact = verifySignature(artifact, image, trust, now);
  return fact.verified ? `verified ${fact.type}` : fact.code;
}
