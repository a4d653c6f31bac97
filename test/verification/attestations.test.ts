import { createHash, createPublicKey, generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { digestOf, hexOf } from '../../src/kernel/digest.ts';
import type { LegacyAttestation } from '../../src/policy/facts.ts';
import { verifySignature } from '../../src/verification/verify-signature.ts';
import { ecKey, pem } from './kit/certificates.ts';
import { dsseEntry, hashedRekord, logEntry, rekorBundle } from './kit/log-entries.ts';
import {
  attestationOf,
  envelopeOf,
  keylessAttestation,
  preAuthEncoding,
  type AttestationRequest,
} from './kit/attestations.ts';
import {
  byKey,
  createSigstore,
  identity,
  image,
  issuer,
  keyless,
  leafOf,
  logIgnored,
  muchLater,
  otherImage,
  outcome,
  signedAt,
  tokenOf,
} from './kit/sigstore.ts';
import { annotation, bundleOf, keylessBundle, legacyOf, statementOf } from './kit/signatures.ts';

const sigstore = createSigstore();
const stranger = createSigstore();
const leaf = leafOf(sigstore);
const key = ecKey();
const custom = 'https://cosign.sigstore.dev/attestation/v1';
const statement = statementOf(image, { predicateType: custom, _type: 'https://in-toto.io/Statement/v0.1' });
const logged = byKey(key, { log: { demand: 'required', root: sigstore.root } });
const stamped = keyless(sigstore, { log: logIgnored, timestamps: sigstore.root });
const sha256 = (...parts: readonly (string | Uint8Array)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

describe('what is told of a good one', () => {
  test('a legacy attestation by a certificate', () => {
    const artifact = keylessAttestation(sigstore, leaf, { statement });
    expect(verifySignature(artifact, image, keyless(sigstore), muchLater)).toEqual({
      verified: true,
      format: 'legacy',
      type: 'attestation',
      predicateType: custom,
      signer: { kind: 'certificate', issuer, subjects: [identity], extensions: {} },
      annotations: { env: 'prod' },
      log: { url: 'https://rekor.test', index: expect.stringMatching(/^\d+$/) },
      time: signedAt.toISOString(),
      // The signature annotation is empty: the id is that of the certificate.
      id: sha256(new X509Certificate(leaf.der).toString()),
      layer: digestOf(artifact.envelope),
      statement: statement.toString(),
    });
  });

  test('an attestation in a bundle', () => {
    const artifact = keylessBundle(sigstore, leaf, { statement });
    const sig = JSON.parse(Buffer.from(artifact.bundle).toString()).dsseEnvelope.signatures[0].sig;
    expect(verifySignature(artifact, image, keyless(sigstore), muchLater)).toMatchObject({
      format: 'bundle',
      type: 'attestation',
      predicateType: custom,
      id: sha256(Buffer.from(sig, 'base64'), new X509Certificate(leaf.der).toString()),
      layer: digestOf(artifact.bundle),
      statement: statement.toString(),
    });
  });

  test('a legacy signature by a key has its signature for an id, and no statement', () => {
    const artifact = legacyOf({ key });
    const fact = verifySignature(artifact, image, byKey(key), muchLater);
    const signature = Buffer.from(artifact.annotations[annotation.signature] ?? '', 'base64');
    expect(fact).toMatchObject({ verified: true, id: sha256(signature), layer: digestOf(artifact.payload) });
    expect(fact).not.toHaveProperty('statement');
  });
});

const p384 = ecKey('P-384');
const p521 = ecKey('P-521');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ed25519 = generateKeyPairSync('ed25519');
const withLog = (change: Partial<AttestationRequest> = {}): LegacyAttestation =>
  attestationOf({
    key,
    statement,
    entry: (signature) => logEntry(sigstore, { body: dsseEntry(statement, signature, publicPem(key)) }),
    ...change,
  });
const aboutMany = (count: number): Buffer => {
  const others = Array.from({ length: count }, (_, index) => ({
    name: `file ${index}`,
    digest: { sha256: hexOf(digestOf(String(index))) },
  }));
  return statementOf(image, { predicateType: custom, subject: [...others, { digest: { sha256: hexOf(image) } }] });
};

describe('proven', () => {
  test.each([
    ['by a key', attestationOf({ key, statement }), byKey(key)],
    [
      'by the second of two keys',
      attestationOf({ key, statement }),
      byKey(p384, { keys: [publicPem(p384), publicPem(key)] }),
    ],
    ['by a key, logged', withLog(), logged],
    ['by a P-384 key with SHA-384', attestationOf({ key: p384, statement, hash: 'sha384' }), byKey(p384)],
    ['by a P-384 key with SHA-256', attestationOf({ key: p384, statement }), byKey(p384)],
    ['by a P-521 key with SHA-512', attestationOf({ key: p521, statement, hash: 'sha512' }), byKey(p521)],
    [
      'by a P-256 key with SHA-512, as the policy says',
      attestationOf({ key, statement, hash: 'sha512' }),
      byKey(key, { hashAlgorithm: 'sha512' }),
    ],
    ['by an RSA key', attestationOf({ key: rsa, statement }), byKey(rsa)],
    ['by an Ed25519 key', attestationOf({ key: ed25519, statement, hash: null }), byKey(ed25519)],
    ['by a P-384 key, in a bundle', bundleOf({ key: p384, statement, hash: 'sha384' }), byKey(p384)],
    ['by a P-521 key, in a bundle', bundleOf({ key: p521, statement, hash: 'sha512' }), byKey(p521)],
    ['by an Ed25519 key, in a bundle', bundleOf({ key: ed25519, statement, hash: null }), byKey(ed25519)],
    [
      'by a P-256 key with SHA-384, in a bundle',
      bundleOf({ key, statement, hash: 'sha384' }),
      byKey(key, { hashAlgorithm: 'sha384' }),
    ],
    ['by a certificate, logged', keylessAttestation(sigstore, leaf, { statement }), keyless(sigstore)],
    ['by a certificate, timestamped over the envelope', stampedOver((envelope) => envelope), stamped],
    ['with a statement of version 1', attestationOf({ key, statement: statementOf(image) }), byKey(key)],
    ['about several, of which the image is one', attestationOf({ key, statement: aboutMany(3) }), byKey(key)],
    ['with a predicate that is a text', attestationOf({ key, statement: about({ predicate: 'text' }) }), byKey(key)],
    ['without a predicate', attestationOf({ key, statement: about({ predicate: undefined }) }), byKey(key)],
  ])('%s', (_name, artifact, trust) => {
    expect(outcome(artifact, trust)).toBe('verified attestation');
  });

  test('about 100,000 subjects, quickly', () => {
    const artifact = attestationOf({ key, statement: aboutMany(100_000) });
    const before = process.cpuUsage();
    expect(outcome(artifact, byKey(key))).toBe('verified attestation');
    expect(process.cpuUsage(before).user).toBeLessThan(2_000_000);
  });
});

function about(change: object): Buffer {
  return statementOf(image, { predicateType: custom, ...change });
}

function publicPem(of: { readonly privateKey: Parameters<typeof createPublicKey>[0] }): string {
  return createPublicKey(of.privateKey).export({ type: 'spki', format: 'pem' }).toString();
}

function stampedOver(what: (envelope: Buffer, signature: Buffer) => Buffer): LegacyAttestation {
  return attestationOf({
    key: leaf.key,
    certificate: leaf.der,
    statement,
    token: (envelope, signature) => tokenOf(sigstore, what(envelope, signature)),
  });
}

/** A good one by the key, with the envelope changed after it was signed. */
function changed(change: (envelope: Record<string, unknown>) => object): LegacyAttestation {
  const good = attestationOf({ key, statement });
  const envelope = JSON.parse(Buffer.from(good.envelope).toString());
  return { ...good, envelope: Buffer.from(JSON.stringify({ ...envelope, ...change(envelope) })) };
}

const withAnnotation = (good: LegacyAttestation, name: keyof typeof annotation, text: string): LegacyAttestation => ({
  ...good,
  annotations: { ...good.annotations, [annotation[name]]: text },
});
const raw = (bytes: Uint8Array | string): LegacyAttestation => ({
  ...attestationOf({ key, statement }),
  envelope: Buffer.from(bytes),
});
const foreignEntry = (body: (signature: Buffer) => object): LegacyAttestation =>
  withLog({ entry: (signature) => logEntry(sigstore, { body: body(signature) }) });

describe('refused', () => {
  test.each([
    [
      'a statement about another image',
      attestationOf({ key, statement: statementOf(otherImage) }),
      byKey(key),
      'CLAIM_MISMATCH',
    ],
    [
      'a statement about the image by another algorithm',
      attestationOf({ key, statement: about({ subject: [{ digest: { sha512: hexOf(image) } }] }) }),
      byKey(key),
      'CLAIM_MISMATCH',
    ],
    [
      "the image's digest with its algorithm",
      attestationOf({ key, statement: about({ subject: [{ digest: { sha256: image } }] }) }),
      byKey(key),
      'CLAIM_MISMATCH',
    ],
    ['no subject', attestationOf({ key, statement: about({ subject: [] }) }), byKey(key), 'CLAIM_MISMATCH'],
    [
      'no list of subjects',
      attestationOf({ key, statement: about({ subject: null }) }),
      byKey(key),
      'SIGNATURE_MALFORMED',
    ],
    [
      'no predicate type',
      attestationOf({ key, statement: about({ predicateType: undefined }) }),
      byKey(key),
      'SIGNATURE_MALFORMED',
    ],
    [
      'a predicate type that is no text',
      attestationOf({ key, statement: about({ predicateType: 1 }) }),
      byKey(key),
      'SIGNATURE_MALFORMED',
    ],
    [
      'another kind of statement',
      attestationOf({ key, statement: about({ _type: 'https://in-toto.io/Link/v1' }) }),
      byKey(key),
      'SIGNATURE_MALFORMED',
    ],
    [
      'a statement of an unknown version',
      attestationOf({ key, statement: about({ _type: 'https://in-toto.io/Statement/v2' }) }),
      byKey(key),
      'SIGNATURE_MALFORMED',
    ],
    [
      'a statement that is no JSON',
      attestationOf({ key, statement: Buffer.from('predicate: yaml') }),
      byKey(key),
      'SIGNATURE_MALFORMED',
    ],
    [
      'a statement that names its type twice',
      attestationOf({ key, statement: Buffer.from(about({}).toString().replace('{', `{"predicateType":"x",`)) }),
      byKey(key),
      'SIGNATURE_MALFORMED',
    ],
    [
      'a statement nested too deep',
      attestationOf({
        key,
        statement: Buffer.from(
          about({})
            .toString()
            .replace('"predicate":{}', `"predicate":${'['.repeat(100)}${']'.repeat(100)}`),
        ),
      }),
      byKey(key),
      'SIGNATURE_MALFORMED',
    ],
    [
      'another payload type',
      attestationOf({ key, statement, payloadType: 'application/json' }),
      byKey(key),
      'SIGNATURE_MALFORMED',
    ],
    [
      'another payload type in a bundle',
      bundleOf({ key, statement, payloadType: 'application/json' }),
      byKey(key),
      'SIGNATURE_MALFORMED',
    ],
    [
      'a payload type changed later',
      changed(() => ({ payloadType: 'application/vnd.in-toto+json ' })),
      byKey(key),
      'SIGNATURE_MALFORMED',
    ],
    [
      'a payload changed later',
      changed(() => ({ payload: about({ predicate: { more: 1 } }).toString('base64') })),
      byKey(key),
      'SIGNATURE_INVALID',
    ],
    ['a payload that is no base64', changed(() => ({ payload: '{}' })), byKey(key), 'SIGNATURE_MALFORMED'],
    ['no payload', changed(() => ({ payload: undefined })), byKey(key), 'SIGNATURE_MALFORMED'],
    ['no signature', changed(() => ({ signatures: [] })), byKey(key), 'SIGNATURE_MALFORMED'],
    ['no list of signatures', changed(() => ({ signatures: null })), byKey(key), 'SIGNATURE_MALFORMED'],
    ['an empty signature', changed(() => ({ signatures: [{ sig: '' }] })), byKey(key), 'SIGNATURE_MALFORMED'],
    [
      'two signatures',
      changed(({ signatures }) => ({ signatures: [signatures, signatures].flat() })),
      byKey(key),
      'SIGNATURE_MALFORMED',
    ],
    ['an envelope that is no JSON', raw('<html>'), byKey(key), 'SIGNATURE_MALFORMED'],
    ['an envelope that is a list', raw('[]'), byKey(key), 'SIGNATURE_MALFORMED'],
    ['an envelope that is no UTF-8', raw(Buffer.of(0xff, 0xfe)), byKey(key), 'SIGNATURE_MALFORMED'],
    ['an empty envelope', raw(''), byKey(key), 'SIGNATURE_MALFORMED'],
    ['a bare statement', raw(statement), byKey(key), 'SIGNATURE_MALFORMED'],
    ['another key', attestationOf({ key, statement }), byKey(p384), 'SIGNATURE_INVALID'],
    [
      'another hash than the policy says',
      attestationOf({ key, statement }),
      byKey(key, { hashAlgorithm: 'sha512' }),
      'SIGNATURE_INVALID',
    ],
    [
      'a signature of the payload without its type',
      raw(envelopeOf(statement, sign('sha256', statement, key.privateKey))),
      byKey(key),
      'SIGNATURE_INVALID',
    ],
    [
      'a certificate instead of the key',
      keylessAttestation(sigstore, leaf, { statement }),
      byKey(key),
      'SIGNATURE_INVALID',
    ],
    ['a key instead of a certificate', attestationOf({ key, statement }), keyless(sigstore), 'KEY_MISMATCH'],
    [
      'the certificate of another Sigstore',
      keylessAttestation(stranger, leafOf(stranger), { statement }),
      keyless(sigstore),
      'CERTIFICATE_INVALID',
    ],
    [
      'a key, with a certificate put beside it',
      withAnnotation(attestationOf({ key, statement }), 'certificate', pem(leaf.der)),
      stamped,
      'TIMESTAMP_MISSING',
    ],
    ['no log entry, where one is demanded', attestationOf({ key, statement }), logged, 'TLOG_MISSING'],
    [
      'the log entry of another payload',
      foreignEntry((signature) => dsseEntry(about({ a: 1 }), signature, publicPem(key))),
      logged,
      'TLOG_INVALID',
    ],
    [
      'the log entry of another signature',
      foreignEntry(() => dsseEntry(statement, Buffer.from('other'), publicPem(key))),
      logged,
      'TLOG_INVALID',
    ],
    [
      'the log entry of another key',
      foreignEntry((signature) => dsseEntry(statement, signature, publicPem(p384))),
      logged,
      'TLOG_INVALID',
    ],
    [
      'the log entry of the payload as an artifact',
      foreignEntry((signature) => hashedRekord(statement, signature, publicPem(key), 'sha1')),
      logged,
      'TLOG_INVALID',
    ],
    [
      'an entry of another log',
      withLog({ entry: (signature) => logEntry(stranger, { body: dsseEntry(statement, signature, publicPem(key)) }) }),
      logged,
      'TLOG_INVALID',
    ],
    [
      'an entry whose promise was given for another',
      withAnnotation(withLog(), 'rekor', mixedEntry()),
      logged,
      'TLOG_INVALID',
    ],
    ['a log entry that is no JSON', withAnnotation(withLog(), 'rekor', 'entry'), logged, 'SIGNATURE_MALFORMED'],
    [
      'no timestamp, where one is demanded',
      keylessAttestation(sigstore, leaf, { statement }),
      stamped,
      'TIMESTAMP_MISSING',
    ],
    ['a timestamp over the signature', stampedOver((_envelope, signature) => signature), stamped, 'TIMESTAMP_INVALID'],
    ['a timestamp over something else', stampedOver(() => Buffer.from('other')), stamped, 'TIMESTAMP_INVALID'],
    [
      'an entry from after the certificate',
      keylessAttestation(sigstore, leaf, { statement, time: muchLater }),
      keyless(sigstore),
      'CERTIFICATE_EXPIRED',
    ],
    [
      'a signature annotation that is no base64',
      withAnnotation(attestationOf({ key, statement }), 'signature', '!'),
      byKey(key),
      'SIGNATURE_MALFORMED',
    ],
    [
      'a bare message in a bundle',
      { format: 'bundle' as const, bundle: Buffer.from('{}') },
      byKey(key),
      'SIGNATURE_MALFORMED',
    ],
  ])('%s', (_name, artifact, trust, code) => {
    expect(outcome(artifact, trust)).toBe(code);
  });

  test('a legacy attestation is never a signature, even with the statement of one', () => {
    expect(
      verifySignature(attestationOf({ key, statement: statementOf(image) }), image, byKey(key), muchLater),
    ).toMatchObject({
      verified: true,
      type: 'attestation',
      predicateType: 'https://sigstore.dev/cosign/sign/v1',
    });
  });

  test('what is rejected says that it is an attestation', () => {
    const rejected = [raw('[]'), attestationOf({ key, statement: statementOf(otherImage) })];
    for (const artifact of rejected) {
      expect(verifySignature(artifact, image, byKey(key), muchLater)).toMatchObject({
        verified: false,
        type: 'attestation',
      });
    }
  });
});

test('a certificate with another signature algorithm outside than inside would have another id: it is refused', () => {
  const algorithm = Buffer.from('06082a8648ce3d040302', 'hex');
  const changedLeaf = Buffer.from(leaf.der);
  changedLeaf[leaf.der.lastIndexOf(algorithm) + 5] = 0x3e;
  const artifact = keylessAttestation(sigstore, leaf, { statement, token: (envelope) => tokenOf(sigstore, envelope) });
  expect(outcome(artifact, stamped)).toBe('verified attestation');
  expect(outcome(withAnnotation(artifact, 'certificate', pem(changedLeaf)), stamped)).toBe('SIGNATURE_MALFORMED');
});

/** The body of one entry and the promise of another. */
function mixedEntry(): string {
  const signature = sign('sha256', preAuthEncoding('application/vnd.in-toto+json', statement), key.privateKey);
  const [own, other] = [statement, about({ a: 1 })].map((payload) =>
    JSON.parse(rekorBundle(logEntry(sigstore, { body: dsseEntry(payload, signature, publicPem(key)) }))),
  );
  return JSON.stringify({ ...own, SignedEntryTimestamp: other.SignedEntryTimestamp });
}
