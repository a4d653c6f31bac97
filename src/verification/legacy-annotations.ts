/**
 * Annotations of a legacy layer: signature, certificate, and what proves when it was signed. Signatures and attestations
 * have the same. sigstore/cosign specs/SIGNATURE_SPEC.md, ATTESTATION_SPEC.md
 */
import { X509Certificate as NodeCertificate } from 'node:crypto';
import type { TransparencyLogEntry } from '@sigstore/bundle';
import { defined } from '../kernel/defined.ts';
import { asRecord, parseStrictJson } from '../kernel/strict-json.ts';
import type { SignedMaterial } from './parsed-signature.ts';
import { Rejection } from './rejection.ts';

export const annotationNames = {
  signature: 'dev.cosignproject.cosign/signature',
  certificate: 'dev.sigstore.cosign/certificate',
  chain: 'dev.sigstore.cosign/chain',
  rekor: 'dev.sigstore.cosign/bundle',
  timestamp: 'dev.sigstore.cosign/rfc3161timestamp',
} as const;

/** cosign writes a few KiB at most. */
const maxAnnotation = 256 * 1024;
const maxChain = 5;

type Proofs = Omit<SignedMaterial, 'content'>;

/** Without `signature` when its annotation is absent or empty, as it is on attestations: theirs is in the envelope. */
export function readAnnotations(
  annotations: Readonly<Record<string, string>>,
): Proofs & { readonly signature?: Uint8Array } {
  const annotation = (name: keyof typeof annotationNames): string | undefined => {
    const text = annotations[annotationNames[name]];
    if (text !== undefined && text.length > maxAnnotation)
      throw malformed(`annotation ${annotationNames[name]} is too long`);
    return text === '' ? undefined : text;
  };
  const signature = annotation('signature');
  const [certificate, ...others] = pemBlocks(annotation('certificate'), 'certificate');
  if (others.length > 0) throw malformed('the certificate annotation holds more than one certificate');
  const rekor = annotation('rekor');
  const timestamp = annotation('timestamp');
  return {
    ...defined('signature', signature === undefined ? undefined : base64(signature, 'signature')),
    ...defined('certificate', certificate),
    intermediates: pemBlocks(annotation('chain'), 'chain'),
    logEntries: rekor === undefined ? [] : [parseRekorBundle(rekor)],
    timestamps: timestamp === undefined ? [] : [parseTimestamp(timestamp)],
  };
}

function parseRekorBundle(text: string): TransparencyLogEntry {
  const bundle = asRecord(json(text, 'Rekor bundle'));
  const payload = asRecord(bundle?.['Payload']) ?? {};
  const canonicalizedBody = base64(filled(payload, 'body'), 'Rekor body');
  const body = asRecord(json(canonicalizedBody, 'Rekor body')) ?? {};
  const logId = filled(payload, 'logID');
  if (!/^[0-9a-f]{64}$/.test(logId)) throw malformed('the Rekor bundle has no proper log id');
  return {
    logIndex: wholeNumber(payload, 'logIndex'),
    logId: { keyId: Buffer.from(logId, 'hex') },
    kindVersion: { kind: filled(body, 'kind'), version: filled(body, 'apiVersion') },
    integratedTime: wholeNumber(payload, 'integratedTime'),
    inclusionPromise: {
      signedEntryTimestamp: base64(filled(bundle ?? {}, 'SignedEntryTimestamp'), 'signed entry timestamp'),
    },
    inclusionProof: undefined,
    canonicalizedBody,
  };
}

type Members = Readonly<Record<string, unknown>>;

function filled(members: Members, name: string): string {
  const value = members[name];
  if (typeof value !== 'string' || value === '') throw malformed(`the Rekor bundle has no ${name}`);
  return value;
}

function wholeNumber(members: Members, name: string): string {
  const value = members[name];
  if (!Number.isSafeInteger(value)) throw malformed(`the Rekor bundle has no proper ${name}`);
  return String(value);
}

function parseTimestamp(text: string): Uint8Array {
  const token = asRecord(json(text, 'timestamp'))?.['SignedRFC3161Timestamp'];
  if (typeof token !== 'string') throw malformed('the timestamp annotation holds no timestamp');
  return base64(token, 'timestamp');
}

/** Each block on its own: a parser that joins the lines of all blocks reads two certificates as the first. */
function pemBlocks(text: string | undefined, what: string): readonly Uint8Array[] {
  if (text === undefined) return [];
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g) ?? [];
  // Counted first: taking thousands out of a long text takes seconds.
  const isChain = blocks.length > 0 && blocks.length <= maxChain;
  if (!isChain || blocks.reduce((left, block) => left.replace(block, ''), text).trim() !== '')
    throw malformed(`the ${what} annotation is not PEM certificates`);
  try {
    return blocks.map((block) => new NodeCertificate(block).raw);
  } catch {
    throw malformed(`the ${what} annotation holds a certificate that cannot be read`);
  }
}

export function json(source: string | Uint8Array, what: string): unknown {
  const parsed = parseStrictJson(source);
  if (!parsed.ok) throw malformed(`the ${what}: ${parsed.problem}`);
  return parsed.value;
}

export function base64(text: string, what: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  // Node skips what is not base64; two texts for one value would let a signature be rewritten.
  if (bytes.length === 0 || bytes.toString('base64') !== text.trim()) throw malformed(`the ${what} is not base64`);
  return bytes;
}

export function malformed(message: string): Rejection {
  return new Rejection('SIGNATURE_MALFORMED', message);
}
