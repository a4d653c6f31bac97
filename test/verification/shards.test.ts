// Logs come in shards, each with a key and a time of its own: a retired one still vouches for what it saw while it was in
// use, and for nothing newer; authorities are alternatives, none of them shadows another.
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { SignatureArtifact } from '../../src/policy/facts.ts';
import type { TrustQuestion } from '../../src/policy/question.ts';
import { ecKey, pem, pemOfKey, spki, type KeyPair } from './kit/certificates.ts';
import { bundleEntry, dsseEntry, hashedRekord, hashedRekordV2, logEntry } from './kit/log-entries.ts';
import {
  byKey,
  createSigstore,
  keyless,
  leafOf,
  logIdOf,
  logIgnored,
  logJson,
  muchLater,
  outcome,
  rekorUrl,
  signedAt,
  tokenOf,
  trustRoot,
  type LogJson,
} from './kit/sigstore.ts';
import { bundleOf, claimOf, keylessBundle, keylessBundleV2, keylessLegacy, legacyOf } from './kit/signatures.ts';
import { image } from './kit/sigstore.ts';

const sigstore = createSigstore();
const leaf = leafOf(sigstore);
const shards = { old: ecKey(), current: ecKey() };
const turn = '2026-01-15T12:05:00.000Z';
const minutes = (count: number): Date => new Date(signedAt.getTime() + count * 60_000);

/** Two shards: one until five minutes after `signedAt`, one from then on. */
const old = logJson(rekorUrl, shards.old, { start: '2025-01-01T00:00:00Z', end: turn });
const current = logJson(rekorUrl, shards.current, { start: turn });

function asking(tlogs: readonly LogJson[]): TrustQuestion {
  const root = trustRoot({ ...sigstore.trustedRoot, tlogs });
  return keyless(sigstore, { root, log: { demand: 'required', root } });
}

const both = asking([old, current]);

/** As cosign writes it with Rekor v1: the log promises the time itself. */
function promised(key: KeyPair, time: Date): SignatureArtifact {
  return keylessLegacy(sigstore, leaf, {
    entry: (signature) =>
      logEntry(sigstore, { body: hashedRekord(claimOf(image), signature, pem(leaf.der)), key, time }),
  });
}

/** As cosign writes it with Rekor v2: the time is that of the timestamp. */
function stamped(key: KeyPair, time: Date): SignatureArtifact {
  return keylessBundleV2(sigstore, leaf, {
    entries: (signature, message) => [
      bundleEntry(
        logEntry(sigstore, { body: hashedRekordV2(message, signature, leaf.der), key }),
        'hashedrekord',
        '0.0.2',
        { promise: false },
      ),
    ],
    tokens: (signature) => [tokenOf(sigstore, signature, { time })],
  });
}

describe.each([
  ['promise', promised],
  ['timestamp', stamped],
])('by the %s', (_title, make) => {
  test.each<[string, KeyPair, number, string]>([
    ['an old entry of the retired shard counts', shards.old, 0, 'verified'],
    ['its last moment counts', shards.old, 5, 'verified'],
    ['a newer entry of the retired shard does not', shards.old, 6, 'TLOG_INVALID'],
    ['a new entry of the current shard counts', shards.current, 6, 'verified'],
    ['its first moment counts', shards.current, 5, 'verified'],
    ['an entry of the current shard before there was one does not', shards.current, 4, 'TLOG_INVALID'],
    ['an entry of a shard that nobody named does not', ecKey(), 0, 'TLOG_INVALID'],
  ])('%s', (_case, key, after, expected) => {
    expect(outcome(make(key, minutes(after)), both)).toMatch(new RegExp(`^${expected}`));
    expect(outcome(make(key, minutes(after)), asking([current, old]))).toMatch(new RegExp(`^${expected}`));
  });

  test('one key in two windows counts in both, and not in between', () => {
    const first = logJson(rekorUrl, shards.old, { start: '2025-01-01T00:00:00Z', end: minutes(1).toISOString() });
    const second = logJson(rekorUrl, shards.old, { start: minutes(3).toISOString() });
    const trust = asking([first, second]);
    const outcomes = [0, 2, 4].map((after) => outcome(make(shards.old, minutes(after)), trust));
    expect(outcomes.map((one) => one.split(' ')[0])).toEqual(['verified', 'TLOG_INVALID', 'verified']);
  });
});

describe('an entry without any time, of a signature by a key', () => {
  const key = ecKey();
  const proofOnly = (log: KeyPair): SignatureArtifact =>
    bundleOf({
      key,
      entries: (signature, _message, payload) => [
        bundleEntry(
          logEntry(sigstore, { body: dsseEntry(payload, signature, pemOfKey(key)), key: log }),
          'dsse',
          '0.0.1',
          { promise: false },
        ),
      ],
    });
  const asked = (tlogs: readonly LogJson[]): TrustQuestion => {
    const root = trustRoot({ ...sigstore.trustedRoot, tlogs });
    return byKey(key, { log: { demand: 'required', root } });
  };

  test('counts while its log is in use', () => {
    expect(outcome(proofOnly(shards.current), asked([old, current]), muchLater)).toMatch(/^verified/);
  });

  test('does not count once its log is retired: nothing says that it is older than that', () => {
    expect(outcome(proofOnly(shards.old), asked([old, current]), muchLater)).toBe('TLOG_INVALID');
  });

  test('does not count before its log is in use', () => {
    expect(outcome(proofOnly(shards.current), asked([old, current]), minutes(1))).toBe('TLOG_INVALID');
  });
});

describe('refuses what a retired shard signs in the name of the current one', () => {
  test('a proof', () => {
    const forged = keylessBundleV2(sigstore, leaf, {
      entries: (signature, message) => {
        const entry = logEntry(sigstore, { body: hashedRekordV2(message, signature, leaf.der), key: shards.old });
        const named = { ...entry, logId: logIdOf(shards.current) };
        return [bundleEntry(named, 'hashedrekord', '0.0.2', { promise: false })];
      },
      tokens: (signature) => [tokenOf(sigstore, signature, { time: minutes(6) })],
    });
    expect(outcome(forged, both)).toBe('TLOG_INVALID');
  });

  test('a promise beside a proof', () => {
    const forged = keylessBundle(sigstore, leaf, {
      entries: (signature, _message, payload) => {
        const body = dsseEntry(payload, signature, pem(leaf.der));
        const entry = logEntry(sigstore, { body, key: shards.current, time: minutes(6) });
        const { set } = logEntry(sigstore, { body, key: shards.old, time: minutes(6) });
        return [bundleEntry({ ...entry, set }, 'dsse', '0.0.1')];
      },
    });
    expect(outcome(forged, both)).toBe('TLOG_INVALID');
  });

  test('a proof beside a promise', () => {
    const forged = keylessBundle(sigstore, leaf, {
      entries: (signature, _message, payload) => {
        const body = dsseEntry(payload, signature, pem(leaf.der));
        const entry = logEntry(sigstore, { body, key: shards.current, time: minutes(6) });
        const { checkpoint } = logEntry(sigstore, { body, key: shards.old, time: minutes(6) });
        return [bundleEntry({ ...entry, checkpoint }, 'dsse', '0.0.1')];
      },
    });
    expect(outcome(forged, both)).toBe('TLOG_INVALID');
  });
});

describe('authorities are alternatives', () => {
  const other = createSigstore();
  const stampedOnly = (from: typeof sigstore): SignatureArtifact =>
    legacyOf({ key: leaf.key, certificate: leaf.der, token: (signature) => tokenOf(from, signature) });
  const two = trustRoot({
    ...sigstore.trustedRoot,
    certificateAuthorities: [
      ...other.trustedRoot.certificateAuthorities,
      ...sigstore.trustedRoot.certificateAuthorities,
    ],
    timestampAuthorities: [...sigstore.trustedRoot.timestampAuthorities, ...other.trustedRoot.timestampAuthorities],
  });
  const asked = keyless(sigstore, { root: two, log: logIgnored, timestamps: two });

  test.each([
    ['the first', sigstore],
    ['the last', other],
  ])('a timestamp of %s of two timestamp authorities counts', (_title, from) => {
    expect(outcome(stampedOnly(from), asked)).toMatch(/^verified/);
  });

  test('one of a third does not', () => {
    expect(outcome(stampedOnly(createSigstore()), asked)).toBe('TIMESTAMP_INVALID');
  });

  test('a certificate counts only in the window of the authority that has issued it', () => {
    const [own] = sigstore.trustedRoot.certificateAuthorities;
    const windows = (end: string) =>
      trustRoot({
        ...sigstore.trustedRoot,
        certificateAuthorities: own === undefined ? [] : [{ ...own, validFor: { start: '2025-01-01T00:00:00Z', end } }],
      });
    const by = (end: string): string => {
      const root = windows(end);
      return outcome(keylessLegacy(sigstore, leaf), keyless(sigstore, { root, log: { demand: 'required', root } }));
    };
    expect(by(turn)).toMatch(/^verified/);
    expect(by(minutes(-1).toISOString())).toBe('CERTIFICATE_INVALID');
  });
});

test('logs whose RSA key is written as the specification says are read', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const log = logJson(rekorUrl, rsa);
  const details = {
    ...log.publicKey,
    rawBytes: spki(rsa).toString('base64'),
    keyDetails: 'PKIX_RSA_PKCS1V15_2048_SHA256',
  };
  expect(outcome(promised(rsa, signedAt), asking([{ ...log, publicKey: details }]))).toMatch(/^verified/);
});
