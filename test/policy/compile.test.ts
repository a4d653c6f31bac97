import selfsigned from 'selfsigned';
import { describe, expect, test } from 'vitest';
import { compilePolicy, noMaterials, type SecretLookup } from '../../src/policy/compile.ts';
import { buildSnapshot } from '../../src/policy/snapshot.ts';
import { judge } from '../../src/policy/judge.ts';
import type { ClusterImagePolicy } from '../../src/policy/model.ts';
import { parseClusterImagePolicy, type ParsedPolicy } from '../../src/policy/parse-cluster-image-policy.ts';
import { plan } from '../../src/policy/plan.ts';
import {
  brokenRoot,
  byKey,
  keyless,
  newPublicKey,
  pass,
  pinned,
  pod,
  policyFor,
  policyOf,
  publicKey,
  publicRoot,
  snapshotOf,
  specWith,
  trustRoot,
} from './kit.ts';

const { cert } = await selfsigned.generate([{ name: 'commonName', value: 'Example CA' }]);
const bySecret = { key: { secretRef: { name: 'signer' } } };
const caFromSecret = { keyless: { ...keyless.keyless, 'ca-cert': { secretRef: { name: 'signer' } } } };

function secretOf(...entries: [string, string][]): SecretLookup {
  return () => ({ ok: true, data: new Map(entries) });
}

function compiled(authority: unknown, secret?: SecretLookup): ClusterImagePolicy {
  return policyOf({ images: [{ glob: '**' }], authorities: [authority] }, 'p', secret);
}

describe('keys and certificates', () => {
  test('in the policy', () => {
    expect(compiled({ key: { data: `${publicKey}${newPublicKey()}` } })).toMatchObject({
      notReady: [],
      authorities: [{ kind: 'key', keys: [expect.stringContaining('BEGIN'), expect.stringContaining('BEGIN')] }],
    });
  });

  test('in a Secret, asked for by name and namespace', () => {
    const asked: unknown[] = [];
    const policy = compiled({ key: { secretRef: { name: 'signer', namespace: 'n' } } }, (name, namespace) => {
      asked.push([name, namespace]);
      return { ok: true, data: new Map([['cosign.pub', publicKey]]) };
    });
    expect(asked).toEqual([['signer', 'n']]);
    expect(policy).toMatchObject({ notReady: [], authorities: [{ keys: [publicKey.trim()] }] });
  });

  test('certificates in a Secret', () => {
    expect(compiled(caFromSecret, secretOf(['ca.pem', cert]))).toMatchObject({
      notReady: [],
      authorities: [{ caCert: cert }],
    });
  });
});

describe('not ready, and so refusing all that it matches', () => {
  test.each<[string, ClusterImagePolicy, string]>([
    ['no Secret', compiled(bySecret), 'authority-0: secret "signer" is not there'],
    ['an empty Secret', compiled(bySecret, secretOf()), 'authority-0: secret "signer" contains no data'],
    [
      'a Secret of two entries',
      compiled(bySecret, secretOf(['a', publicKey], ['b', publicKey])),
      'secret "signer" contains multiple data entries, only one is supported',
    ],
    [
      'a Secret without a key',
      compiled(bySecret, secretOf(['a', 'x'])),
      'authority-0: secret "signer" contains an invalid public key: expected a PEM block "PUBLIC KEY"',
    ],
    [
      'a Secret with the private key',
      compiled(bySecret, secretOf(['a', '-----BEGIN PRIVATE KEY-----'])),
      'this is a private key',
    ],
    ['no Secret of certificates', compiled(caFromSecret), 'authority-0: secret "signer" is not there'],
    [
      'a Secret without certificates',
      compiled(caFromSecret, secretOf(['a', publicKey])),
      'authority-0: keyless.ca-cert: expected PEM certificates',
    ],
    ['a key server', compiled({ key: { kms: 'gcpkms://x' } }), 'authority-0: it is not looked up here'],
    [
      'code of an attestation that is elsewhere',
      compiled({
        ...byKey,
        attestations: [
          { name: 'a', predicateType: 'custom', policy: { type: 'cue', configMapRef: { name: 'c', key: 'k' } } },
        ],
      }),
      'authority-0: attestation a: it is not looked up here',
    ],
    [
      'code over the whole that is elsewhere',
      policyFor([byKey], 'p', {
        policy: { type: 'rego', remote: { url: 'https://example.org/p', sha256sum: '0'.repeat(64) } },
      }),
      'spec.policy: it is not looked up here',
    ],
    [
      'one authority that cannot be used, beside one that passes',
      policyFor([pass, { key: { kms: 'gcpkms://x' } }]),
      'authority-1: it is not looked up here',
    ],
    [
      'a trust root that is not there',
      compiled({ keyless: { ...keyless.keyless, trustRootRef: 'gone' } }),
      'authority-0: there is no TrustRoot "gone"',
    ],
    [
      'a log of a trust root that is not there',
      compiled({ ...byKey, ctlog: { trustRootRef: 'gone' } }),
      'authority-0: there is no TrustRoot "gone"',
    ],
    [
      'timestamps of a trust root that is not there',
      compiled({ ...byKey, rfc3161timestamp: { trustRootRef: 'gone' } }),
      'authority-0: there is no TrustRoot "gone"',
    ],
    [
      'a trust root that cannot be used',
      compiled({ keyless: { ...keyless.keyless, trustRootRef: 'broken' } }),
      'authority-0: TrustRoot "broken" cannot be used: its keys are unreadable',
    ],
  ])('%s', (_title, policy, sentence) => {
    const snapshot = snapshotOf([policy], 'allow', [publicRoot, brokenRoot('broken')]);
    expect(snapshot.policies[0]?.notReady.join('; ')).toContain(sentence);
    const planned = plan(snapshot, pinned('ghcr.io/org/app'), pod);
    expect(planned.questions).toEqual([]);
    const verdict = judge(planned, { fields: ['f'], text: 'i' }, 'allow', new Map());
    expect(verdict.violations).toMatchObject([{ code: 'POLICY_NOT_READY', policy: 'p' }]);
    expect(verdict.violations[0]?.message).toContain(sentence);
  });

  test('in warn mode as well', () => {
    const policy = policyFor([bySecret], 'p', { mode: 'warn' });
    const planned = plan(snapshotOf([policy]), pinned('ghcr.io/org/app'), pod);
    expect(judge(planned, { fields: ['f'], text: 'i' }, 'allow', new Map())).toMatchObject({
      violations: [{ code: 'POLICY_NOT_READY' }],
      warnings: [],
    });
  });

  test('a trust root that is named twice is complained of once', () => {
    const authority = { ...byKey, ctlog: { trustRootRef: 'gone' }, rfc3161timestamp: { trustRootRef: 'gone' } };
    expect(snapshotOf([compiled(authority)]).policies[0]?.notReady).toEqual([
      'authority-0: there is no TrustRoot "gone"',
    ]);
  });
});

describe('the meaning of a policy', () => {
  const base = policyFor([byKey]).meaning;

  test.each<[string, ClusterImagePolicy]>([
    ['read again', policyFor([byKey])],
    ['under another name', policyFor([byKey], 'q')],
    ['with its default mode written out', policyFor([byKey], 'p', { mode: 'enforce' })],
  ])('is the same %s', (_title, policy) => {
    expect(policy.meaning).toBe(base);
  });

  test.each<[string, ClusterImagePolicy]>([
    ['globs', policyOf(specWith({ authorities: [byKey] }))],
    ['mode', policyFor([byKey], 'p', { mode: 'warn' })],
    ['match', policyFor([byKey], 'p', { match: [{ resource: 'pods' }] })],
    ['key', policyFor([{ key: { data: newPublicKey() } }])],
    ['hash', policyFor([{ key: { data: publicKey, hashAlgorithm: 'sha512' } }])],
    ['log', policyFor([{ ...byKey, ctlog: { url: 'https://rekor.sigstore.dev' } }])],
    ['format', policyFor([{ ...byKey, signatureFormat: 'bundle' }])],
    ['another authority', policyFor([byKey, keyless])],
  ])('changes with its %s', (_title, policy) => {
    expect(policy.meaning).not.toBe(base);
  });

  test('changes with the value of a label that is called text, beside one that is called hash', () => {
    const of = (text: string) =>
      policyFor([byKey], 'p', {
        match: [{ resource: 'pods', version: 'v1', selector: { matchLabels: { hash: 'x', text } } }],
      });
    expect(of('a').meaning).not.toBe(of('b').meaning);
  });

  test('changes with the source of a pattern', () => {
    const of = (issuerRegExp: string) => policyFor([{ keyless: { identities: [{ issuerRegExp, subject: 's' }] } }]);
    expect(of('^a$').meaning).not.toBe(of('^b$').meaning);
  });
});

describe('a snapshot', () => {
  const [a, b] = [policyFor([byKey], 'a'), policyFor([pass], 'b')];
  const parts = { policies: [a, b], trustRoots: [publicRoot], noMatch: 'deny' } as const;
  const { generation } = buildSnapshot(parts);

  test('is sorted by name, whatever the order was', () => {
    const other = buildSnapshot({ ...parts, policies: [b, a] });
    expect(other.policies.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(other.generation).toBe(generation);
  });

  test.each<[string, Parameters<typeof buildSnapshot>[0]]>([
    ['a policy less', { ...parts, policies: [a] }],
    ['a policy under another name', { ...parts, policies: [a, policyFor([pass], 'c')] }],
    ['another trust root', { ...parts, trustRoots: [publicRoot, trustRoot('own')] }],
    ['a trust root of another content', { ...parts, trustRoots: [{ ...publicRoot, generation: 'other' }] }],
    ['another answer where nothing matches', { ...parts, noMatch: 'warn' }],
  ])('is another one with %s', (_title, changed) => {
    expect(buildSnapshot(changed).generation).not.toBe(generation);
  });
});

describe('policy code', () => {
  const withCode = (data: string): ClusterImagePolicy => policyFor([byKey], 'p', { policy: { type: 'cue', data } });

  test('that is longer than a megabyte makes the policy refuse', () => {
    expect(withCode('x'.repeat(1024 * 1024)).notReady).toEqual([]);
    const tooLong = 'spec.policy: the policy code is longer than 1048576 bytes';
    expect(withCode('x'.repeat(1024 * 1024 + 1))).toMatchObject({ notReady: [tooLong] });
    expect(withCode('\u00e4'.repeat(600_000))).toMatchObject({ notReady: [tooLong] });
  });

  test('of another text has another meaning', () => {
    expect(withCode('a').meaning).toBe(withCode('a').meaning);
    expect(withCode('a').meaning).not.toBe(withCode('b').meaning);
  });

  test('is taken from where the policy says', () => {
    const parsed = parsedOf({ type: 'rego', configMapRef: { name: 'code', key: 'k' } });
    const asked: unknown[] = [];
    const compiledPolicy = compilePolicy(parsed, {
      ...noMaterials,
      configMap: (...names) => {
        asked.push(names);
        return { ok: true, text: 'package sigstore' };
      },
    });
    expect(asked).toEqual([['code', 'k']]);
    expect(compiledPolicy).toMatchObject({ notReady: [], policy: { code: { text: 'package sigstore' } } });
  });
});

function parsedOf(policy: unknown): ParsedPolicy {
  const spec = { images: [{ glob: '**' }], authorities: [byKey], policy };
  const parsed = parseClusterImagePolicy({
    apiVersion: 'policy.sigstore.dev/v1beta1',
    kind: 'ClusterImagePolicy',
    metadata: { name: 'p' },
    spec,
  });
  if (!parsed.ok) throw new Error(parsed.failure.join('; '));
  return parsed.value;
}
