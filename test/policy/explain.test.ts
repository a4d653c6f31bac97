import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileGlob, globMatchesImage } from '../../src/kernel/glob.ts';
import { explain, globNote } from '../../src/policy/explain.ts';
import { byKey, imageOf, pass, pinned, policyFor, policyOf, snapshotOf } from './kit.ts';

const orgPolicy = policyOf(
  {
    images: [{ glob: 'ghcr.io/org/**' }, { glob: 'ghcr.io/org/app' }],
    authorities: [byKey],
    mode: 'warn',
    match: [{ group: 'apps', version: 'v1', resource: 'deployments' }, { version: 'v1', resource: 'pods' }, {}],
  },
  'org',
);

test('tells of every policy whether it matches, by which glob, and why another never can', () => {
  const snapshot = snapshotOf([orgPolicy, policyFor([pass, { key: { kms: 'gcpkms://x' } }], 'all')]);
  expect(explain(snapshot, pinned('ghcr.io/org/app'))).toEqual([
    {
      name: 'all',
      kind: 'ClusterImagePolicy',
      matches: true,
      mode: 'enforce',
      globs: [{ glob: '**', matches: true }],
      notReady: ['authority-1: it is not looked up here'],
    },
    {
      name: 'org',
      kind: 'ClusterImagePolicy',
      matches: true,
      mode: 'warn',
      globs: [
        { glob: 'ghcr.io/org/**', matches: true },
        { glob: 'ghcr.io/org/app', matches: false, note: expect.stringContaining('write ghcr.io/org/app@*') as string },
      ],
      onlyFor: ['deployments.apps', 'pods', '(no resource: nothing)'],
    },
  ]);
});

test('an image that nothing matches', () => {
  expect(explain(snapshotOf([orgPolicy]), imageOf('quay.io/a/b:v1'))).toMatchObject([{ name: 'org', matches: false }]);
  expect(explain(snapshotOf([]), imageOf('quay.io/a/b:v1'))).toEqual([]);
});

test('a glob of which it is said that it never matches never matches', () => {
  const piece = fc.constantFrom(
    'nginx',
    'docker.io',
    'ghcr.io',
    '/',
    '*',
    '**',
    ':',
    'v1',
    'V1',
    '@',
    'sha256:',
    '5'.repeat(64),
  );
  const names = ['nginx', 'ghcr.io/nginx', 'ghcr.io/nginx/v1', 'docker.io/v1/nginx', 'nginx.io/a/nginx'].flatMap(
    (name) => [
      imageOf(name),
      imageOf(`${name}:v1`),
      imageOf(`${name}:V1`),
      imageOf(`${name}@sha256:${'5'.repeat(64)}`),
      imageOf(`${name}:v1@sha256:${'5'.repeat(64)}`),
    ],
  );
  const isNever = (source: string) => globNote({ source }) !== undefined;
  fc.assert(
    fc.property(
      fc.array(piece, { minLength: 1, maxLength: 7 }).map((parts) => parts.join('')),
      (source) => {
        const compiled = compileGlob(source);
        if (!compiled.ok) throw new Error(compiled.problem);
        const matched = names.some((name) => globMatchesImage(compiled.value, name));
        expect(matched && isNever(source)).toBe(false);
      },
    ),
    { numRuns: 2_000 },
  );
});
