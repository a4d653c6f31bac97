/**
 * Legacy signatures: a simple-signing payload, and everything else in annotations of its layer.
 * sigstore/cosign specs/SIGNATURE_SPEC.md
 */
import { X509Certificate as NodeCertificate } from 'node:crypto';
import type { TransparencyLogEntry } from '@sigstore/bundle';
import { defined } from '../kernel/defined.ts';
import type { Digest } from '../kernel/digest.ts';
import { asRecord, parseStrictJson } from '../kernel/strict-json.ts';
import type { LegacySignature } from '../policy/facts.ts';
import type { HashAlgorithm } from '../policy/model.ts';
import type { ParsedSignature } from './parsed-signature.ts';
import { Rejection } from './rejection.ts';
import { SignedContent } from './signed-content.ts';

const names = {
  signature: 'dev.cosignproject.cosign/signature',
  certificate: 'dev.sigstore.cosign/certificate',
  chain: 'dev.sigstore.cosign/chain',
  rekor: 'dev.sigstore.cosign/bundle',
  timestamp: 'dev.sigstore.cosign/rfc3161timestamp',
} as const;

/** cosign writes a few KiB at most. */
const maxAnnotation = 256 * 1024;
const maxChain = 5;

export function parseLegacy(
  artifact: LegacySignature,
  image: Digest,
  hash: HashAlgorithm | undefined,
): ParsedSignature {
  const annotation = (name: keyof typeof names): string | undefined => {
    const text = artifact.annotations[names[name]];
    if (text !== undefined && text.length > maxAnnotation) throw malformed(`annotation ${names[name]} is too long`);
    return text === '' ? undefined : text;
  };
  const signature = annotation('signature');
  if (signature === undefined) throw malformed('the layer has no signature annotation');
  const annotations = checkClaim(artifact.payload, image);
  const [certificate, ...others] = pemBlocks(annotation('certificate'), 'certificate');
  if (others.length > 0) throw malformed('the certificate annotation holds more than one certificate');
  const rekor = annotation('rekor');
  const timestamp = annotation('timestamp');
  return {
    type: 'signature',
    annotations,
    content: SignedContent.ofPayload(base64(signature, 'signature'), artifact.payload, hash),
    ...defined('certificate', certificate),
    intermediates: pemBlocks(annotation('chain'), 'chain'),
    logEntries: rekor === undefined ? [] : [parseRekorBundle(rekor)],
    timestamps: timestamp === undefined ? [] : [parseTimestamp(timestamp)],
  };
}

/** red-hat-storage simple signing, as cosign uses it. The docker-reference is not compared, as the specification says. */
function checkClaim(payload: Uint8Array, image: Digest): Readonly<Record<string, unknown>> {
  const claim = asRecord(json(payload, 'payload'));
  const critical = asRecord(claim?.['critical']);
  const type = critical?.['type'];
  if (type !== 'cosign container image signature' && type !== 'atomic container signature') {
    throw new Rejection('CLAIM_MISMATCH', 'the payload is not the claim of an image signature');
  }
  if (asRecord(critical?.['image'])?.['docker-manifest-digest'] !== image) {
    throw new Rejection('CLAIM_MISMATCH', 'it is the signature of another image');
  }
  return asRecord(claim?.['optional']) ?? {};
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
  const rest = blocks.reduce((left, block) => left.replace(block, ''), text).trim();
  if (blocks.length === 0 || blocks.length > maxChain || rest !== '')
    throw malformed(`the ${what} annotation is not PEM certificates`);
  try {
    return blocks.map((block) => new NodeCertificate(block).raw);
  } catch {
    throw malformed(`the ${what} annotation holds a certificate that cannot be read`);
  }
}

function json(source: string | Uint8Array, what: string): unknown {
  const parsed = parseStrictJson(source);
  if (!parsed.ok) throw malformed(`the ${what}: ${parsed.problem}`);
  return parsed.value;
}

function base64(text: string, what: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  // Node skips what is not base64; two texts for one value would let a signature be rewritten.
  if (bytes.length === 0 || bytes.toString('base64') !== text.trim()) throw malformed(`the ${what} is not base64`);
  return bytes;
}

function malformed(message: string): Rejection {
  return new Rejection('SIGNATURE_MALFORMED', message);
}
