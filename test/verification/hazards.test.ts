// Ways in which signatures have been, or could be, verified wrongly. Each is a signature that must not pass.
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { SignatureArtifact } from '../../src/policy/facts.ts';
import type { Identity } from '../../src/policy/model.ts';
import type { TrustQuestion } from '../../src/policy/question.ts';
import { isSigner } from '../../src/policy/satisfies.ts';
import { verifySignature } from '../../src/verification/verify-signature.ts';
import {
  alternativeNames,
  basicConstraints,
  codeSigning,
  dnsName,
  ecKey,
  email,
  extendedKeyUsage,
  issue,
  keyUsage,
  name,
  pem,
  pemOfKey,
  uri,
} from './kit/certificates.ts';
import { bundleEntry, dsseEntry, hashedRekord, logEntry, type SignedEntry } from './kit/log-entries.ts';
import {
  authorityJson,
  byKey,
  certificateOf,
  createSigstore,
  expiresAt,
  identity,
  image,
  issuer,
  keyless,
  leafOf,
  logIgnored,
  logJson,
  muchLater,
  outcome,
  rekorUrl,
  signedAt,
  tokenOf,
  trustRoot,
} from './kit/sigstore.ts';
import { annotation, claimOf, keylessBundle, keylessBundleV2, keylessLegacy, legacyOf } from './kit/signatures.ts';

const sigstore = createSigstore();
const stranger = createSigstore();
const leaf = leafOf(sigstore);
const anHourOld = leafOf(sigstore, {
  request: { notBefore: new Date('2026-01-15T10:50:00Z'), notAfter: new Date('2026-01-15T11:00:00Z') },
});
const inItsTime = new Date('2026-01-15T10:55:00Z');
const trust = keyless(sigstore);
const stampedOnly = keyless(sigstore, { log: logIgnored, timestamps: sigstore.root });
const rootOnly = { ...sigstore.trustedRoot, certificateAuthorities: [authorityJson([sigstore.rootDer])] };

type Hazard = readonly [string, SignatureArtifact, TrustQuestion, string];

const times: readonly Hazard[] = [
  [
    'a promised time that belongs to another entry than the proven one',
    keylessBundle(sigstore, anHourOld, {
      entries: (signature, _message, payload) => {
        const body = dsseEntry(payload, signature, pem(anHourOld.der));
        const proven = logEntry(sigstore, { body });
        const { set, integratedTime } = logEntry(stranger, { body, time: inItsTime });
        return [bundleEntry({ ...proven, set, integratedTime }, 'dsse', '0.0.1')];
      },
    }),
    trust,
    'TLOG_INVALID',
  ],
  [
    'the time of an entry that another log has signed, beside a proven one',
    keylessBundle(sigstore, anHourOld, {
      entries: (signature, _message, payload) => {
        const body = dsseEntry(payload, signature, pem(anHourOld.der));
        const foreign = logEntry(stranger, { body, time: inItsTime });
        return [logEntry(sigstore, { body }), foreign].map((entry) => bundleEntry(entry, 'dsse', '0.0.1'));
      },
    }),
    trust,
    'CERTIFICATE_EXPIRED',
  ],
  [
    'the time of an entry that nobody verifies because the policy ignores logs',
    keylessLegacy({ ...sigstore, rekorKey: stranger.rekorKey }, anHourOld, { time: inItsTime }),
    keyless(sigstore, { log: logIgnored }),
    'CERTIFICATE_EXPIRED',
  ],
  [
    'the time of a good entry although the policy ignores logs',
    keylessLegacy(sigstore, anHourOld, { time: inItsTime }),
    keyless(sigstore, { log: logIgnored }),
    'CERTIFICATE_EXPIRED',
  ],
  [
    'a certificate that is over, where neither log nor timestamp is demanded',
    legacyOf({ key: leaf.key, certificate: leaf.der }),
    keyless(sigstore, { log: logIgnored }),
    'CERTIFICATE_EXPIRED',
  ],
  [
    'an inclusion proof without a promise, which says nothing about time',
    keylessBundleV2(sigstore, leaf, { tokens: () => [] }),
    trust,
    'TIMESTAMP_MISSING',
  ],
  [
    'a bundle of today’s version that has a promise and no proof',
    keylessBundle(sigstore, leaf, {
      entries: (signature, _message, payload) => [
        bundleEntry(logEntry(sigstore, { body: dsseEntry(payload, signature, pem(leaf.der)) }), 'dsse', '0.0.1', {
          proof: false,
        }),
      ],
    }),
    trust,
    'SIGNATURE_MALFORMED',
  ],
  [
    'a proof of a log whose key is out of use, because validity is only asked of promises',
    keylessBundleV2(sigstore, leaf),
    loggedBy({ start: '1999-01-01T00:00:00Z', end: '2000-01-01T00:00:00Z' }),
    'TLOG_INVALID',
  ],
  [
    'a proof of a log whose key is not in use yet',
    keylessBundleV2(sigstore, leaf),
    loggedBy({ start: '2026-02-01T00:00:00Z' }),
    'TLOG_INVALID',
  ],
  [
    'a timestamp of the payload instead of the signature',
    legacyOf({ key: leaf.key, certificate: leaf.der, token: () => tokenOf(sigstore, claimOf(image)) }),
    stampedOnly,
    'TIMESTAMP_INVALID',
  ],
  [
    'a demanded timestamp that is not there, instead of which the current time would do',
    legacyOf({ key: leaf.key, certificate: leaf.der }),
    stampedOnly,
    'TIMESTAMP_MISSING',
  ],
];

function loggedBy(validFor: { readonly start: string; readonly end?: string }): TrustQuestion {
  const tlogs = [logJson(rekorUrl, sigstore.rekorKey, validFor)];
  return keyless(sigstore, { log: { demand: 'required', root: trustRoot({ ...sigstore.trustedRoot, tlogs }) } });
}

const evil = ecKey();
const evilName = name('evil');
const evilRoot = issue(certificateOf(evilName, evil, evilName, evil, [basicConstraints(true), keyUsage(0x06)]));
const belowEvil = {
  key: evil,
  der: issue({
    ...certificateOf(name('leaf'), evil, evilName, evil, [
      keyUsage(0x80),
      extendedKeyUsage(codeSigning),
      alternativeNames(uri(identity)),
    ]),
    notBefore: signedAt,
    notAfter: expiresAt,
  }),
};
const critical = { oid: '1.2.3.4.5', critical: true, value: Buffer.from('0500', 'hex') };

const certificates: readonly Hazard[] = [
  ['a certificate for servers', bySigner({ usages: ['1.3.6.1.5.5.7.3.1'] }), trust, 'CERTIFICATE_INVALID'],
  ['a certificate for nothing in particular', bySigner({ usages: [] }), trust, 'CERTIFICATE_INVALID'],
  ['a certificate without a subject', bySigner({ names: [] }), trust, 'CERTIFICATE_INVALID'],
  ['a certificate authority', bySigner({ extensions: [basicConstraints(true)] }), trust, 'CERTIFICATE_INVALID'],
  ['a critical extension that nobody understands', bySigner({ extensions: [critical] }), trust, 'CERTIFICATE_INVALID'],
  [
    'a self-signed root that the signature itself brings along',
    keylessLegacy(sigstore, belowEvil, { chain: [evilRoot] }),
    keyless(sigstore, { sct: 'ignored' }),
    'CERTIFICATE_INVALID',
  ],
  [
    'that same root behind a good intermediate',
    keylessLegacy(sigstore, belowEvil, { chain: [sigstore.intermediateDer, evilRoot] }),
    keyless(sigstore, { root: trustRoot(rootOnly), sct: 'ignored' }),
    'CERTIFICATE_INVALID',
  ],
  [
    'an intermediate that stands for its root',
    keylessLegacy(sigstore, leaf),
    keyless(sigstore, {
      root: trustRoot({ ...rootOnly, certificateAuthorities: [authorityJson([sigstore.intermediateDer])] }),
    }),
    'CERTIFICATE_INVALID',
  ],
  [
    'two certificates in one annotation, of which a careless parser reads the first',
    withAnnotation(keylessLegacy(sigstore, leaf), annotation.certificate, pem(leaf.der) + pem(belowEvil.der)),
    trust,
    'SIGNATURE_MALFORMED',
  ],
  [
    'a certificate that is in no certificate log',
    keylessLegacy(sigstore, leafOf(sigstore, { withoutSct: true })),
    trust,
    'SCT_INVALID',
  ],
  ['a bare key where a certificate is asked for', legacyOf({ key: leaf.key }), trust, 'KEY_MISMATCH'],
];

function bySigner(change: Parameters<typeof leafOf>[1]): SignatureArtifact {
  return keylessLegacy(sigstore, leafOf(sigstore, change));
}

function withAnnotation(artifact: ReturnType<typeof legacyOf>, key: string, value: string): SignatureArtifact {
  return { ...artifact, annotations: { ...artifact.annotations, [key]: value } };
}

const key = ecKey();
const logged = byKey(key, { log: { demand: 'required', root: sigstore.root } });

function keyLogged(body: (signature: Buffer) => object, log = sigstore): SignatureArtifact {
  return legacyOf({ key, entry: (signature): SignedEntry => logEntry(log, { body: body(signature) }) });
}

const entries: readonly Hazard[] = [
  [
    'an entry of somebody else’s certificate over the same payload and signature',
    keylessLegacy(sigstore, leaf, { verifier: pem(leafOf(sigstore).der) }),
    trust,
    'TLOG_INVALID',
  ],
  [
    'an entry of somebody else’s key over the same payload and signature',
    keyLogged((signature) => hashedRekord(claimOf(image), signature, pemOfKey(ecKey()))),
    logged,
    'TLOG_INVALID',
  ],
  [
    'an entry about another payload',
    keyLogged((signature) => hashedRekord(Buffer.from('another'), signature, pemOfKey(key))),
    logged,
    'TLOG_INVALID',
  ],
  [
    'an entry about another signature',
    keyLogged(() => hashedRekord(claimOf(image), Buffer.from('another'), pemOfKey(key))),
    logged,
    'TLOG_INVALID',
  ],
  [
    'an entry whose kind is not one that binds a signature to its signer',
    keyLogged(() => ({ apiVersion: '0.0.1', kind: 'rekord', spec: {} })),
    logged,
    'TLOG_INVALID',
  ],
  [
    'an entry of a log of one’s own',
    keyLogged((signature) => hashedRekord(claimOf(image), signature, pemOfKey(key)), stranger),
    logged,
    'TLOG_INVALID',
  ],
];

describe.each([
  ['times', times],
  ['certificates', certificates],
  ['log entries', entries],
])('%s that prove nothing', (_group, hazards) => {
  test.each(hazards)('%s', (_name, artifact, asked, expected) => {
    expect(outcome(artifact, asked)).toBe(expected);
  });
});

test('what these hazards are variations of is good', () => {
  expect(outcome(keylessLegacy(sigstore, leaf), trust)).toBe('verified signature');
  expect(outcome(keylessBundle(sigstore, leaf), trust)).toBe('verified signature');
  expect(outcome(keylessLegacy(sigstore, anHourOld, { time: inItsTime }), trust)).toBe('verified signature');
  const good = keyLogged((signature) => hashedRekord(claimOf(image), signature, pemOfKey(key)));
  expect(outcome(good, logged)).toBe('verified signature');
});

describe('an identity is compared as a whole, with every name in the certificate', () => {
  const exact = (subject: string, by = issuer): Identity => ({
    issuer: { kind: 'exact', text: by },
    subject: { kind: 'exact', text: subject },
  });
  const fact = verifySignature(
    keylessLegacy(sigstore, leafOf(sigstore, { names: [dnsName('acme.test'), email('dev@acme.test'), uri(identity)] })),
    image,
    trust,
    muchLater,
  );
  const signer = fact.verified && fact.signer.kind === 'certificate' ? fact.signer : undefined;

  test.each([
    ['the beginning of a name', exact('https://github.com/acme/app/')],
    ['the end of a name', exact('acme.tes')],
    ['a pattern', exact('.*')],
    ['nothing', exact('')],
    ['names in another case', exact('DEV@ACME.TEST')],
    ['all names together', exact(['acme.test', 'dev@acme.test', identity].join(', '))],
    ['the right name of another issuer', exact(identity, 'https://evil.test')],
    ['the right name and the beginning of the issuer', exact(identity, issuer.slice(0, -1))],
  ])('%s is not enough', (_name, wanted) => {
    expect(signer !== undefined && isSigner(wanted, signer)).toBe(false);
  });

  test.each(['acme.test', 'dev@acme.test', identity])('%s is', (subject) => {
    expect(signer !== undefined && isSigner(exact(subject), signer)).toBe(true);
  });
});

describe('keys', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ed25519 = generateKeyPairSync('ed25519');

  test.each([
    ['another key of the same kind', legacyOf({ key }), byKey(ecKey())],
    ['a key of another kind', legacyOf({ key }), byKey(rsa)],
    ['a key of another kind, the other way round', legacyOf({ key: rsa }), byKey(key)],
    ['another hash than the policy names', legacyOf({ key }), byKey(key, { hashAlgorithm: 'sha512' })],
    ['a hash that nobody named', legacyOf({ key, hash: 'sha512' }), byKey(key)],
    ['SHA-1', legacyOf({ key, hash: 'sha1' }), byKey(key)],
    ['another Ed25519 key', legacyOf({ key: ed25519, hash: null }), byKey(generateKeyPairSync('ed25519'))],
    ['a certificate that came along, although it fits', legacyOf({ key, certificate: leaf.der }), byKey(leaf.key)],
    ['no key at all', legacyOf({ key }), byKey(key, { keys: [] })],
  ])('%s does not pass', (_name, artifact, asked) => {
    expect(outcome(artifact, asked)).toBe('SIGNATURE_INVALID');
  });

  test('one of several is enough', () => {
    expect(outcome(legacyOf({ key }), byKey(key, { keys: [rsa, ecKey(), key].map(pemOfKey) }))).toBe(
      'verified signature',
    );
  });
});
