/** Shapes of https://docs.sigstore.dev/policy-controller/overview/ and of its own examples. */
import { describe, expect, test } from 'vitest';
import { migrate } from '../../src/migrate/migrate.ts';
import { objectsIn } from '../../src/migrate/source-objects.ts';
import { admits, by, keys, lost, migrated, objectsOf } from './kit.ts';

const policy = (spec: object, more: object = {}): object => ({
  apiVersion: 'policy.sigstore.dev/v1alpha1',
  kind: 'ClusterImagePolicy',
  metadata: {
    name: 'image-is-signed',
    resourceVersion: '7',
    managedFields: [],
    annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
  },
  spec,
  status: { conditions: [] },
  ...more,
});
const images = [{ glob: 'ghcr.io/org/**' }];
const key = { key: { data: keys.alice } };
const keyless = { identities: [{ issuer: 'https://accounts.example.com', subject: 'a@b.c' }] };
const settings = (data: object): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'config-policy-controller', namespace: 'cosign-system' },
  data,
});
const list = (...items: readonly object[]): string => JSON.stringify({ kind: 'List', apiVersion: 'v1', items });

describe.each(['v1alpha1', 'v1beta1'])('%s', (version) => {
  test('is written as it is, without what the API server has added', () => {
    const apiVersion = `policy.sigstore.dev/${version}`;
    const spec = { images, authorities: [key], mode: 'warn' };
    expect(objectsOf(migrated(list(policy(spec, { apiVersion }))))).toEqual([
      { apiVersion, kind: 'ClusterImagePolicy', metadata: { name: 'image-is-signed' }, spec },
    ]);
  });
});

test('verdicts are those of the policy', () => {
  const migration = migrated(list(policy({ images, authorities: [key] })));
  const verdicts = [[by(keys.alice)], [by(keys.bob)], []].map((signers) =>
    admits(migration, 'ghcr.io/org/app:1', signers),
  );
  expect(verdicts).toEqual([true, false, false]);
});

test.each<[string, object, string]>([
  ['a glob with a tag', { images: [{ glob: 'ghcr.io/org/app:v*' }], authorities: [key] }, 'tag-globs'],
  [
    'ca-cert',
    { images, authorities: [{ keyless: { ...keyless, 'ca-cert': { secretRef: { name: 'ca' } } } }] },
    'docs/policy-controller.md',
  ],
  [
    'a TrustRoot without ctlog',
    { images, authorities: [{ keyless: { ...keyless, trustRootRef: 'r' } }] },
    'log-of-trust-root',
  ],
  [
    'timestamps',
    { images, authorities: [{ ...key, rfc3161timestamp: { trustRootRef: 'r' } }] },
    'docs/policy-controller.md',
  ],
  [
    'code in a ConfigMap',
    { images, authorities: [key], policy: { type: 'cue', configMapRef: { name: 'c', key: 'k' } } },
    'get configmap c',
  ],
  ['a Secret', { images, authorities: [{ key: { secretRef: { name: 's' } } }] }, 'get secret s'],
])('notes what %s means here', (_name, spec, wayOut) => {
  const { notes } = migrated(list(policy(spec)));
  expect(notes.filter(({ level }) => level === 'warning').map((note) => note.wayOut)).toContainEqual(
    expect.stringContaining(wayOut),
  );
});

test('Rego with a network is lost, and refuses by itself', () => {
  const code = { type: 'rego', data: 'package sigstore\nisCompliant { http.send({}) }' };
  expect(lost(migrated(list(policy({ images, authorities: [key], policy: code }))))).toHaveLength(1);
});

test.each([
  [{ 'no-match-policy': 'allow' }, { 'no-match-policy': 'allow' }],
  [{ 'no-match-policy': 'anything' }, { 'no-match-policy': 'deny' }],
  [{}, { 'no-match-policy': 'deny' }],
  [
    { 'no-match-policy': 'warn', 'fail-on-empty-authorities': 'false', 'enable-oci11': 'true' },
    { 'no-match-policy': 'warn', 'fail-on-empty-authorities': 'false' },
  ],
])('settings %o become %o', (data, written) => {
  expect(objectsOf(migrated(list(settings(data))))).toEqual([
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'countersign-config', namespace: 'countersign-system' },
      data: written,
    },
  ]);
});

test('a policy that would be refused here is replaced by one that refuses', () => {
  const migration = migrated(list(policy({ images, authorities: [{ key: { data: 'no key' } }] })));
  expect(lost(migration)).toEqual([expect.stringContaining('a policy that refuses stands in for it')]);
  expect(admits(migration, 'ghcr.io/org/app:1', [by(keys.alice)])).toBe(false);
});

test('webhooks that look everywhere, and their labels, are told of', () => {
  const hook = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'policy.sigstore.dev' },
    webhooks: [
      {
        failurePolicy: 'Ignore',
        namespaceSelector: { matchExpressions: [{ key: 'webhooks.knative.dev/exclude', operator: 'DoesNotExist' }] },
      },
    ],
  };
  const { notes } = migrated(list(hook));
  expect(notes.map(({ level }) => level)).toEqual(['lost', 'warning', 'warning']);
});

test('Secrets are copied only when asked for, and only those that are named', () => {
  const secret = (name: string): object => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'cosign-system' },
    data: { k: 'eA==' },
  });
  const text = list(
    policy({ images, authorities: [{ key: { secretRef: { name: 's' } } }] }),
    secret('s'),
    secret('other'),
  );
  const objects = objectsIn(text, 'x');
  if (!objects.ok) throw new Error(objects.failure);
  expect(JSON.stringify(migrate(objects.value))).not.toContain('eA==');
  const secrets = migrate(objects.value, { withSecrets: true })?.objects.filter(
    ({ object }) => object['kind'] === 'Secret',
  );
  expect(secrets?.map(({ object }) => object['metadata'])).toEqual([{ name: 's', namespace: 'countersign-system' }]);
});

test('two products that disagree about the rest: the stricter one counts, and it is told', () => {
  const kyverno = {
    apiVersion: 'kyverno.io/v1',
    kind: 'ClusterPolicy',
    metadata: { name: 'k' },
    spec: { rules: [{ name: 'r', verifyImages: [{ imageReferences: ['a.io/*'], key: keys.alice }] }] },
  };
  const migration = migrated(list(kyverno, settings({})));
  expect(objectsOf(migration).at(-1)).toMatchObject({ data: { 'no-match-policy': 'deny' } });
  expect(lost(migration)).toEqual([expect.stringContaining('disagrees')]);
});
