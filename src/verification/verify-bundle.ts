/**
 * One bundle against one artifact, whatever it is: what the sigstore-conformance client protocol asks. Images never come
 * this way; their bundles must hold a statement, see verify-signature.ts.
 */
import type { Bundle } from '@sigstore/bundle';
import { digestOf, hexOf, type Digest } from '../kernel/digest.ts';
import { failure } from '../kernel/failure.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import type { TrustRoot } from '../policy/model.ts';
import type { TrustQuestion } from '../policy/question.ts';
import { readBundle, verificationMaterial } from './parse-bundle.ts';
import type { SignedMaterial } from './parsed-signature.ts';
import type { Proof } from './proof.ts';
import { Rejection } from './rejection.ts';
import { SignedContent } from './signed-content.ts';
import { readStatement } from './statement.ts';
import { prove } from './verify-signature.ts';

export type ExpectedSigner =
  /** PEM; any of them. */
  | { readonly kind: 'key'; readonly keys: readonly string[] }
  | { readonly kind: 'identity'; readonly subject: string; readonly issuer: string };

export type Artifact =
  { readonly kind: 'bytes'; readonly bytes: Uint8Array } | { readonly kind: 'digest'; readonly digest: Digest };

export interface BundleQuestion {
  readonly bundle: Uint8Array;
  readonly artifact: Artifact;
  readonly expected: ExpectedSigner;
  readonly root: TrustRoot;
  readonly now: Date;
}

export function verifyBundle({ bundle, artifact, expected, root, now }: BundleQuestion): Result<Proof> {
  try {
    const proof = proveEvery(parse(readBundle(bundle), artifact), trustFor(expected, root), root, now);
    checkSigner(proof, expected);
    return ok(proof);
  } catch (error) {
    if (error instanceof Rejection) return fail(failure(error.code, error.message));
    return fail(failure('SIGNATURE_MALFORMED', 'the bundle cannot be read'));
  }
}

/** Of an image's signature one proven log entry and time are enough; the protocol wants each that is there to hold. */
function proveEvery(parsed: SignedMaterial, trust: TrustQuestion, root: TrustRoot, now: Date): Proof {
  const isStamped = parsed.timestamps.length > 0;
  const demanding = isStamped ? { ...trust, timestamps: root } : trust;
  const times = isStamped ? parsed.timestamps.map((timestamp) => [timestamp]) : [[]];
  const [first = parsed, ...others] = parsed.logEntries.flatMap((entry) =>
    times.map((timestamps) => ({ ...parsed, logEntries: [entry], timestamps })),
  );
  for (const other of others) prove(other, demanding, now);
  return prove(first, demanding, now);
}

function trustFor(expected: ExpectedSigner, root: TrustRoot): TrustQuestion {
  const log = { demand: 'required', root } as const;
  if (expected.kind === 'key') return { kind: 'key', keys: expected.keys, log };
  return { kind: 'certificate', root, sct: 'required', log, identities: [] };
}

function checkSigner({ signer }: Proof, expected: ExpectedSigner): void {
  if (expected.kind === 'key') return;
  const isExpected =
    signer.kind === 'certificate' && signer.issuer === expected.issuer && signer.subjects.includes(expected.subject);
  if (!isExpected) throw new Rejection('IDENTITY_MISMATCH', 'it was signed by somebody else');
}

function parse(bundle: Bundle, artifact: Artifact): SignedMaterial {
  return { content: contentOf(bundle, artifact), ...verificationMaterial(bundle) };
}

function contentOf({ content }: Bundle, artifact: Artifact): SignedContent {
  const digest = artifact.kind === 'bytes' ? digestOf(artifact.bytes) : artifact.digest;
  if (content.$case === 'messageSignature') {
    const { signature, messageDigest } = content.messageSignature;
    const stated = messageDigest?.digest;
    if (stated !== undefined && stated.length === 32 && stated.toString('hex') !== hexOf(digest)) {
      throw new Rejection('CLAIM_MISMATCH', 'it is the signature of another artifact');
    }
    return artifact.kind === 'bytes'
      ? SignedContent.ofPayload(signature, artifact.bytes)
      : SignedContent.ofDigest(signature, Buffer.from(hexOf(digest), 'hex'));
  }
  const { payload, payloadType, signatures } = content.dsseEnvelope;
  const [signature, ...others] = signatures;
  if (signature === undefined || others.length > 0)
    throw new Rejection('SIGNATURE_MALFORMED', 'the bundle must hold exactly one signature');
  if (readStatement(payload).annotationsOf(hexOf(digest)) === undefined) {
    throw new Rejection('CLAIM_MISMATCH', 'it is a statement about another artifact');
  }
  return SignedContent.ofEnvelope(signature.sig, payloadType, payload);
}
