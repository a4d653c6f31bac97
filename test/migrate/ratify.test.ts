/** Shapes of https://ratify.dev/docs/plugins/verifier/cosign and config/samples of its repository. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { admits, as, by, keys, lost, migrated, objectsOf, type Signer } from './kit.ts';

const apiVersion = 'config.ratify.deislabs.io/v1beta1';
const provider = (name: keyof typeof keys): object => ({
  apiVersion,
  kind: 'KeyManagementProvider',
  metadata: { name, namespace: 'gatekeeper-system' },
  spec: { type: 'inline', parameters: { contentType: 'key', value: keys[name] } },
});
const providers = [provider('alice'), provider('bob')];

const verifier = (trustPolicies: unknown, more: object = {}): object => ({
  apiVersion,
  kind: 'Verifier',
  metadata: { name: 'verifier-cosign' },
  spec: {
    name: 'cosign',
    artifactTypes: 'application/vnd.dev.cosign.artifact.sig.v1+json',
    parameters: { trustPolicies },
    ...more,
  },
});

const list = (...items: readonly object[]): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [...items, ...providers] });

const trust = (more: object = {}): object => ({
  version: '1.0.0',
  name: 'default',
  scopes: ['*'],
  keys: [{ provider: 'alice' }],
  ...more,
});
const person = { certificateIdentity: 'me@example.com', certificateOIDCIssuer: 'https://accounts.example.com' };
const app = 'ghcr.io/org/app:v1';
const [a, b] = [by(keys.alice), by(keys.bob)];
const policy = (parameters: object): object => ({
  apiVersion,
  kind: 'Policy',
  metadata: { name: 'ratify-policy' },
  spec: { parameters },
});
const constraint = (spec: object): object => ({
  apiVersion: 'constraints.gatekeeper.sh/v1beta1',
  kind: 'RatifyVerification',
  metadata: { name: 'ratify-constraint' },
  spec,
});

test.each<[string, readonly object[], string, readonly Signer[], boolean]>([
  ['admits what the key has signed', [verifier([trust()])], app, [a], true],
  ['refuses another key', [verifier([trust()])], app, [b], false],
  [
    'finds providers by namespace and name',
    [verifier([trust({ keys: [{ provider: 'gatekeeper-system/alice' }] })])],
    app,
    [a],
    true,
  ],
  [
    'is content with any of the keys',
    [verifier([trust({ keys: [{ provider: 'alice' }, { provider: 'bob' }] })])],
    app,
    [b],
    true,
  ],
  ['asks for the log', [verifier([trust()])], app, [by(keys.alice, false)], false],
  ['does not when told so', [verifier([trust({ tLogVerify: false })])], app, [by(keys.alice, false)], true],
  ['verifies identities', [verifier([trust({ keys: undefined, keyless: person })])], app, [as('me@example.com')], true],
  [
    'refuses other identities',
    [verifier([trust({ keys: undefined, keyless: person })])],
    app,
    [as('x@example.com')],
    false,
  ],
  ['refuses what no scope covers', [verifier([trust({ scopes: ['ghcr.io/org/*'] })])], 'quay.io/x/y', [a], false],
  [
    'names Docker Hub as it is named here',
    [verifier([trust({ scopes: ['docker.io/library/*'] })])],
    'nginx',
    [a],
    true,
  ],
  ['refuses keys in files', [verifier([trust({ keys: [{ file: '/k.pub' }] })])], app, [a], false],
  ['refuses a provider that is not there', [verifier([trust({ keys: [{ provider: 'eve' }] })])], app, [a], false],
  ['refuses keys and keyless together', [verifier([trust({ keyless: person })])], app, [a], false],
  ['refuses what is not known', [verifier([trust({ unheardOf: 1 })])], app, [a], false],
  ['refuses trust policies of a wrong type', [verifier('all')], app, [a], false],
  ['refuses scopes of a wrong type', [verifier([trust({ scopes: [1] })])], app, [a], false],
  ['refuses what has no trust policies', [verifier(undefined)], app, [a], false],
  ['refuses scopes with tags', [verifier([trust({ scopes: ['ghcr.io/org/app:v*'] })])], app, [a], false],
  ['refuses under a policy in Rego', [verifier([trust()]), policy({ policy: 'package x' })], app, [a], false],
  [
    'refuses where another verifier must pass too',
    [verifier([trust()]), verifier([], { name: 'sbom' })],
    app,
    [a],
    false,
  ],
  [
    'does not where any verifier is enough',
    [
      verifier([trust()]),
      verifier([], { name: 'notation' }),
      policy({ artifactVerificationPolicies: { default: 'any' } }),
    ],
    app,
    [a],
    true,
  ],
  [
    'takes a constraint that warns for mode warn',
    [verifier([trust()]), constraint({ enforcementAction: 'warn' })],
    app,
    [],
    true,
  ],
  [
    'takes one of two that denies for enforce',
    [verifier([trust()]), constraint({ enforcementAction: 'warn' }), constraint({})],
    app,
    [],
    false,
  ],
])('%s', (_name, objects, image, signers, verdict) => {
  expect(admits(migrated(list(...objects)), image, signers)).toBe(verdict);
});

test("knows the Rego of Ratify's chart", () => {
  const rego = `package ratify.policy

default valid := false

# all artifacts MUST be valid
valid {
  not failed_verify(input)
}

# all reports MUST pass the verification
failed_verify(reports) {
  [path, value] := walk(reports)
  value == false
  path[count(path) - 1] == "isSuccess"
}`;
  expect(admits(migrated(list(verifier([trust()]), policy({ policy: rego }))), app, [a])).toBe(true);
});

test('keys of Azure are asked for at Azure', () => {
  const akv = {
    apiVersion,
    kind: 'KeyManagementProvider',
    metadata: { name: 'akv' },
    spec: { type: 'azurekeyvault', parameters: { vaultURI: 'https://v.vault.azure.net/', keys: [{ name: 'k' }] } },
  };
  const [written] = objectsOf(migrated(list(akv, verifier([trust({ keys: [{ provider: 'akv' }] })]))));
  expect(written).toMatchObject({ spec: { authorities: [{ key: { kms: 'azurekms://v.vault.azure.net/k' } }] } });
});

test('an Executor of v2 refuses, and says so', () => {
  const executor = {
    apiVersion: 'config.ratify.dev/v2alpha1',
    kind: 'Executor',
    metadata: { name: 'e' },
    spec: { scopes: ['ghcr.io/org'], verifiers: [{ name: 'n', type: 'notation' }] },
  };
  const migration = migrated(list(executor));
  expect(lost(migration)).toEqual([expect.stringContaining('Executor')]);
  expect(admits(migration, app, [a])).toBe(false);
});

test('namespaces of constraints become commands', () => {
  const { commands } = migrated(list(verifier([trust()]), constraint({ match: { namespaces: ['default'] } })));
  expect(commands).toEqual(['kubectl label namespace default policy.sigstore.dev/include=true']);
});

const scope = fc.constantFrom('*', 'ghcr.io/org/*', 'ghcr.io/*', 'docker.io/library/*', 'docker.io/*', 'quay.io/x*');
const images = fc.constantFrom(
  'ghcr.io/org/app:v1',
  'ghcr.io/other/app:v1',
  'nginx',
  'org/app:1',
  'quay.io/x/y:1',
  'quay.io/z/y:1',
);

test('what is written never admits what Ratify would refuse', () => {
  const policies = fc.uniqueArray(fc.record({ scope, key: fc.constantFrom('alice', 'bob') }), {
    minLength: 1,
    maxLength: 3,
    selector: ({ scope: one }) => one,
  });
  const signed = fc.subarray(['alice', 'bob'] as const);
  fc.assert(
    fc.property(policies, images, signed, (trusted, image, names) => {
      const written = trusted.map((one, index) =>
        trust({ name: `p${index}`, scopes: [one.scope], keys: [{ provider: one.key }] }),
      );
      const ours = admits(
        migrated(list(verifier(written))),
        image,
        names.map((name) => by(keys[name])),
      );
      const full = image.startsWith('nginx')
        ? `docker.io/library/${image}`
        : image.startsWith('org')
          ? `docker.io/${image}`
          : image;
      const covering =
        trusted.find((one) => one.scope !== '*' && full.startsWith(one.scope.slice(0, -1))) ??
        trusted.find((one) => one.scope === '*');
      const theirs = covering !== undefined && names.some((name) => name === covering.key);
      expect(theirs || !ours).toBe(true);
    }),
    { numRuns: 300 },
  );
});
