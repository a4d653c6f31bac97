import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { asRecord } from '../../../src/kernel/strict-json.ts';

const manifests = join(import.meta.dirname, '..', '..', '..', 'manifests');
const text = (file: string): string => readFileSync(join(manifests, file), 'utf8');

function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((found, step) => {
    return typeof step === 'number' && Array.isArray(found) ? found[step] : asRecord(found)?.[step];
  }, value);
}

// Members that the API server would drop before anybody reads them, had the schema not got them.
const everyMember = `
images: [{ glob: g }]
mode: warn
match: [{ group: g, version: v, resource: r, selector: { matchLabels: { a: b }, matchExpressions: [{ key: k, operator: In, values: [v] }] } }]
policy: { type: cue, data: d, configMapRef: { name: a, namespace: b, key: c }, remote: { url: u, sha256sum: s }, fetchConfigFile: true, includeSpec: true, includeObjectMeta: true, includeTypeMeta: true }
authorities:
  - name: n
    key: { data: d, kms: k, hashAlgorithm: h, secretRef: { name: a, namespace: b } }
    keyless:
      url: u
      trustRootRef: t
      insecureIgnoreSCT: true
      ca-cert: { data: d, kms: k, secretRef: { name: a, namespace: b } }
      identities: [{ issuer: i, subject: s, issuerRegExp: i, subjectRegExp: s }]
    static: { action: a, message: m }
    source: [{ oci: o, tagPrefix: t, signaturePullSecrets: [{ name: s }] }]
    ctlog: { url: u, trustRootRef: t }
    rfc3161timestamp: { trustRootRef: t }
    attestations: [{ name: n, predicateType: p, policy: { type: cue, data: d, configMapRef: { name: a, namespace: b, key: c }, remote: { url: u, sha256sum: s } } }]
    signatureFormat: bundle
`;

/** Paths of members that a structural schema prunes. */
function pruned(value: unknown, schema: unknown, path: string): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item: unknown) => pruned(item, at(schema, 'items'), `${path}[]`));
  const record = asRecord(value);
  if (record === undefined) return [];
  return Object.entries(record).flatMap(([name, member]) => {
    const known = at(schema, 'properties', name) ?? at(schema, 'additionalProperties');
    return known === undefined ? [`${path}.${name}`] : pruned(member, known, `${path}.${name}`);
  });
}

function constraints(schema: unknown): readonly string[] {
  const forbidden = ['enum', 'required', 'pattern', 'minItems', 'x-kubernetes-validations'];
  return Object.entries(asRecord(schema) ?? {}).flatMap(([name, member]) =>
    forbidden.includes(name) ? [name] : constraints(member),
  );
}

describe('the custom resource definition of ClusterImagePolicy', () => {
  const crd: unknown = parse(text('crds/clusterimagepolicies.yaml'));

  test.each([0, 1])('has every member that policies may have (version %i)', (index) => {
    const spec = at(crd, 'spec', 'versions', index, 'schema', 'openAPIV3Schema', 'properties', 'spec');
    expect(pruned(parse(everyMember), spec, 'spec')).toEqual([]);
    expect(pruned({ surprise: 1 }, spec, 'spec')).toEqual(['spec.surprise']);
  });

  test('demands nothing: what is wrong is told in full when the policy is read', () => {
    const spec = at(crd, 'spec', 'versions', 0, 'schema', 'openAPIV3Schema', 'properties', 'spec');
    expect(constraints(spec)).toEqual([]);
  });

  test('serves two versions with one schema, so that nothing is lost between them', () => {
    const [first, second] = [at(crd, 'spec', 'versions', 0), at(crd, 'spec', 'versions', 1)];
    expect(at(first, 'schema')).toEqual(at(second, 'schema'));
    expect(at(crd, 'spec', 'conversion', 'strategy')).toBe('None');
    expect([at(first, 'name'), at(first, 'storage'), at(second, 'name'), at(second, 'storage')]).toEqual([
      'v1alpha1',
      true,
      'v1beta1',
      false,
    ]);
  });
});

describe('the webhook registrations', () => {
  const [validating, mutating] = parseAllDocuments(text('base/webhooks.yaml')).map((document): unknown =>
    document.toJS(),
  );
  const first = (configuration: unknown): Readonly<Record<string, unknown>> =>
    asRecord(at(configuration, 'webhooks', 0)) ?? {};

  test('ask both webhooks about the same objects of the same namespaces, but for resizes, in which nothing is set', () => {
    const rules = JSON.stringify(first(validating)['rules']);
    expect(JSON.stringify(first(mutating)['rules'])).toBe(rules.replace('"pods/resize",', ''));
    expect(rules).toContain('"pods/resize",');
    expect(first(mutating)['namespaceSelector']).toEqual(first(validating)['namespaceSelector']);
  });

  test.each([
    ['validating', validating],
    ['mutating', mutating],
  ])('fail closed, in time, and without side effects on a dry run (%s)', (_name, configuration) => {
    expect(first(configuration)).toMatchObject({
      failurePolicy: 'Fail',
      timeoutSeconds: 10,
      matchPolicy: 'Equivalent',
      sideEffects: 'NoneOnDryRun',
    });
  });

  test('cover every kind that runs images', () => {
    const rules = first(validating)['rules'];
    const covered = (Array.isArray(rules) ? rules : []).flatMap((rule: unknown) => {
      const resources = at(rule, 'resources');
      expect(at(rule, 'operations')).toEqual(['CREATE', 'UPDATE']);
      return (Array.isArray(resources) ? resources : []).map(String);
    });
    const core = 'pods pods/ephemeralcontainers pods/resize podtemplates replicationcontrollers';
    const workloads = 'cronjobs daemonsets deployments jobs replicasets statefulsets';
    const tekton = 'pipelineruns pipelines stepactions taskruns tasks';
    expect(covered.sort()).toEqual(`${core} ${workloads} ${tekton}`.split(' ').sort());
  });
});

test('the webhook for policies covers both kinds in both versions, and leaves them open to repair when it is down', () => {
  const [configuration] = parseAllDocuments(text('base/policy-webhook.yaml')).map((one): unknown => one.toJS());
  expect(at(configuration, 'webhooks', 0)).toMatchObject({
    failurePolicy: 'Ignore',
    rules: [
      { apiVersions: ['v1alpha1', 'v1beta1'], resources: ['clusterimagepolicies', 'trustroots'] },
      { apiVersions: ['v1alpha1'], resources: ['actionpolicies'] },
    ],
  });
});

test('the webhook for workflows and Tasks covers them in all groups, refuses when it is down, and is not asked about their status', () => {
  const [, configuration] = parseAllDocuments(text('base/policy-webhook.yaml')).map((one): unknown => one.toJS());
  const webhook = at(configuration, 'webhooks', 0);
  expect(webhook).toMatchObject({
    failurePolicy: 'Fail',
    rules: [
      { apiGroups: ['workflowexecution.kubernaut.ai', 'kubernaut.ai'], resources: ['workflowexecutions'] },
      { apiGroups: ['execution.kubernaut.ai'], resources: ['actionexecutions'] },
      { apiGroups: ['kubeopencode.io'], resources: ['tasks', 'tasktemplates', 'agents'] },
      { apiGroups: ['kubetask.io'], resources: ['agents'] },
    ],
  });
  expect(at(webhook, 'namespaceSelector')).toBeUndefined();
});
