import { describe, expect, test } from 'vitest';
import {
  definitions,
  judgeDefinitions,
  judgeRegistrations,
  judgeRights,
  judgeVersion,
} from '../../../src/controllers/installation/decide.ts';
import type { DefinitionFacts } from '../../../src/ports/cluster-facts.ts';

const policies = 'clusterimagepolicies.policy.sigstore.dev';
const own = { 'app.kubernetes.io/part-of': 'countersign' };

function definition(more: Partial<DefinitionFacts> = {}): DefinitionFacts {
  return { name: policies, labels: {}, annotations: {}, versions: ['v1alpha1', 'v1beta1'], scope: 'Cluster', ...more };
}

describe('definitions of policies', () => {
  test.each([...definitions.keys()])('%s is fine when it is ours', (name) => {
    expect(judgeDefinitions([definition({ name, labels: own })], false)).toEqual({ problems: [], warnings: [] });
  });

  test.each<[string, Partial<DefinitionFacts>, string]>([
    ['nobody in particular', {}, 'another product'],
    [
      'sigstore policy-controller, installed by Helm',
      { annotations: { 'meta.helm.sh/release-name': 'policy-controller' } },
      'the Helm release "policy-controller"',
    ],
    ['a product with a label', { labels: { 'app.kubernetes.io/part-of': 'kubernaut' } }, '"kubernaut"'],
    ['a product with a name', { labels: { 'app.kubernetes.io/name': 'other' } }, '"other"'],
    ['a product whose name steers terminals', { labels: { 'app.kubernetes.io/name': '\u001b[2J' } }, '"\\u{1b}[2J"'],
  ])('of %s are refused before installing, with the way out', (_, more, owner) => {
    const { problems, warnings } = judgeDefinitions([definition(more)], false);
    expect(problems).toEqual([expect.stringContaining(`${policies} belongs to ${owner}`)]);
    expect(problems.join()).toMatch(/--adopt.*kubectl delete crd/);
    expect(warnings).toEqual([]);
  });

  test('of another product can be adopted, and that is said', () => {
    const { problems, warnings } = judgeDefinitions([definition()], true);
    expect(problems).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('belongs to another product')]);
  });

  test('of another product whose webhook converts them are adopted once that is gone', () => {
    const { problems, warnings } = judgeDefinitions([definition({ isConverted: true })], true);
    expect(problems).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining(`kubectl patch crd ${policies} --type=merge`)]);
    expect(judgeDefinitions([definition()], true).warnings.join()).not.toContain('kubectl patch');
  });

  test('of another product that serves no version of ours cannot be adopted', () => {
    const { problems } = judgeDefinitions([definition({ versions: ['v1'] })], true);
    expect(problems).toEqual([expect.stringContaining('does not serve v1alpha1')]);
  });

  // As KubeOpenCodeConfig is in later versions of that product.
  test.each([
    ['kubeopencodeconfigs.kubeopencode.io', 'Cluster', 'Namespaced'],
    [policies, 'Namespaced', 'Cluster'],
  ])('of another product whose objects are elsewhere cannot be adopted: %s', (name, scope, wanted) => {
    const { problems } = judgeDefinitions([definition({ name, scope })], true);
    expect(problems).toEqual([expect.stringContaining(`has the scope ${scope}, here ${wanted}`)]);
    expect(judgeDefinitions([definition({ name, scope: wanted })], true).problems).toEqual([]);
  });
});

describe('registrations', () => {
  const validating = { kind: 'ValidatingWebhookConfiguration', name: 'countersign' } as const;

  test('of this installation are an upgrade', () => {
    const found = [{ ...validating, namespace: 'countersign-system' }];
    expect(judgeRegistrations(found, 'countersign-system')).toEqual({ problems: [], warnings: [] });
  });

  test.each([
    ['security', /belongs to the installation in namespace security; .*kubectl delete -k/],
    [undefined, /leads to no Service/],
  ])('of namespace %s are in the way', (namespace, says) => {
    const { problems } = judgeRegistrations([{ ...validating, namespace }], 'countersign-system');
    expect(problems).toEqual([expect.stringMatching(says)]);
  });
});

test.each([
  ['v1.30.0', 0, 0],
  ['v1.35.4', 0, 0],
  ['v1.31.2-eks-1234567', 0, 0],
  ['v1.30.5+k3s1', 0, 0],
  ['v2.0.0', 0, 0],
  ['v1.29.14', 1, 0],
  ['v0.99.0', 1, 0],
  ['v0.0.0-master+$Format:%H$', 1, 0],
  ['', 0, 1],
  ['1.30', 0, 1],
  ['v99999.1', 0, 1],
])('Kubernetes %s: %d problems, %d warnings', (version, problems, warnings) => {
  const judged = judgeVersion(version);
  expect([judged.problems.length, judged.warnings.length]).toEqual([problems, warnings]);
});

test('a right that is missing is named with its group and namespace', () => {
  const missing = [
    { verb: 'create', group: 'apps', resource: 'deployments', namespace: 'countersign-system' },
    { verb: 'patch', group: '', resource: 'namespaces' },
  ];
  expect(judgeRights(missing).problems).toEqual([
    expect.stringMatching(/^you may not create deployments\.apps in namespace countersign-system/),
    expect.stringMatching(/^you may not patch namespaces,/),
  ]);
});
