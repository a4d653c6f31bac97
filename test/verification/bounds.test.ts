// Whoever may push a signature may make it as large and as odd as the registry takes: it costs little time all the same.
import { describe, expect, test } from 'vitest';
import type { BundleSignature, LegacySignature, SignatureArtifact } from '../../src/policy/facts.ts';
import type { TrustQuestion } from '../../src/policy/question.ts';
import { ecKey, pem } from './kit/certificates.ts';
import { bundleEntry, dsseEntry, logEntry } from './kit/log-entries.ts';
import { byKey, createSigstore, image, keyless, leafOf, outcome, tokenOf } from './kit/sigstore.ts';
import {
  annotation,
  asBundle,
  bundleJson,
  bundleOf,
  claimOf,
  keylessBundle,
  keylessLegacy,
  legacyOf,
} from './kit/signatures.ts';

const sigstore = createSigstore();
const leaf = leafOf(sigstore);
const key = ecKey();
const trust = keyless(sigstore);
const stamped = keyless(sigstore, { timestamps: sigstore.root });
const good = keylessLegacy(sigstore, leaf, { token: (signature) => tokenOf(sigstore, signature) });
const mib = 1024 * 1024;

/** What this is about takes seconds and more when it goes wrong. Other processes may have the machine meanwhile. */
const enoughMs = 1_000;

function quickOutcome(artifact: SignatureArtifact, asked: TrustQuestion): string {
  const before = process.cpuUsage();
  const result = outcome(artifact, asked);
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1_000).toBeLessThan(enoughMs);
  return result;
}

function annotated(name: keyof typeof annotation, value: string): LegacySignature {
  return { ...good, annotations: { ...good.annotations, [annotation[name]]: value } };
}

test('what is made larger here is good', () => {
  expect(outcome(good, stamped)).toBe('verified signature');
});

describe('annotations', () => {
  test.each([
    ['signature', 'A'.repeat(mib)],
    ['certificate', pem(leaf.der).repeat(500)],
    ['certificate', pem(Buffer.alloc(100_000, 0x30))],
    ['certificate', '-----BEGIN CERTIFICATE-----'.repeat(9_000)],
    ['chain', pem(sigstore.intermediateDer).repeat(300)],
    ['chain', `${'x'.repeat(130_000)}${'-----BEGIN CERTIFICATE-----A-----END CERTIFICATE-----'.repeat(2_400)}`],
    ['chain', pem(Buffer.alloc(100_000, 0x30))],
    ['rekor', '['.repeat(200_000)],
    ['rekor', `{"Payload":${'{"a":'.repeat(40_000)}`],
    ['rekor', ' '.repeat(mib)],
    ['timestamp', JSON.stringify({ SignedRFC3161Timestamp: Buffer.alloc(150_000, 0x30).toString('base64') })],
  ] as const)('of any size are refused at once: %s', (name, value) => {
    expect(quickOutcome(annotated(name, value), stamped)).not.toMatch(/^verified/);
  });

  test('nested ASN.1 is refused at once', () => {
    const timestamp = (der: Buffer): string => JSON.stringify({ SignedRFC3161Timestamp: der.toString('base64') });
    const nested = Buffer.alloc(60_000, Buffer.from([0x30, 0x80]));
    expect(quickOutcome(annotated('timestamp', timestamp(nested)), stamped)).toBe('TIMESTAMP_INVALID');
  });
});

describe('payloads', () => {
  test.each([
    ['a megabyte of blanks', Buffer.alloc(mib, 0x20)],
    ['a megabyte of brackets', Buffer.alloc(mib, 0x5b)],
    ['a megabyte of backslashes', Buffer.from(`"${'\\\\'.repeat(mib / 2)}"`)],
    ['a hundred thousand names', Buffer.from(`{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":0`).join(',')}}`)],
  ])('of %s are refused at once', (_name, payload) => {
    expect(quickOutcome(legacyOf({ key, payload }), byKey(key))).not.toMatch(/^verified/);
  });

  test('a good claim with much beside it is still a claim', () => {
    const payload = claimOf(image, { note: 'x'.repeat(mib - 1_000) });
    expect(quickOutcome(legacyOf({ key, payload }), byKey(key))).toBe('verified signature');
  });
});

describe('bundles', () => {
  function withEntries(count: number): BundleSignature {
    return keylessBundle(sigstore, leaf, {
      entries: (signature, _message, payload) => {
        const body = dsseEntry(payload, signature, pem(leaf.der));
        return Array.from({ length: count }, () => bundleEntry(logEntry(sigstore, { body }), 'dsse', '0.0.1'));
      },
    });
  }

  function withEntry(change: (entry: Record<string, unknown>) => object): BundleSignature {
    return keylessBundle(sigstore, leaf, {
      entries: (signature, _message, payload) => [
        change(
          bundleEntry(logEntry(sigstore, { body: dsseEntry(payload, signature, pem(leaf.der)) }), 'dsse', '0.0.1'),
        ),
      ],
    });
  }

  const proof = (change: object): BundleSignature =>
    withEntry((entry) => ({ ...entry, inclusionProof: { ...Object(entry['inclusionProof']), ...change } }));

  test.each([
    ['fifty log entries', withEntries(50)],
    ['an index of a hundred thousand digits', withEntry((entry) => ({ ...entry, logIndex: '9'.repeat(100_000) }))],
    ['a time of a hundred thousand digits', withEntry((entry) => ({ ...entry, integratedTime: '9'.repeat(100_000) }))],
    ['a tree of a hundred thousand digits', proof({ treeSize: '9'.repeat(100_000) })],
    ['ten thousand hashes', proof({ hashes: Array.from({ length: 10_000 }, () => 'AAAA') })],
    ['a checkpoint of a megabyte', proof({ checkpoint: { envelope: '\n\u2014 a b\n'.repeat(mib / 10) } })],
    ['a body of a megabyte', withEntry((entry) => ({ ...entry, canonicalizedBody: 'A'.repeat(mib) }))],
  ])('with %s are refused at once', (_name, artifact) => {
    expect(quickOutcome(artifact, trust)).not.toMatch(/^verified/);
  });

  test.each([
    [
      'ten thousand timestamps',
      { rfc3161Timestamps: Array.from({ length: 10_000 }, () => ({ signedTimestamp: 'AA==' })) },
    ],
    ['a timestamp of a megabyte', { rfc3161Timestamps: [{ signedTimestamp: 'A'.repeat(mib) }] }],
  ])('with %s are refused at once', (_name, timestampVerificationData) => {
    const bundle = bundleJson({ key });
    const material = Object(bundle['verificationMaterial']) as object;
    const artifact = asBundle({ ...bundle, verificationMaterial: { ...material, timestampVerificationData } });
    expect(quickOutcome(artifact, byKey(key, { timestamps: sigstore.root }))).not.toMatch(/^verified/);
  });

  test.each([
    ['a certificate of a megabyte', { certificate: { rawBytes: Buffer.alloc(mib, 0x30).toString('base64') } }],
    [
      'a thousand certificates',
      {
        x509CertificateChain: {
          certificates: Array.from({ length: 1_000 }, () => ({
            rawBytes: sigstore.intermediateDer.toString('base64'),
          })),
        },
      },
    ],
  ])('with %s are refused at once', (_name, verificationMaterial) => {
    const mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.1';
    const artifact = asBundle({ ...bundleJson({ key, mediaType }), verificationMaterial });
    expect(quickOutcome(artifact, trust)).not.toMatch(/^verified/);
  });

  test('with twenty thousand subjects that are all another image are refused at once', () => {
    const strangers = Array.from({ length: 20_000 }, () => ({ digest: { sha256: '0'.repeat(64) } }));
    const statement = Buffer.from(
      JSON.stringify({
        _type: 'https://in-toto.io/Statement/v1',
        predicateType: 'x',
        subject: strangers,
        predicate: {},
      }),
    );
    expect(quickOutcome(bundleOf({ key, statement }), byKey(key))).toBe('CLAIM_MISMATCH');
  });
});
