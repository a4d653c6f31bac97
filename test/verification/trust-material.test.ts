// Trust roots as TrustRoot objects write them down verify what was signed under them, whatever the keys are and however
// their certificates are ordered.
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { TrustRoot } from '../../src/policy/model.ts';
import { parseTrustRoot } from '../../src/policy/parse-trust-root.ts';
import { prepareTrustRoot, trustMaterialOf } from '../../src/verification/trust-material.ts';
import { ecKey, pem, pemOfKey, type KeyPair } from './kit/certificates.ts';
import { hashedRekord, logEntry } from './kit/log-entries.ts';
import { createSigstore, image, keyless, leafOf, logIgnored, outcome, tokenOf, type Sigstore } from './kit/sigstore.ts';
import { claimOf, keylessLegacy, legacyOf } from './kit/signatures.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

interface Written {
  readonly authority?: readonly string[];
  readonly timestamps?: readonly string[];
  readonly tlog?: KeyPair;
  readonly ctlog?: KeyPair;
}

/** The TrustRoot that somebody writes for a Sigstore of their own. */
function written(sigstore: Sigstore, change: Written = {}): TrustRoot {
  const subject = { organization: 'test', commonName: 'test' };
  const log = (baseURL: string, key: KeyPair) => ({
    baseURL,
    hashAlgorithm: 'sha-256',
    publicKey: base64(pemOfKey(key)),
  });
  const chain = change.authority ?? [pem(sigstore.intermediateDer), pem(sigstore.rootDer)];
  const parsed = parseTrustRoot({
    apiVersion: 'policy.sigstore.dev/v1alpha1',
    kind: 'TrustRoot',
    metadata: { name: 'own' },
    spec: {
      sigstoreKeys: {
        certificateAuthorities: [{ subject, uri: 'https://fulcio.test', certChain: base64(chain.join('')) }],
        timestampAuthorities: [
          {
            subject,
            uri: 'https://tsa.test',
            certChain: base64((change.timestamps ?? [tsaOf(sigstore), pem(sigstore.rootDer)]).join('')),
          },
        ],
        tLogs: [log('https://rekor.test', change.tlog ?? sigstore.rekorKey)],
        ctLogs: [log('https://ct.test', change.ctlog ?? sigstore.ctKey)],
      },
    },
  });
  if (!parsed.ok) throw new Error(parsed.failure.join('\n'));
  return parsed.value;
}

function tsaOf(sigstore: Sigstore): string {
  const [authority] = sigstore.trustedRoot.timestampAuthorities;
  return pem(Buffer.from(authority?.certChain.certificates[0]?.rawBytes ?? '', 'base64'));
}

const asked = (sigstore: Sigstore, root: TrustRoot) => keyless(sigstore, { root, log: { demand: 'required', root } });

const sigstore = createSigstore();
const leaf = leafOf(sigstore);

describe('a log whose key is', () => {
  test.each<[string, KeyPair]>([
    ['P-256', ecKey('P-256')],
    ['P-384', ecKey('P-384')],
    ['P-521', ecKey('P-521')],
    ['RSA of 2048 bits', generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['RSA of 3072 bits', generateKeyPairSync('rsa', { modulusLength: 3072 })],
  ])('%s is verified, and nobody else in its place', (_title, tlog) => {
    const signature = keylessLegacy(sigstore, leaf, {
      entry: (bytes) => logEntry(sigstore, { body: hashedRekord(claimOf(image), bytes, pem(leaf.der)), key: tlog }),
    });
    expect(outcome(signature, asked(sigstore, written(sigstore, { tlog })))).toMatch(/^verified/);
    expect(outcome(signature, asked(sigstore, written(sigstore)))).toBe('TLOG_INVALID');
  });

  test.each<[string, object]>([
    ['P-384', { curve: 'P-384' }],
    ['P-256', {}],
  ])('irrelevant, below certificates of %s', (_title, options) => {
    const other = createSigstore(options);
    expect(outcome(keylessLegacy(other, leafOf(other)), asked(other, written(other)))).toMatch(/^verified/);
  });
});

describe('a chain', () => {
  test('of certificate authorities may stand in any order', () => {
    const root = written(sigstore, { authority: [pem(sigstore.rootDer), pem(sigstore.intermediateDer)] });
    expect(outcome(keylessLegacy(sigstore, leaf), asked(sigstore, root))).toMatch(/^verified/);
  });

  test('of a timestamp authority may have its signer behind its root', () => {
    const root = written(sigstore, { timestamps: [pem(sigstore.rootDer), tsaOf(sigstore)] });
    const stamped = legacyOf({
      key: leaf.key,
      certificate: leaf.der,
      token: (signature) => tokenOf(sigstore, signature),
    });
    const trust = keyless(sigstore, { root, log: logIgnored, timestamps: root });
    expect(outcome(stamped, trust)).toMatch(/^verified/);
  });

  test('of somebody else proves nothing', () => {
    const other = createSigstore();
    expect(outcome(keylessLegacy(sigstore, leaf), asked(sigstore, written(other)))).not.toMatch(/^verified/);
  });
});

test('certificate logs are those of the root: another key leaves the certificate unproven', () => {
  const root = written(sigstore, { ctlog: ecKey() });
  expect(outcome(keylessLegacy(sigstore, leaf), asked(sigstore, root))).toBe('SCT_INVALID');
});

describe('a root that cannot be used', () => {
  const unread: TrustRoot = { name: 'own', generation: 'g', trustedRootJson: '', notReady: ['it was not read yet'] };
  const broken: TrustRoot = { name: 'own', generation: 'g', trustedRootJson: '{"tlogs":[{}]}', notReady: [] };

  test.each([
    ['was not read', unread, 'trust root own: it was not read yet'],
    ['makes no sense', broken, 'trust root own cannot be used'],
    ['is no JSON', { ...broken, trustedRootJson: 'x' }, 'trust root own cannot be used'],
  ])('because it %s is refused when it is asked for, and not before', (_title, root, message) => {
    expect(() => prepareTrustRoot(root)).not.toThrow();
    expect(() => trustMaterialOf(root)).toThrow(message);
    expect(outcome(keylessLegacy(sigstore, leaf), asked(sigstore, root))).toBe('TRUST_ROOT_UNAVAILABLE');
  });
});

test('a root is compiled once', () => {
  expect(trustMaterialOf(sigstore.root)).toBe(trustMaterialOf(sigstore.root));
});
