/** Shapes of https://sse-secure-systems.github.io/connaisseur/latest/basics/ and …/validators/sigstore_cosign/ */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { admits, as, by, keys, lost, migrated, objectsOf, wildcard, type Signer } from './kit.ts';

const validators = [
  { name: 'allow', type: 'static', approve: true },
  { name: 'deny', type: 'static', approve: false },
  { name: 'default', type: 'cosign', trustRoots: [{ name: 'default', key: keys.alice }] },
  { name: 'multi', type: 'cosign', trustRoots: Object.entries(keys).map(([name, key]) => ({ name, key })) },
  {
    name: 'ci',
    type: 'cosign',
    trustRoots: [{ name: 'default', keyless: { issuer: 'https://accounts.example.com', subjectRegex: '^ci@' } }],
  },
  { name: 'dockerhub', type: 'notaryv1', trustRoots: [{ name: 'default', key: keys.alice }] },
];

const configured = (policy: readonly unknown[], more: object = {}): string =>
  JSON.stringify({ application: { validators, policy, ...more } });

const alice = [by(keys.alice)];
const digest = `sha256:${'0b'.repeat(32)}`;

test.each<[string, readonly unknown[], string, readonly Signer[], boolean]>([
  ['denies what no rule matches', [{ pattern: 'ghcr.io/org/*:*' }], 'ghcr.io/other/app:v1', alice, false],
  ['admits what the default validator verifies', [{ pattern: '*:*' }], 'nginx', alice, true],
  ['refuses what nobody has signed', [{ pattern: '*:*' }], 'nginx', [], false],
  ['asks for the log since 3.0', [{ pattern: '*:*' }], 'nginx', [by(keys.alice, false)], false],
  [
    'does not ask for the log when told so',
    [{ pattern: '*:*', with: { verifyInTransparencyLog: false } }],
    'nginx',
    [by(keys.alice, false)],
    true,
  ],
  [
    'drops a general denial that the default repeats',
    [{ pattern: '*:*', validator: 'deny' }, { pattern: 'docker.io/myrepo/*:*' }],
    'myrepo/app:v1',
    alice,
    true,
  ],
  [
    'admits everything else under a general allowance',
    [{ pattern: '*:*', validator: 'allow' }, { pattern: 'docker.io/myrepo/*:*' }],
    'ghcr.io/a/b:v1',
    [],
    true,
  ],
  [
    'keeps a demand below a general allowance',
    [{ pattern: '*:*', validator: 'allow' }, { pattern: 'docker.io/myrepo/*:*' }],
    'myrepo/app:v1',
    [],
    false,
  ],
  ['verifies identities', [{ pattern: '*:*', validator: 'ci' }], 'nginx', [as('ci@example.com')], true],
  ['refuses other identities', [{ pattern: '*:*', validator: 'ci' }], 'nginx', [as('me@example.com')], false],
  ['cannot verify Notary, and refuses', [{ pattern: '*:*', validator: 'dockerhub' }], 'nginx', alice, false],
  ['refuses under a validator that is not there', [{ pattern: '*:*', validator: 'x' }], 'nginx', alice, false],
  [
    'matches a tag of one repository',
    [{ pattern: 'docker.io/securesystemsengineering/testimage:co*' }],
    'securesystemsengineering/testimage:co-signed',
    alice,
    true,
  ],
  ['refuses where a pattern could mean digests', [{ pattern: 'ghcr.io/org/*:f*' }], 'ghcr.io/org/app:f1', alice, false],
])('%s', (_name, policy, image, signers, verdict) => {
  expect(admits(migrated(configured(policy)), image, signers)).toBe(verdict);
});

describe('several signatures', () => {
  const [a, b, c] = [by(keys.alice), by(keys.bob), by(keys.carol)];
  test.each<[object, readonly Signer[], boolean]>([
    [{ trustRoot: '*' }, [a, b, c], true],
    [{ trustRoot: '*' }, [a, b], false],
    [{ trustRoot: '*', threshold: 2 }, [a, c], true],
    [{ trustRoot: '*', threshold: 2 }, [a], false],
    [{ trustRoot: '*', required: ['alice', 'bob'] }, [a, b], true],
    [{ trustRoot: '*', required: ['alice', 'bob'] }, [a, c], false],
    [{ trustRoot: '*', threshold: 3, required: ['alice'] }, [a, b], false],
    [{ trustRoot: '*', threshold: 9 }, [a, b, c], false],
    [{ trustRoot: '*', threshold: '2' }, [a, b, c], false],
    [{ trustRoot: 'bob' }, [b], true],
    [{ trustRoot: 'bob', required: ['alice'] }, [a, b], false],
    [{ trustRoot: '*', unheardOf: true }, [a, b, c], false],
  ])('%o', (options, signers, verdict) => {
    const policy = [{ pattern: '*:*', validator: 'multi', with: options }];
    expect(admits(migrated(configured(policy)), 'nginx', signers)).toBe(verdict);
  });
});

test('reads 2.x, which asks for the log only where a host is named', () => {
  const roots = [{ name: 'default', key: keys.alice }];
  const values = {
    validators: [{ name: 'default', type: 'cosign', trust_roots: roots }],
    policy: [{ pattern: '*:*' }],
  };
  expect(admits(migrated(JSON.stringify(values)), 'nginx', [by(keys.alice, false)])).toBe(true);
  const withHost = {
    ...values,
    validators: [{ name: 'default', type: 'cosign', host: 'rekor.sigstore.dev', trust_roots: roots }],
  };
  expect(admits(migrated(JSON.stringify(withHost)), 'nginx', [by(keys.alice, false)])).toBe(false);
});

test('reads the ConfigMap that Helm makes of it', () => {
  const config = JSON.stringify({ validators, rules: [{ pattern: '*:*' }] });
  const object = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'connaisseur-app-config' },
    data: { 'config.yaml': config },
  };
  const migration = migrated(JSON.stringify(object));
  expect([admits(migration, 'nginx', alice), admits(migration, 'nginx', [])]).toEqual([true, false]);
});

test('detection mode becomes mode warn', () => {
  const migration = migrated(configured([{ pattern: 'ghcr.io/*:*' }], { features: { detectionMode: true } }));
  expect(admits(migration, 'ghcr.io/a/b:v1', [])).toBe(true);
  expect(objectsOf(migration)).toContainEqual(expect.objectContaining({ data: { 'no-match-policy': 'warn' } }));
});

test('what is validated by namespace becomes a command', () => {
  const features = { namespacedValidation: { mode: 'validate' } };
  expect(migrated(configured([{ pattern: '*:*' }], { features })).commands).toEqual([
    "kubectl label namespaces -l 'securesystemsengineering.connaisseur/webhook=validate' policy.sigstore.dev/include=true",
  ]);
});

test('tells that an exemption below a demand is lost', () => {
  const migration = migrated(configured([{ pattern: '*:*' }, { pattern: 'registry.k8s.io/*:*', validator: 'allow' }]));
  expect(lost(migration)).toEqual([expect.stringContaining('must satisfy both')]);
  expect(admits(migration, 'registry.k8s.io/pause:3.9', [])).toBe(false);
});

/** internal/config/config.go and internal/policy/match.go, for what these rules have. */
function connaisseur(rules: readonly Rule[], image: string, signers: readonly Signer[]): boolean {
  const found = rules.filter(({ pattern }) => wildcard(`*${pattern}*`, image));
  const best = found.reduce<Rule | undefined>(
    (one, next) => (one === undefined || wins(next, one, image) ? next : one),
    undefined,
  );
  if (best === undefined) return false;
  if (best.validator !== 'default') return best.validator === 'allow';
  return signers.some((signer) => 'key' in signer && signer.key === keys.alice && signer.logged);
}

interface Rule {
  readonly pattern: string;
  readonly validator: 'allow' | 'deny' | 'default';
}

function wins({ pattern: one }: Rule, { pattern: other }: Rule, image: string): boolean {
  const [a, b, parts] = [one.split('/'), other.split('/'), image.split('/')];
  if (a.length !== b.length) return a.length > b.length;
  const common = (part: string, index: number): number => {
    const text = parts[index] ?? '';
    const at = Array.from(part).findIndex((character, place) => character !== text[place]);
    return at === -1 ? part.length : at;
  };
  const order = [
    ...a.map((part, i) => common(part, i) - common(b[i] ?? '', i)),
    ...a.map((part, i) => part.length - (b[i] ?? '').length),
  ];
  return (order.find((difference) => difference !== 0) ?? 1) > 0;
}

const piece = fc.constantFrom(
  '*',
  'a',
  'app',
  'ap*',
  '*p',
  'b',
  'index.docker.io',
  'ghcr.io',
  'docker.io',
  '*a*b',
  'org',
);
const tag = fc.constantFrom('', ':*', ':v1', ':v*', ':*1', ':1', ':f*', ':v*a', '@sha256:0b*', ':v1@*', ':*@sha256:0*');
const pattern = fc
  .tuple(fc.array(piece, { minLength: 1, maxLength: 3 }), tag)
  .map(([parts, end]) => `${parts.join('/')}${end}`);
const rule = fc.record<Rule>({ pattern, validator: fc.constantFrom('allow', 'deny', 'default') });
const images = fc
  .tuple(
    fc.constantFrom('index.docker.io/library', 'ghcr.io/org', 'index.docker.io/a', 'ghcr.io/app'),
    fc.constantFrom('app', 'a', 'b', 'aab'),
    fc.constantFrom(':v1', ':1', ':f', ':va', ''),
    fc.constantFrom('', `@${digest}`, `@sha256:${'f1a'.repeat(21)}f`),
  )
  .map(
    ([base, name, version, pinned]) =>
      `${base}/${name}${version === '' && pinned === '' ? ':latest' : version}${pinned}`,
  );

test.each(['a@sha256:0b*', 'app:v1@*', 'ghcr.io/org/app:v*a', '*p/*a*b'])('the glob of %s matches no less', (text) => {
  const image = `index.docker.io/app/aab:va@${digest}`;
  const rules: readonly Rule[] = [
    { pattern: '*:*', validator: 'allow' },
    { pattern: text, validator: 'deny' },
  ];
  const ours = admits(migrated(configured(rules)), image, []);
  expect(connaisseur(rules, image, []) || !ours).toBe(true);
});

test('what is written never admits what Connaisseur would refuse', () => {
  const signers = fc.subarray([by(keys.alice), by(keys.alice, false), by(keys.bob)]);
  let admitted = 0;
  fc.assert(
    fc.property(fc.array(rule, { minLength: 1, maxLength: 5 }), images, signers, (rules, image, signed) => {
      const ours = admits(migrated(configured(rules)), image, signed);
      admitted += Number(ours);
      expect(connaisseur(rules, image, signed) || !ours).toBe(true);
    }),
    { numRuns: 500 },
  );
  expect(admitted).toBeGreaterThan(5);
});
