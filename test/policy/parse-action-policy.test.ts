import { describe, expect, test } from 'vitest';
import { parseActionPolicy } from '../../src/policy/parse-action-policy.ts';
import { actionDocument, actionPolicy } from './action-kit.ts';

const images = [{ glob: 'ghcr.io/acme/actions/**' }];
const exception = {
  images: ['ghcr.io/acme/actions/legacy@*'],
  reason: 'rewritten in March',
  owner: 'team-a',
  expires: '2027-01-31T00:00:00Z',
};

/** What is said about a document: empty when it is read. */
function problemsOf(document: unknown): readonly string[] {
  const parsed = parseActionPolicy(document);
  return parsed.ok ? [] : parsed.failure;
}

function problemsOfSpec(members: object): readonly string[] {
  return problemsOf(actionDocument({ images, ...members }));
}

const sources = (globs: readonly { readonly source: string }[] | undefined) => globs?.map(({ source }) => source);

describe('an ActionPolicy', () => {
  test('that says nothing but its images is as strict as can be', () => {
    const { images: globs, ...policy } = actionPolicy({ images });
    expect(sources(globs)).toStrictEqual(['ghcr.io/acme/actions/**']);
    expect(policy).toStrictEqual({
      name: 'actions',
      mode: 'enforce',
      contract: { required: true, onConflict: 'Deny' },
      digests: { require: true, resolve: 'All' },
      podSecurity: 'restricted',
      serviceAccounts: { from: 'Contract' },
      exceptions: [],
    });
  });

  test.each<object>([
    { contract: {}, digests: {}, serviceAccounts: {}, exceptions: [] },
    { contract: null, digests: null, serviceAccounts: null, exceptions: null, namespaces: null, targets: null },
    {
      mode: '',
      podSecurity: '',
      contract: { onConflict: '' },
      digests: { resolve: '' },
      serviceAccounts: { from: '' },
    },
  ])('has the same defaults where it says nothing in more words: %j', (members) => {
    const { images: _globs, ...policy } = actionPolicy({ images, ...members });
    const { images: _others, ...shortest } = actionPolicy({ images });
    expect(policy).toStrictEqual(shortest);
  });

  test('with everything in it is read', () => {
    const policy = actionPolicy({
      images,
      mode: 'audit',
      namespaces: { allow: ['kubernaut-*'] },
      targets: { allow: ['production', 'team-*'] },
      contract: { required: false, onConflict: 'Override' },
      digests: { require: false, resolve: 'Never' },
      podSecurity: 'privileged',
      serviceAccounts: { from: 'Workload', allow: ['*-sa'] },
      exceptions: [{ ...exception, namespaces: ['lab'] }],
    });
    expect(policy).toMatchObject({
      mode: 'audit',
      contract: { required: false, onConflict: 'Override' },
      digests: { require: false, resolve: 'Never' },
      podSecurity: 'privileged',
      exceptions: [{ reason: 'rewritten in March', owner: 'team-a', expires: new Date('2027-01-31T00:00:00Z') }],
    });
    expect(sources(policy.namespaces)).toStrictEqual(['kubernaut-*']);
    expect(sources(policy.targets)).toStrictEqual(['production', 'team-*']);
    expect(sources(policy.serviceAccounts.allow)).toStrictEqual(['*-sa']);
    expect(sources(policy.exceptions[0]?.images)).toStrictEqual(exception.images);
    expect(sources(policy.exceptions[0]?.namespaces)).toStrictEqual(['lab']);
  });

  test('with an empty allowlist allows nothing, which is not the same as no list', () => {
    const { namespaces, targets, serviceAccounts } = actionPolicy({
      namespaces: { allow: [] },
      targets: { allow: [] },
      serviceAccounts: { allow: [] },
    });
    expect([namespaces, targets, serviceAccounts.allow]).toStrictEqual([[], [], []]);
  });

  test.each([
    '2027-01-31T00:00:00Z',
    '2027-01-31T00:00:00.123456789Z',
    '2027-01-31T02:00:00+02:00',
    '2028-02-29T12:00:00Z',
  ])('takes %s for a time', (expires) => {
    expect(problemsOfSpec({ exceptions: [{ ...exception, expires }] })).toStrictEqual([]);
  });

  test.each<[string, object, string]>([
    ['no images', { images: [] }, 'missing field(s): spec.images'],
    ['images without glob', { images: [{}] }, 'missing field(s): spec.images[0].glob'],
    ['a glob that is none', { images: [{ glob: 'a b' }] }, 'invalid value: a b: spec.images[0].glob\n'],
    ['an image with more than a glob', { images: [{ glob: '**', tag: 'x' }] }, 'unknown field(s): spec.images[0].tag'],
    ['a mode in capitals', { mode: 'Enforce' }, 'invalid value: Enforce: spec.mode\nexpected enforce, warn, audit'],
    ['a mode that is no text', { mode: true }, 'invalid value: true: spec.mode\nexpected a string'],
    ['a level that is none', { podSecurity: 'strict' }, 'invalid value: strict: spec.podSecurity\nexpected restricted'],
    ['a contract as a text', { contract: 'x' }, 'invalid value: x: spec.contract\nexpected an object'],
    ['namespaces without a list', { namespaces: {} }, 'missing field(s): spec.namespaces.allow'],
    ['targets with deny', { targets: { allow: [], deny: ['a'] } }, 'unknown field(s): spec.targets.deny'],
    ['a list as a text', { targets: { allow: 'a' } }, 'invalid value: a: spec.targets.allow\nexpected a list'],
    ['a namespace in capitals', { namespaces: { allow: ['Prod'] } }, 'invalid value: Prod: spec.namespaces.allow[0]\n'],
    ['an empty name', { namespaces: { allow: ['a', ''] } }, 'invalid value: : spec.namespaces.allow[1]\n'],
    ['a number for a name', { targets: { allow: [7] } }, 'invalid value: 7: spec.targets.allow[0]\nexpected a string'],
    [
      'a text for a flag',
      { contract: { required: 'false' } },
      'invalid value: false: spec.contract.required\nexpected t',
    ],
    [
      'a conflict in lower case',
      { contract: { onConflict: 'deny' } },
      'invalid value: deny: spec.contract.onConflict\n',
    ],
    ['an unknown contract field', { contract: { optional: true } }, 'unknown field(s): spec.contract.optional'],
    [
      'a resolution that is none',
      { digests: { resolve: 'all' } },
      'invalid value: all: spec.digests.resolve\nexpected All',
    ],
    [
      'an account source that is none',
      { serviceAccounts: { from: 'Pod' } },
      'invalid value: Pod: spec.serviceAccounts.from',
    ],
    ['an unknown field', { podsecurity: 'baseline' }, 'unknown field(s): spec.podsecurity'],
    [
      'an exception without images',
      { exceptions: [{ ...exception, images: [] }] },
      'missing field(s): spec.exceptions[0].images',
    ],
    [
      'an exception for no namespace',
      { exceptions: [{ ...exception, namespaces: [] }] },
      'missing field(s): spec.exceptions[0].namespaces',
    ],
    [
      'an exception without reason',
      { exceptions: [{ ...exception, reason: '' }] },
      'missing field(s): spec.exceptions[0].reason',
    ],
    [
      'an exception without owner',
      { exceptions: [{ ...exception, owner: null }] },
      'missing field(s): spec.exceptions[0].owner',
    ],
    [
      'an exception without end',
      { exceptions: [{ ...exception, expires: null }] },
      'missing field(s): spec.exceptions[0].expires',
    ],
    [
      'an exception of more',
      { exceptions: [{ ...exception, until: 'x' }] },
      'unknown field(s): spec.exceptions[0].until',
    ],
    ['one exception and no list', { exceptions: exception }, 'invalid value: {'],
    ...['2027-01-31', 'tomorrow', '2027-02-30T00:00:00Z', '2027-13-01T00:00:00Z', '2027-01-31T00:00:00', '9'].map(
      (expires): [string, object, string] => [
        `an exception until ${expires}`,
        { exceptions: [{ ...exception, expires }] },
        `invalid value: ${expires}: spec.exceptions[0].expires\nexpected a time such as`,
      ],
    ),
  ])('with %s is refused, with the field', (_title, members, problem) => {
    expect(problemsOfSpec(members)).toStrictEqual([expect.stringContaining(problem)]);
  });

  test.each<[string, unknown, string]>([
    ['nothing', null, 'expected an object'],
    ['a list', [], 'expected an object'],
    ['no spec', { ...actionDocument({}), spec: undefined }, 'missing field(s): spec'],
    [
      'another version',
      { ...actionDocument({ images }), apiVersion: 'countersign.dev/v1' },
      'invalid value: countersign.dev/v1: apiVersion',
    ],
    ['another kind', { ...actionDocument({ images }), kind: 'Policy' }, 'invalid value: Policy: kind'],
    ['no name', { ...actionDocument({ images }), metadata: {} }, 'missing field(s): metadata.name'],
    ['a field beside spec', { ...actionDocument({ images }), specs: {} }, 'unknown field(s): specs'],
  ])('that is %s is refused', (_title, document, problem) => {
    expect(problemsOf(document).join('\n')).toContain(problem);
  });

  test('is refused with everything that is wrong with it at once', () => {
    const problems = problemsOfSpec({ mode: 'x', targets: {}, contract: { onConflict: 'y' }, exceptions: [{}] });
    expect(problems.join('\n')).toBe(
      [
        'invalid value: x: spec.mode\nexpected enforce, warn, audit',
        'invalid value: y: spec.contract.onConflict\nexpected Deny, Override',
        'missing field(s): spec.exceptions[0].expires, spec.exceptions[0].images, spec.exceptions[0].owner, spec.exceptions[0].reason, spec.targets.allow',
      ].join('\n'),
    );
  });
});
