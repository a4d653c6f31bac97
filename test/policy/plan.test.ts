import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failure } from '../../src/kernel/failure.ts';
import { compileGlob } from '../../src/kernel/glob.ts';
import { judge } from '../../src/policy/judge.ts';
import type { PolicySnapshot } from '../../src/policy/model.ts';
import { applicablePolicies, needsEvidence, plan } from '../../src/policy/plan.ts';
import { dependsOnDigest, planUnpinned } from '../../src/policy/plan-unpinned.ts';
import {
  byKey,
  deny,
  imageOf,
  issuer,
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

const app = pinned('ghcr.io/org/app');
const unsupported = { key: { kms: 'gcpkms://x' } };

function questionIds(snapshot: PolicySnapshot, image = app): readonly string[] {
  return plan(snapshot, image, pod).questions.map(({ id }) => id);
}

function idOf(authority: unknown, roots = [publicRoot, trustRoot('own', ['https://rekor.example.org'])]): string {
  const [id = ''] = questionIds(snapshotOf([policyFor([authority])], 'deny', roots));
  return id;
}

test('the policies that have a say, by name', () => {
  const elsewhere = policyOf({ images: [{ glob: 'quay.io/**' }], authorities: [pass] }, 'a');
  const forJobs = policyFor([pass], 'b', { match: [{ group: 'batch', version: 'v1', resource: 'jobs' }] });
  const snapshot = snapshotOf([policyFor([pass], 'z'), policyFor([pass], 'c'), elsewhere, forJobs]);
  expect(applicablePolicies(snapshot, app, pod).map(({ name }) => name)).toEqual(['c', 'z']);
});

test.each<[string, readonly unknown[], boolean]>([
  ['a key', [byKey], true],
  ['a key or a static refusal', [deny, byKey], true],
  ['a static pass', [pass], false],
  ['a key or a static pass: the answer would change nothing', [byKey, pass], false],
  ['a static refusal', [deny], false],
  ['a policy that is not ready', [byKey, unsupported], false],
])('signatures are needed? %s: %j', (_title, authorities, expected) => {
  const policy = policyFor(authorities);
  expect(needsEvidence([policy])).toBe(expected);
  expect(needsEvidence([policyFor([pass]), policy])).toBe(expected);
  expect(questionIds(snapshotOf([policy]))).toHaveLength(expected ? 1 : 0);
});

describe('a question', () => {
  test('is asked once, however many policies and authorities ask it', () => {
    const snapshot = snapshotOf([policyFor([byKey, { ...byKey, name: 'again' }], 'a'), policyFor([byKey], 'b')]);
    expect(questionIds(snapshot)).toHaveLength(1);
  });

  test('is about one image: its id begins with the name, which may be taken for the answer of no other', () => {
    const snapshot = snapshotOf([policyFor([byKey])]);
    const [id = ''] = questionIds(snapshot);
    expect(id).toMatch(/^ghcr\.io\/org\/app@sha256:[0-9a-f]{64} sha256:[0-9a-f]{64}$/);
    expect(questionIds(snapshot, pinned('ghcr.io/org/other'))).not.toEqual([id]);
    expect(questionIds(snapshot, pinned('ghcr.io/org/app:v1'))).toEqual([id]);
  });

  test('has an equal id in every snapshot that demands the same', () => {
    expect(idOf(byKey)).toBe(idOf({ ...byKey, name: 'renamed' }));
    expect(idOf(keyless)).toBe(idOf(keyless));
  });

  const ids = {
    key: idOf(byKey),
    'another key': idOf({ key: { data: newPublicKey() } }),
    'two keys': idOf({ key: { data: `${publicKey}${newPublicKey()}` } }),
    'a hash': idOf({ key: { data: publicKey, hashAlgorithm: 'sha512' } }),
    'a format': idOf({ ...byKey, signatureFormat: 'legacy' }),
    'the other format': idOf({ ...byKey, signatureFormat: 'bundle' }),
    'a source': idOf({ ...byKey, source: [{ oci: 'ghcr.io/org/signatures' }] }),
    'a tag prefix': idOf({ ...byKey, source: [{ tagPrefix: 'x' }] }),
    'credentials for the source': idOf({ ...byKey, source: [{ signaturePullSecrets: [{ name: 'x' }] }] }),
    'a log': idOf({ ...byKey, ctlog: {} }),
    'another log': idOf({ ...byKey, ctlog: { trustRootRef: 'own' } }),
    'a log whose root has changed': idOf({ ...byKey, ctlog: {} }, [{ ...publicRoot, generation: 'next' }]),
    timestamps: idOf({ ...byKey, rfc3161timestamp: { trustRootRef: 'own' } }),
    keyless: idOf(keyless),
    'another root': idOf({ keyless: { ...keyless.keyless, trustRootRef: 'own' } }),
    'a root that has changed': idOf(keyless, [{ ...publicRoot, generation: 'next' }]),
    'no certificate log': idOf({ keyless: { ...keyless.keyless, insecureIgnoreSCT: true } }),
    'another identity': idOf({ keyless: { identities: [{ issuer, subject: 'a' }] } }),
    'the same text as a pattern': idOf({ keyless: { identities: [{ issuer, subjectRegExp: 'a' }] } }),
    'issuer and subject changed over': idOf({ keyless: { identities: [{ issuer: 'a', subject: issuer }] } }),
    'two identities': idOf({
      keyless: {
        identities: [
          { issuer, subject: 'a' },
          { issuer, subject: 'b' },
        ],
      },
    }),
  };

  test.each(Object.entries(ids))('has an id of its own for each demand: %s', (_title, id) => {
    expect(id).not.toBe('');
    expect(Object.values(ids).filter((other) => other === id)).toHaveLength(1);
  });
});

test('an authority that cannot be judged is a reason, not a question', () => {
  const unknownLog = { ...byKey, ctlog: { url: 'https://rekor.example.org' } };
  const [planned] = plan(snapshotOf([policyFor([unknownLog, byKey])]), app, pod).policies;
  expect(planned?.checks).toMatchObject([
    { kind: 'impossible', problem: expect.stringContaining('does not know') },
    { kind: 'question' },
  ]);
});

describe('before the digest is known', () => {
  const tagged = imageOf('ghcr.io/org/app:v1');
  const away = failure('REGISTRY_UNREACHABLE', 'the registry is away');

  const depends = (...policies: Parameters<typeof snapshotOf>[0]) => dependsOnDigest(snapshotOf(policies), tagged, pod);
  const globPolicy = (glob: string, authority: unknown = pass) =>
    policyOf(specWith({ images: [{ glob }], authorities: [authority] }));

  test.each<[string, boolean, boolean]>([
    ['nothing matches, whatever the digest', depends(globPolicy('quay.io/**')), false],
    ['a static answer that matches already', depends(globPolicy('**')), false],
    ['a static refusal that matches already', depends(globPolicy('ghcr.io/org/*', deny)), false],
    ['signatures', depends(globPolicy('**', byKey)), true],
    ['a glob of digests', depends(globPolicy('ghcr.io/org/app@*', deny)), true],
    ['a glob of some digests', depends(globPolicy('ghcr.io/**@sha256:0*', deny)), true],
    ['one digest', depends(globPolicy(`ghcr.io/org/app@sha256:${'0'.repeat(64)}`, deny)), true],
    ['one digest of another repository', depends(globPolicy(`ghcr.io/org/b@sha256:${'0'.repeat(64)}`, deny)), false],
    ['another tag', depends(globPolicy('ghcr.io/org/app:v2', deny)), false],
    ['the end of a digest', depends(globPolicy('**0', deny)), true],
  ])('does the verdict depend on it? %s', (_title, found, expected) => {
    expect(found).toBe(expected);
  });

  test('a glob that may match any digest is never overlooked', () => {
    const name = `ghcr.io/org/app@sha256:${'0a'.repeat(32)}`;
    const cut = fc
      .tuple(fc.nat(name.length), fc.nat(name.length))
      .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
    fc.assert(
      fc.property(cut, cut, fc.constantFrom('*', '**'), fc.constantFrom('*', '**'), ([a, b], [c, d], x, y) => {
        const once = `${name.slice(0, a)}${x}${name.slice(b)}`;
        const source = c > b ? `${name.slice(0, a)}${x}${name.slice(b, c)}${y}${name.slice(d)}` : once;
        const compiled = compileGlob(source);
        const matches = compiled.ok && compiled.value.matches(name);
        expect(!matches || depends(globPolicy(source, byKey))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('what needs signatures fails for the reason why there is no digest; what does not is answered', () => {
    const snapshot = snapshotOf([
      policyFor([byKey], 'by-key'),
      policyFor([pass], 'pass'),
      policyFor([deny], 'deny'),
      policyOf(specWith({ images: [{ glob: 'ghcr.io/org/app@*' }], authorities: [pass] }), 'pinned-pass'),
      policyOf(specWith({ images: [{ glob: 'quay.io/**' }], authorities: [deny] }), 'elsewhere'),
    ]);
    const planned = planUnpinned(snapshot, tagged, pod, away);
    expect(planned.questions).toEqual([]);
    const verdict = judge(planned, { fields: ['f'], text: 'i' }, 'deny', new Map());
    expect(verdict.policies).toEqual(['by-key', 'deny', 'pass', 'pinned-pass']);
    expect(verdict.violations.map(({ policy, code }) => [policy, code])).toEqual([
      ['by-key', 'REGISTRY_UNREACHABLE'],
      ['deny', 'STATIC_FAIL'],
      ['pinned-pass', 'REGISTRY_UNREACHABLE'],
    ]);
  });
});
