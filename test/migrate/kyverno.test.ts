/**
 * Shapes of https://kyverno.io/docs/policy-types/cluster-policy/verify-images/sigstore/ and
 * https://kyverno.io/docs/policy-types/image-validating-policy/
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readExpression } from '../../src/migrate/kyverno/image-validating-policy.ts';
import { admits, as, by, keys, lost, migrated, objectsOf, wildcard, type Signer } from './kit.ts';

const match = { any: [{ resources: { kinds: ['Pod'] } }] };

const clusterPolicy = (check: object, spec: object = {}): string =>
  JSON.stringify({
    apiVersion: 'kyverno.io/v1',
    kind: 'ClusterPolicy',
    metadata: { name: 'check-image' },
    spec: {
      validationFailureAction: 'Enforce',
      rules: [{ name: 'check', match, verifyImages: [{ imageReferences: ['ghcr.io/org/*'], ...check }] }],
      ...spec,
    },
  });

const key = (text: string, more: object = {}): object => ({ keys: { publicKeys: text, ...more } });
const set = (entries: readonly object[], more: object = {}): object => ({ attestors: [{ entries, ...more }] });
const app = 'ghcr.io/org/app:v1';
const [a, b] = [by(keys.alice), by(keys.bob)];
const person = { keyless: { subject: '*@example.com', issuer: 'https://accounts.example.com' } };

test.each<[string, object, string, readonly Signer[], boolean]>([
  ['admits what the key has signed', set([key(keys.alice)]), app, [a], true],
  ['refuses another key', set([key(keys.alice)]), app, [b], false],
  ['asks for the log', set([key(keys.alice)]), app, [by(keys.alice, false)], false],
  [
    'does not when told so',
    set([key(keys.alice, { rekor: { ignoreTlog: true } })]),
    app,
    [by(keys.alice, false)],
    true,
  ],
  ['admits other images, as Kyverno does', set([key(keys.alice)]), 'quay.io/x/y:1', [], true],
  ['counts each key of a text', set([key(`${keys.alice}${keys.bob}`)]), app, [a], false],
  ['is content with one of them', set([key(`${keys.alice}${keys.bob}`)], { count: 1 }), app, [b], true],
  ['demands two of three', set([key(keys.alice), key(keys.bob), key(keys.carol)], { count: 2 }), app, [a], false],
  ['admits two of three', set([key(keys.alice), key(keys.bob), key(keys.carol)], { count: 2 }), app, [a, b], true],
  ['demands every set', { attestors: [{ entries: [key(keys.alice)] }, { entries: [person] }] }, app, [a], false],
  [
    'admits both sets',
    { attestors: [{ entries: [key(keys.alice)] }, { entries: [person] }] },
    app,
    [a, as('me@example.com')],
    true,
  ],
  ['reads wildcards of subjects', set([person]), app, [as('me@example.org')], false],
  [
    'reads attestors inside attestors',
    set([{ attestor: { count: 1, entries: [key(keys.alice), key(keys.bob)] } }]),
    app,
    [b],
    true,
  ],
  ['reads the fields of before', { key: keys.alice }, app, [a], true],
  ['refuses certificates', set([{ certificates: { cert: 'x' } }]), app, [a], false],
  [
    'refuses annotations, which it cannot ask for',
    set([{ ...key(keys.alice), annotations: { sig: 'x' } }]),
    app,
    [a],
    false,
  ],
  ['refuses Notary', { type: 'Notary', ...set([key(keys.alice)]) }, app, [a], false],
  [
    'refuses a log with a key of its own',
    set([key(keys.alice, { rekor: { url: 'https://r', pubkey: 'x' } })]),
    app,
    [a],
    false,
  ],
  ['refuses what is not known', { ...set([key(keys.alice)]), unheardOf: 1 }, app, [a], false],
  ['refuses attestors of a wrong type', { attestors: 'alice' }, app, [a], false],
  ['refuses a count beyond the entries', set([key(keys.alice)], { count: 3 }), app, [a], false],
  ['refuses a variable in place of a key', set([key('{{ keys.data.key }}')]), app, [a], false],
  [
    'names Docker Hub as it is named here',
    { ...set([key(keys.alice)]), imageReferences: ['docker.io/*'] },
    'nginx',
    [],
    false,
  ],
])('ClusterPolicy %s', (_name, check, image, signers, verdict) => {
  expect(admits(migrated(clusterPolicy(check)), image, signers)).toBe(verdict);
});

describe('attestations', () => {
  const conditions = [{ all: [{ key: '{{ builder.id }}', operator: 'Equals', value: 'https://b/*' }] }];
  const wanted = { type: 'https://slsa.dev/provenance/v1', attestors: [{ entries: [key(keys.alice)] }], conditions };
  const attested = (id: unknown, text = keys.alice): Signer => ({
    ...by(text),
    attests: { predicateType: wanted.type, predicate: { builder: { id } } },
  });
  test.each<[string, readonly Signer[], boolean]>([
    ['met', [attested('https://b/1')], true],
    ['not met', [attested('https://c/1')], false],
    ['of another signer', [attested('https://b/1', keys.bob)], false],
    ['without the member', [attested(undefined)], false],
    ['only a signature', [a], false],
  ])('conditions: %s', (_name, signers, verdict) => {
    expect(admits(migrated(clusterPolicy({ attestations: [wanted] })), app, signers)).toBe(verdict);
  });

  test.each([
    { key: '{{ x }}', operator: 'NotEquals', value: '1h' },
    { key: '{{ x[0] }}', operator: 'Equals', value: 'y' },
    { key: '{{ x }}', operator: 'GreaterThan', value: 1 },
    { key: '{{ x }}', operator: 'Equals', value: '{{ y }}' },
  ])('what has no words in CEL refuses: %o', (condition) => {
    const migration = migrated(clusterPolicy({ attestations: [{ ...wanted, conditions: [{ all: [condition] }] }] }));
    expect(lost(migration)).toEqual([expect.stringContaining('cannot be said in CEL')]);
    expect(admits(migration, app, [attested('https://b/1')])).toBe(false);
  });

  test('without attestors refuses', () => {
    const migration = migrated(clusterPolicy({ attestations: [{ type: wanted.type }] }));
    expect(admits(migration, app, [attested('https://b/1')])).toBe(false);
  });
});

test.each<[object, string]>([
  [{ validationFailureAction: 'Audit' }, 'warn'],
  [{ validationFailureAction: undefined }, 'warn'],
  [{ validationFailureAction: 'enforce' }, 'enforce'],
  [
    { validationFailureAction: 'Audit', validationFailureActionOverrides: [{ action: 'Enforce', namespaces: ['x'] }] },
    'enforce',
  ],
])('%o becomes mode %s', (spec, mode) => {
  const [policy] = objectsOf(migrated(clusterPolicy(set([key(keys.alice)]), spec)));
  expect(policy).toMatchObject({ spec: { mode } });
});

test('what narrows a rule is told to be lost', () => {
  const narrow = { any: [{ resources: { kinds: ['Pod'], namespaces: ['prod'] } }] };
  const rules = [
    { name: 'check', match: narrow, exclude: narrow, verifyImages: [{ imageReferences: ['*'], key: keys.alice }] },
  ];
  expect(lost(migrated(clusterPolicy({}, { rules })))).toHaveLength(2);
});

const validating = (spec: object): string =>
  JSON.stringify({
    apiVersion: 'policies.kyverno.io/v1',
    kind: 'ImageValidatingPolicy',
    metadata: { name: 'check-images' },
    spec: {
      validationActions: ['Deny'],
      matchImageReferences: [{ glob: 'ghcr.io/org/*' }],
      attestors: [
        { name: 'alice', cosign: { key: { data: keys.alice } } },
        { name: 'bob', cosign: { key: { data: keys.bob }, ctlog: { insecureIgnoreTlog: true } } },
        {
          name: 'ci',
          cosign: { keyless: { identities: [{ issuer: 'https://accounts.example.com', subject: 'https://h/o/*' }] } },
        },
        { name: 'notary', notary: { certs: { value: 'x' } } },
      ],
      attestations: [
        { name: 'sbom', intoto: { type: 'https://cyclonedx.org/bom' } },
        { name: 'r', referrer: { type: 'sbom/x' } },
      ],
      ...spec,
    },
  });

const signedBy = (list: string, bound = '> 0'): object => ({
  validations: [
    { expression: `images.containers.map(image, verifyImageSignatures(image, [${list}])).all(e, e ${bound})` },
  ],
});

const sbom: Signer = { ...by(keys.alice), attests: { predicateType: 'https://cyclonedx.org/bom', predicate: {} } };

test.each<[string, object, string, readonly Signer[], boolean]>([
  ['admits what an attestor has signed', signedBy('attestors.alice'), app, [a], true],
  ['refuses what nobody has signed', signedBy('attestors.alice'), app, [], false],
  ['is content with one of two', signedBy('attestors.alice, attestors.bob'), app, [b], true],
  ['counts', signedBy('attestors.alice, attestors.bob', '>= 2'), app, [b], false],
  ['counts above', signedBy('attestors.alice, attestors.bob', '> 1'), app, [a, b], true],
  ['asks for the log unless told', signedBy('attestors.alice'), app, [by(keys.alice, false)], false],
  ['takes a star in a subject literally', signedBy('attestors.ci'), app, [as('https://h/o/repo')], false],
  ['refuses Notary', signedBy('attestors.notary'), app, [a], false],
  ['refuses an attestor that is not there', signedBy('attestors.eve'), app, [a], false],
  ['refuses other CEL', { validations: [{ expression: 'true' }] }, app, [a], false],
  ['refuses without validations', { validations: [] }, app, [a], false],
  ['admits images that it does not match', signedBy('attestors.alice'), 'quay.io/x/y:1', [], true],
  [
    'matches every image when a CEL expression chooses',
    { ...signedBy('attestors.alice'), matchImageReferences: [{ expression: 'x' }] },
    'nginx',
    [],
    false,
  ],
  [
    'matches names that are not qualified',
    { ...signedBy('attestors.alice'), matchImageReferences: [{ glob: 'nginx*' }] },
    'nginx',
    [],
    false,
  ],
  [
    'demands attestations',
    {
      validations: [
        {
          expression:
            'images.containers.map(i, verifyAttestationSignatures(i, attestations.sbom, [attestors.alice])).all(e, e > 0)',
        },
      ],
    },
    app,
    [sbom],
    true,
  ],
  [
    'does not take a signature for an attestation',
    {
      validations: [
        {
          expression:
            'images.containers.map(i, verifyAttestationSignatures(i, attestations.sbom, [attestors.alice])).all(e, e > 0)',
        },
      ],
    },
    app,
    [a],
    false,
  ],
  [
    'refuses attestations of referrers without statement',
    {
      validations: [
        {
          expression:
            'images.containers.map(i, verifyAttestationSignatures(i, attestations.r, [attestors.alice])).all(e, e > 0)',
        },
      ],
    },
    app,
    [sbom],
    false,
  ],
])('ImageValidatingPolicy %s', (_name, spec, image, signers, verdict) => {
  expect(admits(migrated(validating(spec)), image, signers)).toBe(verdict);
});

test.each([
  'images.containers.map(image, verifyImageSignatures(other, [attestors.a])).all(e, e > 0)',
  'images.containers.map(image, verifyImageSignatures(image, [attestors.a])).all(e, f > 0)',
  'images.containers.map(image, verifyImageSignatures(image, [attestors.a])).exists(e, e > 0)',
  'images.containers.map(image, verifyImageSignatures(image, [attestors.a])).all(e, e < 1)',
  'images.containers.map(image, verifyImageSignatures(image, [attestors.a])).all(e, e > 0) || true',
  `${'('.repeat(5000)}`,
])('does not guess at %s', (expression) => {
  expect(readExpression(expression)).toBeUndefined();
});

const pattern = fc.constantFrom(
  '*',
  'ghcr.io/*',
  'ghcr.io/org/app*',
  'ghcr.io/org/app:v?',
  'docker.io/*',
  'doc*/*',
  '*/app:*',
  'docker.io/library/nginx:*',
);
const images = fc.constantFrom(
  'ghcr.io/org/app:v1',
  'ghcr.io/org/app:v12',
  'nginx:1',
  'org/app',
  'quay.io/a/app:v1',
  `nginx@sha256:${'0b'.repeat(32)}`,
);
const check = fc.record({
  imageReferences: fc.array(pattern, { minLength: 1, maxLength: 3 }),
  names: fc.array(fc.subarray(['alice', 'bob', 'carol'] as const, { minLength: 1 }), { minLength: 1, maxLength: 2 }),
  count: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
});

/** pkg/utils/image/infos.go for names; sets are joined by and, entries counted. */
function kyvernoAdmits(
  checks: readonly (typeof check extends fc.Arbitrary<infer T> ? T : never)[],
  image: string,
  signed: readonly string[],
): boolean {
  const full = image.startsWith('nginx')
    ? `docker.io/library/${image}`
    : image.startsWith('org')
      ? `docker.io/${image}:latest`
      : image;
  return checks.every(
    ({ imageReferences, names, count }) =>
      !imageReferences.some((one) => wildcard(one, full)) ||
      names.every((entries) => entries.filter((name) => signed.includes(name)).length >= (count ?? entries.length)),
  );
}

test('what is written never admits what Kyverno would refuse, and refuses nothing else where globs are exact', () => {
  fc.assert(
    fc.property(
      fc.array(check, { minLength: 1, maxLength: 3 }),
      images,
      fc.subarray(['alice', 'bob', 'carol'] as const),
      (checks, image, signed) => {
        const verifyImages = checks.map(({ imageReferences, names, count }) => ({
          imageReferences,
          attestors: names.map((entries) => ({ count, entries: entries.map((name) => key(keys[name])) })),
        }));
        const rules = [{ name: 'check', match, verifyImages }];
        const ours = admits(
          migrated(clusterPolicy({}, { rules })),
          image,
          signed.map((name) => by(keys[name])),
        );
        const theirs = kyvernoAdmits(checks, image, signed);
        expect(theirs || !ours).toBe(true);
        const isExact = checks.every(({ imageReferences }) => !imageReferences.some((one) => one.includes('?')));
        expect(ours || !theirs || !isExact).toBe(true);
      },
    ),
    { numRuns: 500 },
  );
});
