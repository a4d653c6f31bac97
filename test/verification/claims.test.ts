// A signature says what was signed; whether that is this image is nowhere but in the signed claim or statement.
import { describe, expect, test } from 'vitest';
import { digestOf, hexOf } from '../../src/kernel/digest.ts';
import type { SignatureArtifact } from '../../src/policy/facts.ts';
import { verifySignature } from '../../src/verification/verify-signature.ts';
import { ecKey } from './kit/certificates.ts';
import { byKey, image, muchLater, otherImage, outcome } from './kit/sigstore.ts';
import { annotation, asBundle, bundleJson, bundleOf, claimOf, legacyOf, statementOf } from './kit/signatures.ts';

const key = ecKey();
const trust = byKey(key);

function claiming(payload: string | Buffer): SignatureArtifact {
  return legacyOf({ key, payload: Buffer.from(payload) });
}
const good = claimOf(image).toString();
const claimed = `"docker-manifest-digest":"${image}"`;
const otherwise = `"docker-manifest-digest":"${otherImage}"`;

describe('a payload, signed by the right key, is no claim about this image', () => {
  test.each([
    ['when it names another image', claimOf(otherImage)],
    ['when it names no image', good.replace(claimed, '')],
    ['when the digest has no algorithm', good.replace(image, hexOf(image))],
    ['when the digest is of another algorithm', good.replace('sha256:', 'sha512:')],
    ['when the digest is in upper case', good.replace(image, `sha256:${hexOf(image).toUpperCase()}`)],
    ['when the digest has blanks around it', good.replace(image, ` ${image} `)],
    ['when only part of the digest fits', good.replace(image, image.slice(0, -1))],
    ['when the digest is in a list', good.replace(`"${image}"`, `["${image}"]`)],
    ['when the digest is outside the critical part', JSON.stringify({ ...Object(JSON.parse(good)), critical: {} })],
    ['when its names are in another case', good.replace('docker-manifest', 'Docker-Manifest')],
    ['when its type is missing', good.replace(/,"type":"[^"]+"/, '')],
    ['when its type is something else', good.replace('cosign container image signature', 'receipt')],
    ['when its type only begins well', good.replace('image signature"', 'image signature v2"')],
    ['when it is a list', `[${good}]`],
    ['when it is null', 'null'],
  ])('%s', (_name, payload) => {
    expect(outcome(claiming(payload), trust)).toBe('CLAIM_MISMATCH');
  });

  test.each([
    ['when it names two images, this one last', good.replace(claimed, `${otherwise},${claimed}`)],
    ['when it names two images, this one first', good.replace(claimed, `${claimed},${otherwise}`)],
    ['when an escaped name says the second', good.replace(claimed, `${claimed},${otherwise.replace('d', '\\u0064')}`)],
    ['when it has two critical parts', good.replace('"optional"', '"critical":{},"optional"')],
    ['when it goes on after the claim', `${good}{}`],
    ['when it stops early', good.slice(0, -1)],
    ['when it is nested beyond reason', `${good.slice(0, -1)},"x":${'['.repeat(100)}${']'.repeat(100)}}`],
    ['when it is not UTF-8', Buffer.concat([Buffer.from(good.slice(0, -1)), Buffer.from(',"x":"\xff"}', 'latin1')])],
    ['when it is empty', ''],
  ])('%s', (_name, payload) => {
    expect(outcome(claiming(payload), trust)).toBe('SIGNATURE_MALFORMED');
  });

  test('but the name of the repository in it is not compared, and the older type is as good', () => {
    expect(outcome(claiming(good.replace('registry.test/app', 'elsewhere.test/x')), trust)).toBe('verified signature');
    const atomic = good.replace('cosign container', 'atomic container').replace(' image', '');
    expect(outcome(claiming(atomic), trust)).toBe('verified signature');
  });
});

describe('a statement, signed by the right key, is not about this image', () => {
  const subject = (digest: object): object => ({ subject: [{ digest }] });

  test.each([
    ['when it names another image', statementOf(otherImage)],
    ['when it names none', statementOf(image, { subject: [] })],
    [
      'when only a name fits',
      statementOf(image, { subject: [{ name: image, digest: { sha256: hexOf(otherImage) } }] }),
    ],
    ['when the digest has its algorithm twice', statementOf(image, subject({ sha256: image }))],
    ['when the digest is of another algorithm', statementOf(image, subject({ sha512: hexOf(image) }))],
    ['when the digest is in upper case', statementOf(image, subject({ sha256: hexOf(image).toUpperCase() }))],
    ['when the algorithm is in upper case', statementOf(image, subject({ SHA256: hexOf(image) }))],
    ['when the subject is a text', statementOf(image, { subject: [hexOf(image)] })],
  ])('%s', (_name, statement) => {
    expect(outcome(bundleOf({ key, statement }), trust)).toBe('CLAIM_MISMATCH');
  });

  const text = statementOf(image).toString();
  test.each([
    ['when it has another type', statementOf(image, { _type: 'https://in-toto.io/Statement/v2' })],
    ['when it has no predicate type', statementOf(image, { predicateType: undefined })],
    ['when the subject is no list', statementOf(image, { subject: { digest: { sha256: hexOf(image) } } })],
    ['when it has two subjects lists', Buffer.from(text.replace('"subject"', '"subject":[],"subject"'))],
    ['when it is the claim of a legacy signature', claimOf(image)],
    ['when it is empty', Buffer.from('')],
  ])('%s', (_name, statement) => {
    expect(outcome(bundleOf({ key, statement }), trust)).toBe('SIGNATURE_MALFORMED');
  });

  test.each(['application/json', 'application/vnd.in-toto', '', 'application/vnd.in-toto+json; x=y'])(
    'when its envelope says it is "%s"',
    (payloadType) => {
      expect(outcome(bundleOf({ key, payloadType }), trust)).toBe('SIGNATURE_MALFORMED');
    },
  );

  test('but one of several subjects is enough', () => {
    const several = [otherImage, image].map((digest) => ({ digest: { sha256: hexOf(digest) } }));
    expect(outcome(bundleOf({ key, statement: statementOf(image, { subject: several }) }), trust)).toBe(
      'verified signature',
    );
  });
});

describe('a bundle is not a signature of an image', () => {
  const bundle = bundleJson({ key });
  const envelope = Object(bundle['dsseEnvelope']) as { readonly signatures: readonly object[] };
  const digest = Buffer.from(hexOf(image), 'hex').toString('base64');

  test('when it holds a bare message signature, which says nothing about what was signed', () => {
    const { dsseEnvelope: _, ...rest } = bundle;
    const messageSignature = { messageDigest: { algorithm: 'SHA2_256', digest }, signature: 'AAAA' };
    expect(outcome(asBundle({ ...rest, messageSignature }), trust)).toBe('SIGNATURE_UNSUPPORTED');
  });

  test.each([
    ['two signatures', { ...envelope, signatures: [...envelope.signatures, ...envelope.signatures] }],
    ['no signature', { ...envelope, signatures: [] }],
    ['no payload', { ...envelope, payload: undefined }],
  ])('when it holds %s', (_name, dsseEnvelope) => {
    expect(outcome(asBundle({ ...bundle, dsseEnvelope }), trust)).toBe('SIGNATURE_MALFORMED');
  });

  test.each([
    [undefined, 'SIGNATURE_MALFORMED'],
    ['', 'SIGNATURE_MALFORMED'],
    ['application/json', 'SIGNATURE_MALFORMED'],
    ['application/vnd.dev.sigstore.bundle.v9.9+json', 'SIGNATURE_UNSUPPORTED'],
    ['application/vnd.dev.sigstore.bundle.v0.4+json', 'SIGNATURE_UNSUPPORTED'],
    ['application/vnd.dev.sigstore.bundle+json;version=0.4', 'SIGNATURE_UNSUPPORTED'],
  ])('when its media type is %s', (mediaType, expected) => {
    expect(outcome(asBundle({ ...bundle, mediaType }), trust)).toBe(expected);
  });

  test('when a key occurs twice in it', () => {
    const text = JSON.stringify(bundle).replace('"dsseEnvelope":', '"dsseEnvelope":{},"dsseEnvelope":');
    expect(outcome({ format: 'bundle', bundle: Buffer.from(text) }, trust)).toBe('SIGNATURE_MALFORMED');
  });
});

test('a signature of one image is none of another, in either format', () => {
  for (const artifact of [legacyOf({ key }), bundleOf({ key })]) {
    expect(verifySignature(artifact, otherImage, trust, muchLater)).toMatchObject({ code: 'CLAIM_MISMATCH' });
    expect(verifySignature(artifact, digestOf(''), trust, muchLater)).toMatchObject({ code: 'CLAIM_MISMATCH' });
  }
});

describe('a legacy signature cannot be read', () => {
  const artifact = legacyOf({ key });
  const signature = artifact.annotations[annotation.signature] ?? '';

  test.each([
    ['without signature', {}],
    ['with an empty signature', { [annotation.signature]: '' }],
    ['with a signature that is no base64', { [annotation.signature]: '*' }],
    ['with a signature in another alphabet', { [annotation.signature]: '_-_-' }],
    ['with something after the padding', { [annotation.signature]: `${signature}AAAA` }],
    ['with a blank inside the signature', { [annotation.signature]: `${signature.slice(0, 4)} ${signature.slice(4)}` }],
    ['with a certificate that is none', { ...artifact.annotations, [annotation.certificate]: 'none' }],
    ['with a timestamp that is none', { ...artifact.annotations, [annotation.timestamp]: '{}' }],
  ])('%s', (_name, annotations) => {
    expect(outcome({ ...artifact, annotations }, trust)).toMatch(/^SIGNATURE_(MALFORMED|INVALID)$/);
  });
});
