import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import { expect, test } from 'vitest';
import { digestOf } from '../../src/kernel/digest.ts';
import { verifySignature } from '../../src/verification/verify-signature.ts';
import { ecKey, pem, pemOfKey } from './kit/certificates.ts';
import { bundleEntry, dsseEntry, hashedRekord, logEntry } from './kit/log-entries.ts';
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
  outcome,
  signedAt,
  tokenOf,
  type Sigstore,
} from './kit/sigstore.ts';
import {
  asBundle,
  bundleJson,
  bundleOf,
  claimOf,
  keylessBundle,
  keylessBundleV2,
  keylessLegacy,
  legacyOf,
  statementOf,
} from './kit/signatures.ts';

const sigstore = createSigstore();
const leaf = leafOf(sigstore);
const key = ecKey();
const logged = { demand: 'required', root: sigstore.root } as const;

test('tells who has signed what and when, of a legacy signature', () => {
  const artifact = keylessLegacy(sigstore, leaf, { payload: claimOf(image, { env: 'prod' }) });
  expect(verifySignature(artifact, image, keyless(sigstore), muchLater)).toEqual({
    verified: true,
    format: 'legacy',
    type: 'signature',
    signer: { kind: 'certificate', issuer, subjects: [identity], extensions: {} },
    annotations: { env: 'prod' },
    log: { url: 'https://rekor.test', index: expect.stringMatching(/^\d+$/) },
    time: signedAt.toISOString(),
    id: expect.stringMatching(/^[0-9a-f]{64}$/),
    layer: digestOf(artifact.payload),
  });
});

test('tells who has signed what and when, of a bundle', () => {
  const artifact = keylessBundleV2(sigstore, leaf);
  expect(verifySignature(artifact, image, keyless(sigstore), muchLater)).toEqual({
    verified: true,
    format: 'bundle',
    type: 'signature',
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
    signer: { kind: 'certificate', issuer, subjects: [identity], extensions: {} },
    annotations: { env: 'prod' },
    log: { url: 'https://rekor.test', index: expect.stringMatching(/^\d+$/) },
    time: signedAt.toISOString(),
    id: expect.stringMatching(/^[0-9a-f]{64}$/),
    layer: digestOf(artifact.bundle),
  });
});

test('takes the earliest proven time', () => {
  const earlier = new Date(signedAt.getTime() + 30_000);
  const later = new Date(signedAt.getTime() + 60_000);
  const artifact = keylessLegacy(sigstore, leaf, {
    time: later,
    token: (signature) => tokenOf(sigstore, signature, { time: earlier }),
  });
  const fact = verifySignature(artifact, image, keyless(sigstore, { timestamps: sigstore.root }), muchLater);
  expect(fact).toMatchObject({ verified: true, time: earlier.toISOString() });
});

const stamped = (signature: Buffer): Buffer => tokenOf(sigstore, signature);

test.each([
  ['a bundle with promise and proof of Rekor v1', keylessBundle(sigstore, leaf), keyless(sigstore)],
  ['a bundle with a key', bundleOf({ key }), byKey(key)],
  ['a bundle with a key and a log entry', loggedKeyBundle({}), byKey(key, { log: logged })],
  ['a bundle with a key and a proof without promise', loggedKeyBundle({ promise: false }), byKey(key, { log: logged })],
  [
    'a bundle with a key and a timestamp',
    bundleOf({ key, tokens: (signature) => [stamped(signature)] }),
    byKey(key, { timestamps: sigstore.root }),
  ],
  ['a bundle with a key where neither log nor time counts', loggedKeyBundle({}), byKey(key)],
  ['a legacy signature with a key', legacyOf({ key }), byKey(key)],
  ['a legacy signature with a key and a log entry', loggedKeyLegacy(), byKey(key, { log: logged })],
  [
    'a legacy signature with a key and a timestamp',
    legacyOf({ key, token: stamped }),
    byKey(key, { timestamps: sigstore.root }),
  ],
  [
    'a legacy signature with a certificate and a timestamp',
    legacyOf({ key: leaf.key, certificate: leaf.der, token: stamped }),
    keyless(sigstore, { log: logIgnored, timestamps: sigstore.root }),
  ],
  [
    'a legacy signature with log entry and timestamp, both demanded',
    keylessLegacy(sigstore, leaf, { token: stamped }),
    keyless(sigstore, { timestamps: sigstore.root }),
  ],
  [
    'a key, although the signature carries a certificate of the same key',
    legacyOf({ key: leaf.key, certificate: leaf.der }),
    byKey(leaf.key),
  ],
])('accepts %s', (_name, artifact, trust) => {
  expect(outcome(artifact, trust)).toBe('verified signature');
});

function loggedKeyLegacy(): ReturnType<typeof legacyOf> {
  const body = (signature: Buffer): object => hashedRekord(claimOf(image), signature, pemOfKey(key));
  return legacyOf({ key, entry: (signature) => logEntry(sigstore, { body: body(signature) }) });
}

function loggedKeyBundle(proven: { readonly promise?: boolean }): ReturnType<typeof bundleOf> {
  return bundleOf({
    key,
    entries: (signature, _message, payload) => [
      bundleEntry(logEntry(sigstore, { body: dsseEntry(payload, signature, pemOfKey(key)) }), 'dsse', '0.0.1', proven),
    ],
  });
}

test('accepts bundles of version 0.1, whose chains are only hints', () => {
  const good = bundleJson({
    key: leaf.key,
    certificate: leaf.der,
    mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1',
    entries: (signature, _message, payload) => [
      bundleEntry(logEntry(sigstore, { body: dsseEntry(payload, signature, pem(leaf.der)) }), 'dsse', '0.0.1', {
        proof: false,
      }),
    ],
  });
  const material = Object(good['verificationMaterial']) as { certificate?: unknown };
  const { certificate, ...rest } = material;
  const chain = [certificate, { rawBytes: sigstore.intermediateDer.toString('base64') }];
  const artifact = asBundle({
    ...good,
    verificationMaterial: { ...rest, x509CertificateChain: { certificates: chain } },
  });
  expect(outcome(artifact, keyless(sigstore))).toBe('verified signature');
});

test('one proven log entry is enough beside one that proves nothing, in either order', () => {
  // cosign wants one entry; the library wants all. What anybody may add must not take a good signature away.
  const stranger = createSigstore();
  for (const logs of [
    [sigstore, stranger],
    [stranger, sigstore],
  ]) {
    const artifact = keylessBundle(sigstore, leaf, {
      entries: (signature, _message, payload) => {
        const body = dsseEntry(payload, signature, pem(leaf.der));
        return logs.map((log) => bundleEntry(logEntry(log, { body }), 'dsse', '0.0.1'));
      },
    });
    expect(outcome(artifact, keyless(sigstore))).toBe('verified signature');
  }
});

test('one proven timestamp is enough beside ones that prove nothing', () => {
  const artifact = keylessBundleV2(sigstore, leaf, {
    tokens: (signature) => [
      Buffer.from('not a timestamp'),
      tokenOf(sigstore, Buffer.from('of something else')),
      tokenOf(sigstore, signature),
    ],
  });
  expect(outcome(artifact, keyless(sigstore))).toBe('verified signature');
});

test('an attestation is proven, but is no signature', () => {
  const statement = statementOf(image, { predicateType: 'https://slsa.dev/provenance/v1' });
  const artifact = keylessBundle(sigstore, leaf, { statement });
  expect(verifySignature(artifact, image, keyless(sigstore), muchLater)).toMatchObject({
    verified: true,
    type: 'attestation',
    predicateType: 'https://slsa.dev/provenance/v1',
  });
});

test('agrees with @sigstore/verify used as it is on good bundles, and on the same ones under another root', () => {
  const stranger = createSigstore();
  for (const artifact of [keylessBundle(sigstore, leaf), keylessBundleV2(sigstore, leaf)]) {
    expect(plainly(artifact.bundle, sigstore)).toBe(true);
    expect(outcome(artifact, keyless(sigstore))).toBe('verified signature');
    expect(plainly(artifact.bundle, stranger)).toBe(false);
    expect(outcome(artifact, keyless(stranger))).not.toMatch(/^verified/);
  }
});

function plainly(bundle: Uint8Array, { root }: Sigstore): boolean {
  const material = toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(root.trustedRootJson)));
  try {
    new Verifier(material).verify(toSignedEntity(bundleFromJSON(JSON.parse(Buffer.from(bundle).toString('utf8')))));
    return true;
  } catch {
    return false;
  }
}
