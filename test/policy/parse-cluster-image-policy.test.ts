import { describe, expect, test } from 'vitest';
import { parseClusterImagePolicy } from '../../src/policy/parse-cluster-image-policy.ts';
import { pass, policyDocument, specWith } from './kit.ts';

function errors(document: unknown): readonly string[] {
  const parsed = parseClusterImagePolicy(document);
  return parsed.ok ? [] : parsed.failure;
}

const images = [{ glob: 'ghcr.io/org/**' }];
const unsupportedVersion = 'expected policy.sigstore.dev/v1alpha1 or policy.sigstore.dev/v1beta1';

test.each(['v1alpha1', 'v1beta1'])('%s: everything is filled in', (version) => {
  const document = { ...policyDocument(specWith({})), apiVersion: `policy.sigstore.dev/${version}` };
  expect(parseClusterImagePolicy(document)).toMatchObject({
    ok: true,
    value: {
      name: 'p',
      images: [{ source: 'ghcr.io/org/**' }],
      match: [],
      mode: 'enforce',
      authorities: [{ kind: 'static', name: 'authority-0', action: 'pass', message: '' }],
      notReady: [],
    },
  });
});

describe('accepts', () => {
  test.each<[string, object, object]>([
    [
      'several globs',
      { images: [...images, { glob: '*' }] },
      { images: [{ source: 'ghcr.io/org/**' }, { source: '*' }] },
    ],
    ['warn mode', { mode: 'warn' }, { mode: 'warn' }],
    ['an empty mode, as Go does', { mode: '' }, { mode: 'enforce' }],
    ['null for what is absent, as the API server does', { mode: null, match: null, policy: null }, { mode: 'enforce' }],
    ['no match rules', { match: [] }, { match: [] }],
    ['a resource', { match: [{ resource: 'pods' }] }, { match: [{ resource: 'pods' }] }],
    [
      'group, version and resource',
      { match: [{ group: 'apps', version: 'v1', resource: 'deployments' }] },
      { match: [{ group: 'apps', version: 'v1', resource: 'deployments' }] },
    ],
    ['a group without resource', { match: [{ group: 'apps' }] }, { match: [{ group: 'apps' }] }],
    ['a rule that says nothing', { match: [{}] }, { match: [{}] }],
    [
      'labels',
      { match: [{ resource: 'pods', selector: { matchLabels: { app: 'x' } } }] },
      { match: [{ selector: { matchLabels: { app: 'x' }, matchExpressions: [] } }] },
    ],
    [
      'label expressions',
      {
        match: [
          {
            resource: 'pods',
            selector: {
              matchExpressions: [
                { key: 'a', operator: 'In', values: ['x'] },
                { key: 'b', operator: 'NotIn', values: ['y'] },
                { key: 'c', operator: 'Exists' },
                { key: 'd', operator: 'DoesNotExist', values: [] },
              ],
            },
          },
        ],
      },
      {},
    ],
    ['an empty selector', { match: [{ resource: 'pods', selector: {} }] }, {}],
    [
      'names of authorities, and numbers for those without',
      { authorities: [{ ...pass, name: 'a' }, pass, { ...pass, name: '' }] },
      { authorities: [{ name: 'a' }, { name: 'authority-1' }, { name: 'authority-2' }] },
    ],
  ])('%s', (_title, members, expected) => {
    expect(parseClusterImagePolicy(policyDocument(specWith(members)))).toMatchObject({ ok: true, value: expected });
  });

  test.each(['cronjobs', 'daemonsets', 'deployments', 'jobs', 'pods', 'replicasets', 'statefulsets'])(
    'policy-controller resource %s',
    (resource) => {
      expect(errors(policyDocument(specWith({ match: [{ resource }] })))).toEqual([]);
    },
  );

  test('metadata and status of the API server', () => {
    const metadata = { name: 'p', uid: 'u', labels: { a: 'b' }, managedFields: [{}] };
    expect(errors({ ...policyDocument(specWith({})), metadata, status: { conditions: [] } })).toEqual([]);
  });
});

describe('refuses, in the words of policy-controller,', () => {
  test.each<[string, object, string]>([
    ['no images', { images: undefined }, 'missing field(s): spec.images'],
    ['null for images', { images: null }, 'missing field(s): spec.images'],
    ['an empty list of images', { images: [] }, 'missing field(s): spec.images'],
    [
      'images that are no list',
      { images: { glob: '**' } },
      'invalid value: {"glob":"**"}: spec.images\nexpected a list',
    ],
    ['an image that is no object', { images: ['**'] }, 'invalid value: **: spec.images[0]\nexpected an object'],
    ['an image without glob', { images: [...images, {}] }, 'missing field(s): spec.images[1].glob'],
    ['an empty glob', { images: [{ glob: '' }] }, 'missing field(s): spec.images[0].glob'],
    ['a glob that is no text', { images: [{ glob: 7 }] }, 'invalid value: 7: spec.images[0].glob\nexpected a string'],
    [
      'a bad glob',
      { images: [{ glob: '$FOO*' }] },
      'invalid value: $FOO*: spec.images[0].glob\nglob is invalid: invalid glob "$FOO*"',
    ],
    ['a field beside glob', { images: [{ glob: '**', regex: 'x' }] }, 'unknown field(s): spec.images[0].regex'],
    ['no authorities', { authorities: undefined }, 'missing field(s): spec.authorities'],
    ['an empty list of authorities', { authorities: [] }, 'missing field(s): spec.authorities'],
    ['authorities that are no list', { authorities: pass }, 'spec.authorities\nexpected a list'],
    [
      'an authority that is no object',
      { authorities: [pass, 'pass'] },
      'invalid value: pass: spec.authorities[1]\nexpected an object',
    ],
    ['another mode', { mode: 'audit' }, 'invalid value: audit: spec.mode\nunsupported mode'],
    ['a mode in capitals', { mode: 'Warn' }, 'invalid value: Warn: spec.mode\nunsupported mode'],
    ['a mode that is no text', { mode: true }, 'invalid value: true: spec.mode\nexpected a string'],
    ['a field nobody knows', { modes: 'warn' }, 'unknown field(s): spec.modes'],
    ['a field nobody knows, set to null', { modes: null }, 'unknown field(s): spec.modes'],
    ['match that is no list', { match: {} }, 'invalid value: {}: spec.match\nexpected a list'],
    [
      'another resource',
      { match: [{ resource: 'services' }] },
      'invalid value: services: spec.match[0].resource\nunsupported resource name',
    ],
    [
      'a kind for a resource',
      { match: [{ resource: 'Pod' }] },
      'invalid value: Pod: spec.match[0].resource\nunsupported resource name',
    ],
    [
      'a field nobody knows in a rule',
      { match: [{ resource: 'pods', namespace: 'x' }] },
      'unknown field(s): spec.match[0].namespace',
    ],
    [
      'a selector alone',
      { match: [{ selector: {} }] },
      'invalid value: : spec.match[0].selector\nselector requires a resource type to match the labels',
    ],
    [
      'labels that are no map',
      { match: [{ resource: 'pods', selector: { matchLabels: ['a'] } }] },
      'spec.match[0].selector.matchLabels\nexpected a map of strings',
    ],
    [
      'a label that is no text',
      { match: [{ resource: 'pods', selector: { matchLabels: { a: true } } }] },
      'spec.match[0].selector.matchLabels\nexpected a map of strings',
    ],
    [
      'an expression without key',
      { match: [{ resource: 'pods', selector: { matchExpressions: [{ operator: 'Exists' }] } }] },
      'missing field(s): spec.match[0].selector.matchExpressions[0].key',
    ],
    [
      'another operator',
      {
        match: [{ resource: 'pods', selector: { matchExpressions: [{ key: 'a', operator: 'Like', values: ['b'] }] } }],
      },
      'invalid value: Like: spec.match[0].selector.matchExpressions[0].operator\nexpected In, NotIn, Exists, DoesNotExist',
    ],
    [
      'In without values',
      { match: [{ resource: 'pods', selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } }] },
      'missing field(s): spec.match[0].selector.matchExpressions[0].values',
    ],
    [
      'Exists with values',
      {
        match: [
          { resource: 'pods', selector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] } },
        ],
      },
      'must not set the field(s): spec.match[0].selector.matchExpressions[0].values',
    ],
    [
      'values that are no texts',
      { match: [{ resource: 'pods', selector: { matchExpressions: [{ key: 'a', operator: 'In', values: [1] }] } }] },
      'invalid value: 1: spec.match[0].selector.matchExpressions[0].values[0]\nexpected a string',
    ],
    [
      'a selector with a field nobody knows',
      { match: [{ resource: 'pods', selector: { labels: {} } }] },
      'unknown field(s): spec.match[0].selector.labels',
    ],
  ])('%s', (_title, members, expected) => {
    expect(errors(policyDocument(specWith(members))).join('\n\n')).toContain(expected);
  });

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'expected an object'],
    ['a text', 'policy', 'expected an object'],
    ['a list', [policyDocument(specWith({}))], 'expected an object'],
    ['no specification', policyDocument(undefined), 'missing field(s): spec'],
    ['a specification that is no object', policyDocument('**'), 'invalid value: **: spec\nexpected an object'],
    ['no version', { ...policyDocument(specWith({})), apiVersion: undefined }, unsupportedVersion],
    ['another version', { ...policyDocument(specWith({})), apiVersion: 'policy.sigstore.dev/v1' }, unsupportedVersion],
    [
      'another kind',
      { ...policyDocument(specWith({})), kind: 'ImagePolicy' },
      'invalid value: ImagePolicy: kind\nexpected ClusterImagePolicy',
    ],
    ['a field beside spec', { ...policyDocument(specWith({})), data: {} }, 'unknown field(s): data'],
    ['no name', policyDocument(specWith({}), ''), 'missing field(s): metadata.name'],
    ['no metadata', { ...policyDocument(specWith({})), metadata: undefined }, 'missing field(s): metadata.name'],
    ['a name with a line break', policyDocument(specWith({}), 'a\nb'), 'invalid value: a\\u{a}b: metadata.name'],
    ['a name in capitals', policyDocument(specWith({}), 'Mine'), 'invalid value: Mine: metadata.name'],
    ['a name in brackets', policyDocument(specWith({}), '(public-good)'), 'metadata.name'],
    ['a name of 254 letters', policyDocument(specWith({}), 'a'.repeat(254)), 'metadata.name'],
  ])('%s', (_title, document, expected) => {
    expect(errors(document).join('\n\n')).toContain(expected);
  });

  test('everything at once: equal complaints share a line, sorted by message and path', () => {
    const spec = { images: [{}, { glob: '?' }, {}], authorities: [{}, { static: { action: 'no' } }], mode: 'no', x: 1 };
    expect(errors(policyDocument(spec))).toEqual([
      'expected exactly one, got neither: spec.authorities[0].key, spec.authorities[0].keyless, spec.authorities[0].static',
      'invalid value: ?: spec.images[1].glob\nglob is invalid: invalid glob "?"',
      'invalid value: no: spec.authorities[1].static.action\nunsupported action',
      'invalid value: no: spec.mode\nunsupported mode',
      'missing field(s): spec.images[0].glob, spec.images[2].glob',
      'unknown field(s): spec.x',
    ]);
  });

  test('hostile values, cut and escaped', () => {
    const [error = ''] = errors(policyDocument(specWith({ mode: `\u001b[2J\u202e${'x'.repeat(10_000)}` })));
    expect(error).toContain('\\u{1b}[2J\\u{202e}');
    expect(error.length).toBeLessThan(400);
  });
});
