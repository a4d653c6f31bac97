/** Sigstore bundles that carry an in-toto statement about an image; sigstore/protobuf-specs sigstore_bundle.proto. */
import { bundleFromJSON, type Bundle } from '@sigstore/bundle';
import { defined } from '../kernel/defined.ts';
import { digestOf, hexOf, type Digest } from '../kernel/digest.ts';
import { parseStrictJson } from '../kernel/strict-json.ts';
import type { BundleSignature } from '../policy/facts.ts';
import type { HashAlgorithm } from '../policy/model.ts';
import type { ParsedSignature, SignedMaterial } from './parsed-signature.ts';
import { Rejection } from './rejection.ts';
import { parseCertificate } from './signer-certificate.ts';
import { SignedContent } from './signed-content.ts';
import { inTotoPayload, readStatement, statementAbout } from './statement.ts';

/** What `cosign sign` states; every other predicate is an attestation. */
const signPredicate = 'https://sigstore.dev/cosign/sign/v1';
/** Log entries and timestamps: every pair of them may have to be tried, at some milliseconds each. Real ones have one. */
const maxProofs = 3;
/** As in legacy signatures. */
const maxIntermediates = 5;

export function parseBundle(
  artifact: BundleSignature,
  image: Digest,
  hash: HashAlgorithm | undefined,
): ParsedSignature {
  const bundle = readBundle(artifact.bundle);
  if (bundle.content.$case !== 'dsseEnvelope') {
    // cosign refuses these for images as well: the bare digest says nothing about what was signed.
    throw new Rejection(
      'SIGNATURE_UNSUPPORTED',
      'the bundle holds a bare message signature, not a statement about an image',
    );
  }
  const envelope = bundle.content.dsseEnvelope;
  const [signature, ...others] = envelope.signatures;
  if (signature === undefined || others.length > 0) throw malformed('the bundle must hold exactly one signature');
  if (envelope.payloadType !== inTotoPayload) throw malformed('the bundle does not hold an in-toto statement');
  const about = statementAbout(readStatement(envelope.payload), hexOf(image));
  const isSignature = about.predicateType === signPredicate;
  return {
    type: isSignature ? 'signature' : 'attestation',
    ...about,
    ...defined('statement', isSignature ? undefined : envelope.payload.toString('utf8')),
    content: SignedContent.ofEnvelope(signature.sig, envelope.payloadType, envelope.payload, hash),
    layer: digestOf(artifact.bundle),
    named: signature.sig,
    ...verificationMaterial(bundle),
  };
}

export function readBundle(bytes: Uint8Array): Bundle {
  const json = parseStrictJson(bytes);
  if (!json.ok) throw malformed(`the bundle: ${json.problem}`);
  const bundle = convert(json.value);
  // A later version may mean by the same fields something else; the library takes any number.
  if (!/^application\/vnd\.dev\.sigstore\.bundle(\+json;version=0\.[123]|\.v0\.3\+json)$/.test(bundle.mediaType)) {
    throw new Rejection('SIGNATURE_UNSUPPORTED', 'the bundle is of a version that is not known');
  }
  return bundle;
}

function convert(json: unknown): Bundle {
  try {
    return bundleFromJSON(json);
  } catch {
    throw malformed('the bundle is not a valid Sigstore bundle');
  }
}

export function verificationMaterial(bundle: Bundle): Omit<SignedMaterial, 'content'> {
  const { content, tlogEntries, timestampVerificationData } = bundle.verificationMaterial;
  const timestamps = timestampVerificationData?.rfc3161Timestamps ?? [];
  if (tlogEntries.length > maxProofs || timestamps.length > maxProofs)
    throw malformed('the bundle holds too many log entries or timestamps');
  const chain = content.$case === 'x509CertificateChain' ? content.x509CertificateChain.certificates : [];
  // Reading a certificate takes a millisecond or two.
  if (chain.length > 1 + maxIntermediates) throw malformed('the bundle holds too many certificates');
  const certificate = content.$case === 'certificate' ? content.certificate : chain[0];
  if (chain.some(({ rawBytes }) => isSelfSigned(rawBytes)))
    throw malformed('the bundle brings a root certificate of its own');
  return {
    ...defined('certificate', certificate?.rawBytes),
    intermediates: chain.slice(1).map(({ rawBytes }) => rawBytes),
    logEntries: tlogEntries,
    timestamps: timestamps.map(({ signedTimestamp }) => signedTimestamp),
  };
}

function isSelfSigned(der: Uint8Array): boolean {
  const certificate = parseCertificate(der);
  return certificate.subject.equals(certificate.issuer);
}

function malformed(message: string): Rejection {
  return new Rejection('SIGNATURE_MALFORMED', message);
}
