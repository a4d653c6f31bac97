// Whose certificates count: a path to a configured root, proven step by step. What came along is only a hint.
import { describe, expect, test } from 'vitest';
import type { SignatureArtifact } from '../../src/policy/facts.ts';
import type { TrustQuestion } from '../../src/policy/question.ts';
import {
  alternativeNames,
  authorityKeyId,
  basicConstraints,
  codeSigning,
  ecKey,
  extendedKeyUsage,
  issue,
  keyId,
  keyUsage,
  name,
  pem,
  subjectKeyId,
  uri,
  type KeyPair,
} from './kit/certificates.ts';
import {
  authorityJson,
  certificateOf,
  createSigstore,
  expiresAt,
  identity,
  intermediateName,
  keyless,
  leafOf,
  logJson,
  muchLater,
  outcome,
  rootName,
  signedAt,
  trustRoot,
  type Leaf,
  type TrustedRootJson,
} from './kit/sigstore.ts';
import { annotation, keylessLegacy } from './kit/signatures.ts';

const sigstore = createSigstore();
const stranger = createSigstore();
const leaf = leafOf(sigstore);
const past = { start: '2024-01-01T00:00:00Z', end: '2025-06-01T00:00:00Z' };

function rooted(change: Partial<TrustedRootJson>, sct: 'required' | 'ignored' = 'required'): TrustQuestion {
  return keyless(sigstore, { root: trustRoot({ ...sigstore.trustedRoot, ...change }), sct });
}

describe('certificates have to be in a certificate log', () => {
  const foreign = keylessLegacy(sigstore, leafOf(sigstore, { ctKey: stranger.ctKey }));
  const none = keylessLegacy(sigstore, leafOf(sigstore, { withoutSct: true }));
  const good = keylessLegacy(sigstore, leaf);

  test.each<[string, SignatureArtifact, TrustQuestion]>([
    ['an unknown log', foreign, keyless(sigstore)],
    ['no log', none, keyless(sigstore)],
    ['a log, when none is known', good, rooted({ ctlogs: [] })],
    ['a retired log', good, rooted({ ctlogs: [logJson('https://ct.test', sigstore.ctKey, past)] })],
  ])('%s is not enough', (_name, artifact, trust) => {
    expect(outcome(artifact, trust)).toBe('SCT_INVALID');
  });

  test.each([
    ['an unknown log', foreign],
    ['no log', none],
    ['a known log', good],
  ])('%s is, when the policy ignores certificate logs', (_name, artifact) => {
    expect(outcome(artifact, keyless(sigstore, { sct: 'ignored' }))).toBe('verified signature');
  });
});

describe('roots', () => {
  test('of another Sigstore are none', () => {
    expect(outcome(keylessLegacy(sigstore, leafOf(stranger)), rooted({}, 'ignored'))).toBe('CERTIFICATE_INVALID');
  });

  test('count only while they are in use', () => {
    const retired = [authorityJson([sigstore.intermediateDer, sigstore.rootDer], past)];
    expect(outcome(keylessLegacy(sigstore, leaf), rooted({ certificateAuthorities: retired }))).toBe(
      'CERTIFICATE_INVALID',
    );
  });

  test('have to be self-signed: an intermediate alone is no anchor', () => {
    const half = [authorityJson([sigstore.intermediateDer])];
    expect(outcome(keylessLegacy(sigstore, leaf), rooted({ certificateAuthorities: half }))).toBe(
      'CERTIFICATE_INVALID',
    );
  });

  test('may be several, in any order', () => {
    const strangers = stranger.trustedRoot.certificateAuthorities;
    const own = sigstore.trustedRoot.certificateAuthorities;
    for (const certificateAuthorities of [
      [...strangers, ...own],
      [...own, ...strangers],
    ]) {
      expect(outcome(keylessLegacy(sigstore, leaf), rooted({ certificateAuthorities }))).toBe('verified signature');
    }
  });

  test.each(['first', 'last'])('are told apart by their keys when another of the same name comes %s', (place) => {
    const own = sigstore.trustedRoot.certificateAuthorities;
    const key = ecKey();
    const decoy = authorityJson([
      issue(certificateOf(intermediateName, key, rootName, stranger.rootKey, [basicConstraints(true), keyUsage(0x06)])),
      stranger.rootDer,
    ]);
    const certificateAuthorities = place === 'first' ? [decoy, ...own] : [...own, decoy];
    expect(outcome(keylessLegacy(sigstore, leaf), rooted({ certificateAuthorities }))).toBe('verified signature');
  });

  test('are refused with name constraints or unknown critical extensions, which nothing here evaluates', () => {
    for (const oid of ['2.5.29.30', '1.2.3.4.5']) {
      const extension = { oid, critical: true, value: Buffer.from('3000', 'hex') };
      const constrained = createSigstore({ intermediateExtensions: [extension] });
      const artifact = keylessLegacy(constrained, leafOf(constrained));
      expect(outcome(artifact, keyless(constrained))).toBe('TRUST_ROOT_UNAVAILABLE');
    }
  });
});

const rootOnly = [authorityJson([sigstore.rootDer])];
const authority = [basicConstraints(true), keyUsage(0x06)];

/** A signer below any authority, in no certificate log. */
function leafBelow(issuer: Buffer, signer: KeyPair): Leaf {
  const key = ecKey();
  const der = issue({
    ...certificateOf(name('leaf'), key, issuer, signer, [
      keyUsage(0x80),
      extendedKeyUsage(codeSigning),
      alternativeNames(uri(identity)),
    ]),
    notBefore: signedAt,
    notAfter: expiresAt,
  });
  return { der, key };
}

function withChain(signer: Leaf, chain: readonly Buffer[]): SignatureArtifact {
  return keylessLegacy(sigstore, signer, { chain });
}

describe('intermediates that came along', () => {
  test.each([
    ['alone', [sigstore.intermediateDer]],
    ['with the root', [sigstore.intermediateDer, sigstore.rootDer]],
    ['beside strangers', [stranger.intermediateDer, stranger.rootDer, sigstore.intermediateDer, sigstore.rootDer]],
  ])('complete a path to a configured root, %s', (_name, chain) => {
    const trust = rooted({ certificateAuthorities: rootOnly });
    expect(outcome(withChain(leaf, chain), trust)).toBe('verified signature');
  });

  const evil = ecKey();
  const evilName = name('evil');
  const [first, second] = [ecKey(), ecKey()];
  const selfSigned = issue(certificateOf(evilName, evil, evilName, evil, authority));
  const ownIssuer = issue(certificateOf(evilName, evil, name('somebody'), evil, authority));
  const crossed = [
    issue(certificateOf(evilName, evil, name('b'), first, authority)),
    issue(certificateOf(name('b'), first, evilName, evil, authority)),
    issue(certificateOf(evilName, evil, name('b'), first, [...authority, subjectKeyId(keyId(second))])),
  ];
  const pretender = issue(certificateOf(evilName, evil, rootName, second, authority));
  const pretenderById = issue({
    ...certificateOf(evilName, evil, rootName, second, []),
    extensions: [...authority, subjectKeyId(keyId(evil)), authorityKeyId(keyId(sigstore.rootKey))],
  });

  describe.each([
    ['with certificate logs', 'required'],
    ['without certificate logs', 'ignored'],
  ] as const)('are refused %s', (_logs, sct) => {
    const trust = rooted({ certificateAuthorities: rootOnly }, sct);

    test.each([
      ['as a self-signed root of their own', [selfSigned]],
      ['as their own issuer under two names', [ownIssuer]],
      ['as each other’s issuers', crossed],
      ['in the name of the configured root', [pretender]],
      ['in the name and with the key identifier of the configured root', [pretenderById]],
      ['all of them beside a good one', [selfSigned, ownIssuer, pretender, pretenderById, sigstore.intermediateDer]],
    ])('%s, and quickly', (_name, chain) => {
      const before = process.cpuUsage();
      expect(outcome(withChain(leafBelow(evilName, evil), chain), trust)).toBe('CERTIFICATE_INVALID');
      const { user, system } = process.cpuUsage(before);
      expect(user + system).toBeLessThan(500_000);
    });

    test('below a certificate that is no authority', () => {
      const chain = [leaf.der, sigstore.intermediateDer];
      expect(outcome(withChain(leafBelow(name('leaf'), leaf.key), chain), trust)).toBe('CERTIFICATE_INVALID');
    });

    test('deeper than an authority allows', () => {
      const below = ecKey();
      const { intermediateKey, intermediateDer } = sigstore;
      const subordinate = issue(certificateOf(name('below'), below, intermediateName, intermediateKey, authority));
      const artifact = withChain(leafBelow(name('below'), below), [subordinate, intermediateDer]);
      expect(outcome(artifact, trust)).toBe('CERTIFICATE_INVALID');
    });

    test('expired at the time of signing', () => {
      const old = { ...certificateOf(name('old'), ecKey(), rootName, sigstore.rootKey, authority) };
      const expired = issue({ ...old, notAfter: new Date('2025-06-01T00:00:00Z') });
      expect(outcome(withChain(leafBelow(name('old'), old.key), [expired]), trust)).toBe('CERTIFICATE_INVALID');
    });
  });
});

describe('the certificate annotation', () => {
  const good = keylessLegacy(sigstore, leaf);
  const other = leafOf(sigstore);
  const withCertificate = (text: string): SignatureArtifact => ({
    ...good,
    annotations: { ...good.annotations, [annotation.certificate]: text },
  });

  test.each([
    ['two certificates', pem(leaf.der) + pem(other.der)],
    ['twice the same certificate', pem(leaf.der) + pem(leaf.der)],
    ['something before it', `subject: good\n${pem(leaf.der)}`],
    ['something after it', `${pem(leaf.der)}more`],
    ['a block of another kind', pem(leaf.der).replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE')],
    ['a block in a block', pem(leaf.der).replace('\n', `\n${pem(other.der)}`)],
    ['no PEM at all', leaf.der.toString('base64')],
    ['bytes after the certificate', pem(Buffer.concat([leaf.der, Buffer.from('0500', 'hex')]))],
    ['a cut certificate', pem(leaf.der.subarray(0, -5))],
  ])('is refused with %s', (_name, text) => {
    expect(outcome(withCertificate(text), keyless(sigstore))).toBe('SIGNATURE_MALFORMED');
  });

  test('may end without a line feed, and its lines may end in two characters', () => {
    for (const text of [pem(leaf.der).trim(), pem(leaf.der).replaceAll('\n', '\r\n')]) {
      expect(outcome(withCertificate(text), keyless(sigstore), muchLater)).toBe('verified signature');
    }
  });
});
