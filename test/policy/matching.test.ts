import { expect, test } from 'vitest';
import { policyApplies } from '../../src/policy/matching.ts';
import type { ObjectFacts } from '../../src/policy/subject.ts';
import { imageOf, pass, pinned, pod, policyOf } from './kit.ts';

const deployment: ObjectFacts = { ...pod, group: 'apps', resource: 'deployments' };
const labelled: ObjectFacts = { ...pod, labels: { app: 'web', tier: 'front' } };

function applies(match: unknown, object: ObjectFacts): boolean {
  const policy = policyOf({ images: [{ glob: 'ghcr.io/org/**' }], match, authorities: [pass] });
  return policyApplies(policy, pinned('ghcr.io/org/app'), object);
}

function selects(selector: unknown, object: ObjectFacts): boolean {
  return applies([{ version: 'v1', resource: 'pods', selector }], object);
}

test.each<[string, unknown, ObjectFacts, boolean]>([
  ['no rules', undefined, pod, true],
  ['no rules, another kind', [], deployment, true],
  ['the resource', [{ version: 'v1', resource: 'pods' }], pod, true],
  ['another resource', [{ version: 'v1', resource: 'pods' }], deployment, false],
  ['group and resource', [{ group: 'apps', version: 'v1', resource: 'deployments' }], deployment, true],
  ['the resource without its group', [{ version: 'v1', resource: 'deployments' }], deployment, false],
  ['the resource of another group', [{ group: 'batch', version: 'v1', resource: 'deployments' }], deployment, false],
  ['the empty group is the core group', [{ group: '', version: 'v1', resource: 'pods' }], pod, true],
  ['any version', [{ version: '*', resource: 'pods' }], pod, true],
  ['another version', [{ version: 'v2', resource: 'pods' }], pod, false],
  ['no version', [{ resource: 'pods' }], pod, false],
  ['no resource', [{ version: 'v1' }], pod, false],
  ['a rule that says nothing', [{}], pod, false],
  [
    'one of two rules',
    [
      { version: 'v1', resource: 'jobs' },
      { version: 'v1', resource: 'pods' },
    ],
    pod,
    true,
  ],
  ['none of two rules', [{ version: 'v1', resource: 'jobs' }, {}], pod, false],
])('%s: %j', (_title, match, object, expected) => {
  expect(applies(match, object)).toBe(expected);
});

test.each<[string, unknown, ObjectFacts, boolean]>([
  ['an empty selector selects all', {}, pod, true],
  ['a label', { matchLabels: { app: 'web' } }, labelled, true],
  ['both labels', { matchLabels: { app: 'web', tier: 'front' } }, labelled, true],
  ['one of two labels is not enough', { matchLabels: { app: 'web', tier: 'back' } }, labelled, false],
  ['a label that is not there', { matchLabels: { app: 'web' } }, pod, false],
  ['an empty label is not an absent one', { matchLabels: { app: '' } }, pod, false],
  ['In', { matchExpressions: [{ key: 'app', operator: 'In', values: ['api', 'web'] }] }, labelled, true],
  ['In, with another value', { matchExpressions: [{ key: 'app', operator: 'In', values: ['api'] }] }, labelled, false],
  ['In, without the label', { matchExpressions: [{ key: 'app', operator: 'In', values: ['web'] }] }, pod, false],
  ['NotIn', { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['api'] }] }, labelled, true],
  [
    'NotIn, with the value',
    { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] },
    labelled,
    false,
  ],
  ['NotIn, without the label', { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] }, pod, true],
  ['Exists', { matchExpressions: [{ key: 'app', operator: 'Exists' }] }, labelled, true],
  ['Exists, without the label', { matchExpressions: [{ key: 'app', operator: 'Exists' }] }, pod, false],
  ['DoesNotExist', { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] }, pod, true],
  ['DoesNotExist, with the label', { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] }, labelled, false],
  ['a name that every object inherits', { matchExpressions: [{ key: 'toString', operator: 'Exists' }] }, pod, false],
  [
    'labels and expressions together',
    { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] },
    labelled,
    false,
  ],
])('labels: %s', (_title, selector, object, expected) => {
  expect(selects(selector, object)).toBe(expected);
});

test('one of several globs is enough; none is not', () => {
  const policy = policyOf({ images: [{ glob: 'quay.io/**' }, { glob: 'ghcr.io/**' }], authorities: [pass] });
  expect(policyApplies(policy, imageOf('ghcr.io/a/b'), pod)).toBe(true);
  expect(policyApplies(policy, imageOf('docker.io/a/b'), pod)).toBe(false);
});
