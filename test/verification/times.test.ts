// Nothing counts as a time of signing that no log or timestamp authority of the trust root has proven.
import { describe, expect, test } from 'vitest';
import type { SignatureArtifact } from '../../src/policy/facts.ts';
import type { TrustQuestion } from '../../src/policy/question.ts';
import { codeSigning, ecKey, pem, timeStamping } from './kit/certificates.ts';
import { bundleEntry, dsseEntry, hashedRekord, logEntry } from './kit/log-entries.ts';
import {
  authorityJson,
  byKey,
  createSigstore,
  image,
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
  type TrustedRootJson,
} from './kit/sigstore.ts';
import { claimOf, keylessBundle, keylessBundleV2, keylessLegacy, legacyOf } from './kit/signatures.ts';
import { generateKeyPairSync } from 'node:crypto';

const sigstore = createSigstore();
const leaf = leafOf(sigstore);
const minutes = (count: number): Date => new Date(signedAt.getTime() + count * 60_000);
const notLogged = keyless(sigstore, { log: logIgnored });
const stampedOnly = keyless(sigstore, { log: logIgnored, timestamps: sigstore.root });
const certificateOnly = legacyOf({ key: leaf.key, certificate: leaf.der });

function rootWith(change: Partial<TrustedRootJson>): ReturnType<typeof trustRoot> {
  return trustRoot({ ...sigstore.trustedRoot, ...change });
}

describe('a log that the policy ignores vouches for no time', () => {
  test.each([
    ['the certificate is expired now', muchLater, 'CERTIFICATE_EXPIRED'],
    ['the certificate is not valid yet', minutes(-1), 'CERTIFICATE_EXPIRED'],
    ['the certificate is valid now', minutes(5), 'verified signature'],
  ])('%s', (_name, now, expected) => {
    expect(outcome(keylessLegacy(sigstore, leaf), notLogged, now)).toBe(expected);
    expect(outcome(certificateOnly, notLogged, now)).toBe(expected);
  });
});

describe('refuses integrated times', () => {
  test('that were changed', () => {
    const artifact = keylessLegacy(sigstore, leaf, {
      entry: (signature) => {
        const entry = logEntry(sigstore, { body: hashedRekord(claimOf(image), signature, pem(leaf.der)) });
        return { ...entry, integratedTime: entry.integratedTime + 60 };
      },
    });
    expect(outcome(artifact, keyless(sigstore))).toBe('TLOG_INVALID');
  });

  test('of an entry about another signature', () => {
    const body = hashedRekord(Buffer.from('x'), Buffer.from('y'), pem(leaf.der));
    const artifact = keylessLegacy(sigstore, leaf, { entry: () => logEntry(sigstore, { body }) });
    expect(outcome(artifact, keyless(sigstore))).toBe('TLOG_INVALID');
  });

  test('of one entry for the inclusion of another', () => {
    // The expired certificate signs now; the only promise in its time is about something else.
    const artifact = keylessBundle(sigstore, leaf, {
      entries: (signature, _message, payload) => {
        const own = logEntry(sigstore, { body: dsseEntry(payload, signature, pem(leaf.der)), time: muchLater });
        const other = logEntry(sigstore, { body: dsseEntry(payload, Buffer.from('other'), pem(leaf.der)) });
        return [bundleEntry(own, 'dsse', '0.0.1', { promise: false }), bundleEntry(other, 'dsse', '0.0.1')];
      },
    });
    expect(outcome(artifact, keyless(sigstore))).not.toMatch(/^verified/);
  });

  test.each([
    ['before the certificate', minutes(-1)],
    ['after the certificate', minutes(11)],
  ])('%s', (_name, time) => {
    expect(outcome(keylessLegacy(sigstore, leaf, { time }), keyless(sigstore))).toBe('CERTIFICATE_EXPIRED');
  });
});

describe('refuses entries that promise nothing', () => {
  const entries = (proven: { promise?: boolean; proof?: boolean }): SignatureArtifact =>
    keylessBundle(sigstore, leaf, {
      entries: (signature, _message, payload) => [
        bundleEntry(
          logEntry(sigstore, { body: dsseEntry(payload, signature, pem(leaf.der)) }),
          'dsse',
          '0.0.1',
          proven,
        ),
      ],
    });

  test('a proof alone says nothing about time', () => {
    expect(outcome(entries({ promise: false }), keyless(sigstore))).toBe('TIMESTAMP_MISSING');
  });

  test('a promise alone is not enough in a bundle', () => {
    expect(outcome(entries({ proof: false }), keyless(sigstore))).toBe('SIGNATURE_MALFORMED');
  });

  test('neither is nothing', () => {
    expect(outcome(entries({ proof: false, promise: false }), keyless(sigstore))).toBe('SIGNATURE_MALFORMED');
  });
});

describe('refuses a log whose key was not in use', () => {
  const during = (start: string, end?: string): TrustQuestion => {
    const root = rootWith({
      tlogs: [logJson(rekorUrl, sigstore.rekorKey, end === undefined ? { start } : { start, end })],
    });
    return keyless(sigstore, { root, log: { demand: 'required', root } });
  };
  const retired = during('2024-01-01T00:00:00Z', '2025-06-01T00:00:00Z');
  const future = during('2026-03-01T00:00:00Z');

  test.each([
    ['at the promised time, retired before', keylessLegacy(sigstore, leaf), retired],
    ['at the promised time, in use later', keylessLegacy(sigstore, leaf), future],
    ['at the time of the timestamp, retired before', keylessBundleV2(sigstore, leaf), retired],
    ['at the time of the timestamp, in use later', keylessBundleV2(sigstore, leaf), future],
  ])('%s', (_name, artifact, trust) => {
    expect(outcome(artifact, trust)).toBe('TLOG_INVALID');
  });
});

describe('timestamps', () => {
  const stamped = (make: (signature: Buffer) => Buffer): SignatureArtifact =>
    legacyOf({ key: leaf.key, certificate: leaf.der, token: make });
  const good = stamped((signature) => tokenOf(sigstore, signature));

  test.each([
    ['without fraction', ''],
    ['with one digit', '.5'],
    ['with two digits', '.25'],
    ['with three digits', '.123'],
    ['with six digits', '.123456'],
  ])('are read %s of a second', (_name, fraction) => {
    const artifact = stamped((signature) => tokenOf(sigstore, signature, { fraction }));
    expect(outcome(artifact, stampedOnly)).toBe('verified signature');
  });

  test('may be signed by ECDSA with SHA-512 and by RSA with SHA-256 and SHA-512', () => {
    const tsaKey = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const withRsa = createSigstore({ tsaKey });
    const signer = leafOf(withRsa);
    for (const [from, hash] of [
      [sigstore, 'sha512'],
      [withRsa, 'sha256'],
      [withRsa, 'sha512'],
    ] as const) {
      const by = from === sigstore ? leaf : signer;
      const artifact = legacyOf({
        key: by.key,
        certificate: by.der,
        token: (signature) => tokenOf(from, signature, { hash }),
      });
      const trust = keyless(from, { log: logIgnored, timestamps: from.root });
      expect(outcome(artifact, trust)).toBe('verified signature');
    }
  });

  test('are demanded where the policy does, beside a log or instead of one', () => {
    const both = keyless(sigstore, { timestamps: sigstore.root });
    expect(outcome(certificateOnly, stampedOnly)).toBe('TIMESTAMP_MISSING');
    expect(outcome(keylessLegacy(sigstore, leaf), stampedOnly)).toBe('TIMESTAMP_MISSING');
    expect(outcome(keylessLegacy(sigstore, leaf), both)).toBe('TIMESTAMP_MISSING');
    expect(outcome(good, both)).toBe('TLOG_MISSING');
    const key = ecKey();
    expect(outcome(legacyOf({ key }), byKey(key, { timestamps: sigstore.root }))).toBe('TIMESTAMP_MISSING');
  });

  const otherTsa = createSigstore();
  const notForTime = createSigstore({ tsaUsages: [codeSigning] });
  const alsoForCode = createSigstore({ tsaUsages: [codeSigning, timeStamping] });
  const [authority] = sigstore.trustedRoot.timestampAuthorities;
  const retired = rootWith({
    timestampAuthorities: [
      {
        ...authority,
        ...authorityJson([]),
        certChain: authority?.certChain ?? { certificates: [] },
        validFor: { start: '2024-01-01T00:00:00Z', end: '2025-06-01T00:00:00Z' },
      },
    ],
  });

  test.each<[string, SignatureArtifact, TrustQuestion]>([
    ['over another signature', stamped(() => tokenOf(sigstore, Buffer.from('other'))), stampedOnly],
    ['by an unknown authority', stamped((signature) => tokenOf(otherTsa, signature)), stampedOnly],
    ['that cannot be read', stamped(() => Buffer.from('3003020100', 'hex')), stampedOnly],
    ['by an authority that was retired', good, keyless(sigstore, { log: logIgnored, timestamps: retired })],
    [
      'by a certificate that is not for timestamps',
      stamped((signature) => tokenOf(notForTime, signature)),
      keyless(sigstore, { log: logIgnored, timestamps: notForTime.root }),
    ],
    [
      'by a certificate that is for other things too',
      stamped((signature) => tokenOf(alsoForCode, signature)),
      keyless(sigstore, { log: logIgnored, timestamps: alsoForCode.root }),
    ],
    [
      'when no authority is known',
      good,
      keyless(sigstore, { log: logIgnored, timestamps: rootWith({ timestampAuthorities: [] }) }),
    ],
  ])('are refused %s', (_name, artifact, trust) => {
    expect(outcome(artifact, trust)).toBe('TIMESTAMP_INVALID');
  });

  test('after the certificate are refused, also beside a log entry in time', () => {
    const late = (signature: Buffer): Buffer => tokenOf(sigstore, signature, { time: minutes(11) });
    expect(outcome(stamped(late), stampedOnly)).toBe('CERTIFICATE_EXPIRED');
    const both = keylessLegacy(sigstore, leaf, { token: late });
    expect(outcome(both, keyless(sigstore, { timestamps: sigstore.root }))).toBe('CERTIFICATE_EXPIRED');
  });
});

describe('windows of validity include their ends', () => {
  const [own] = sigstore.trustedRoot.certificateAuthorities;
  const [stamps] = sigstore.trustedRoot.timestampAuthorities;
  const exactly = { start: signedAt.toISOString(), end: signedAt.toISOString() };
  const before = { start: '2025-01-01T00:00:00Z', end: minutes(-1).toISOString() };

  test.each([
    ['exactly then', exactly, /^verified/],
    ['until a minute before', before, /^(TIMESTAMP|TLOG|CERTIFICATE)_INVALID$/],
  ])('of logs and authorities in use %s', (_name, validFor, expected) => {
    const tlogs = [logJson(rekorUrl, sigstore.rekorKey, validFor)];
    const certificateAuthorities = [{ ...(own ?? authorityJson([])), validFor }];
    const timestampAuthorities = [{ ...(stamps ?? authorityJson([])), validFor }];
    const stamped = keylessBundleV2(sigstore, leaf);
    const root = (change: Partial<TrustedRootJson>): TrustQuestion => {
      const changed = rootWith(change);
      return keyless(sigstore, { root: changed, log: { demand: 'required', root: changed } });
    };
    expect(outcome(stamped, root({ tlogs }))).toMatch(expected);
    expect(outcome(keylessLegacy(sigstore, leaf), root({ tlogs }))).toMatch(expected);
    expect(outcome(stamped, root({ certificateAuthorities }))).toMatch(expected);
    expect(outcome(stamped, root({ timestampAuthorities }))).toMatch(expected);
  });

  test('and an authority without certificates lends its window to nobody', () => {
    const over = { ...(stamps ?? authorityJson([])), validFor: before };
    const empty = authorityJson([], { start: '2025-01-01T00:00:00Z' });
    const root = rootWith({ timestampAuthorities: [over, empty] });
    const asked = keyless(sigstore, { log: logIgnored, timestamps: root });
    expect(outcome(keylessBundleV2(sigstore, leaf), asked)).toBe('TIMESTAMP_INVALID');
  });
});
