import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseClusterImagePolicy } from '../../src/policy/parse-cluster-image-policy.ts';
import { migrate } from '../../src/migrate/migrate.ts';
import { objectsIn } from '../../src/migrate/source-objects.ts';
import { keys, migrated, objectsOf } from './kit.ts';

const bomb = `a: &a [x,x,x,x,x,x,x,x,x]
b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]
c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]
d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]
e: [*d,*d,*d,*d,*d,*d,*d,*d,*d]`;

test.each<[string, string]>([
  ['a bomb of aliases', bomb],
  ['a key twice', 'kind: ClusterPolicy\nkind: Policy'],
  ['a text', 'hello'],
  ['deep nesting', `${'['.repeat(500)}${']'.repeat(500)}`],
  ['no YAML', 'a: [b'],
  ['a list of texts', JSON.stringify({ kind: 'List', items: ['x'] })],
  ['17 MiB', `a: "${'x'.repeat(17 * 1024 * 1024)}"`],
])('%s is bad input', (_name, text) => {
  expect(objectsIn(text, 'file')).toMatchObject({ ok: false });
});

test('thousands of rules with thousands of entries are done within seconds', () => {
  const entries = Array.from({ length: 2_000 }, () => ({ keys: { publicKeys: keys.alice } }));
  const rules = Array.from({ length: 10 }, (_, index) => ({
    name: `r${index}`,
    verifyImages: [
      { imageReferences: Array.from({ length: 200 }, (_entry, at) => `a${at}.io/*`), attestors: [{ entries }] },
    ],
  }));
  const object = { apiVersion: 'kyverno.io/v1', kind: 'ClusterPolicy', metadata: { name: 'big' }, spec: { rules } };
  const policy = [
    { pattern: '*:*' },
    ...Array.from({ length: 300 }, (_, index) => ({ pattern: `*a*b*${index}*/*:*` })),
  ];
  const values = { application: { validators: [{ name: 'default', type: 'static', approve: false }], policy } };
  const objects = [object, values].map((value) => ({
    where: 'x',
    value: JSON.parse(JSON.stringify(value)) as Record<string, unknown>,
  }));
  const start = performance.now();
  expect(migrate(objects)?.objects.length).toBeGreaterThan(9);
  expect(performance.now() - start).toBeLessThan(20_000);
});

const starts: readonly object[] = [
  { apiVersion: 'kyverno.io/v1', kind: 'ClusterPolicy' },
  { apiVersion: 'policies.kyverno.io/v1', kind: 'ImageValidatingPolicy' },
  { apiVersion: 'config.ratify.deislabs.io/v1beta1', kind: 'Verifier' },
  { apiVersion: 'config.ratify.dev/v2alpha1', kind: 'Executor' },
  { apiVersion: 'policy.sigstore.dev/v1beta1', kind: 'ClusterImagePolicy' },
  { apiVersion: 'policy.sigstore.dev/v1alpha1', kind: 'TrustRoot' },
];

const words =
  'metadata name spec rules verifyImages imageReferences attestors entries count keys keyless publicKeys subject issuer attestations conditions all key value operator type validations ' +
  'expression matchImageReferences glob cosign identities parameters trustPolicies scopes provider images authorities static action validators policy pattern with __proto__ constructor';
const member = fc.constantFrom(...words.split(' '));
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 6 },
    fc.constantFrom<unknown>(
      '',
      '*',
      'ghcr.io/*',
      keys.alice,
      'k8s://a/b',
      null,
      true,
      0,
      1,
      -1,
      1e308,
      'cosign',
      '\u0000\n---\n',
    ),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(member, tie('tree'), { maxKeys: 6 }),
  ),
}));

test('whatever is in it: it ends, and what is written can be read here', () => {
  fc.assert(
    fc.property(fc.constantFrom(...starts), fc.dictionary(member, tree, { maxKeys: 8 }), (start, members) => {
      const migration = migrate([{ where: 'x', value: { ...members, ...start } }]);
      const policies = (migration?.objects ?? []).filter(({ object }) => object['kind'] === 'ClusterImagePolicy');
      const read = policies.map(({ object }) => parseClusterImagePolicy(object, { allowsNoAuthorities: true }).ok);
      expect(read).toEqual(policies.map(() => true));
    }),
    { numRuns: 500 },
  );
});

test('names that are none become names, each of them once', () => {
  const object = (name: string): object => ({
    apiVersion: 'kyverno.io/v1',
    kind: 'ClusterPolicy',
    metadata: { name },
    spec: { rules: [{ name: 'r', verifyImages: [{ imageReferences: ['a.io/*'], key: keys.alice }] }] },
  });
  const names = objectsOf(
    migrated(JSON.stringify({ kind: 'List', items: ['Ä b', '../../etc', 'a b', 'a-b'].map(object) })),
  )
    .filter(({ kind }) => kind === 'ClusterImagePolicy')
    .map(({ metadata }) => metadata);
  expect(names).toEqual(['kyverno-b-r', 'kyverno-etc-r', 'kyverno-a-b-r', 'kyverno-a-b-r-2'].map((name) => ({ name })));
});
