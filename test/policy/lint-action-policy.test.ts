import { expect, test } from 'vitest';
import { lintActionPolicy } from '../../src/policy/lint-action-policy.ts';
import { actionPolicy } from './action-kit.ts';

const now = new Date('2026-06-01T00:00:00Z');
const images = [{ glob: 'ghcr.io/acme/actions/**' }];
const exception = { images: ['ghcr.io/acme/actions/a@*'], reason: 'r', owner: 'o', expires: '2026-06-01T00:00:01Z' };

const lint = (members: object) => lintActionPolicy(actionPolicy({ images, ...members }), now);

test.each([
  {},
  { exceptions: [exception], digests: { resolve: 'PodsOnly' }, podSecurity: 'baseline', contract: { required: false } },
  { namespaces: { allow: ['a'] }, targets: { allow: ['b'] }, serviceAccounts: { allow: ['*-sa'] } },
])('says nothing about %j', (members) => {
  expect(lint(members)).toStrictEqual([]);
});

test.each<[object, string]>([
  [
    { images: [{ glob: '**' }] },
    'spec.images[0].glob "**" is every image of every registry, and each of them needs a contract',
  ],
  [{ images: [{ glob: 'ghcr.io/acme/x' }] }, 'spec.images[0].glob "ghcr.io/acme/x" never matches'],
  [{ images: [{ glob: 'ghcr.io/acme/x:v1' }] }, 'selects by tag'],
  [{ podSecurity: 'privileged' }, 'spec.podSecurity: privileged is no floor'],
  [{ digests: { resolve: 'Never', require: false } }, 'spec.digests: with resolve Never and without require'],
  [{ digests: { resolve: 'Never' } }, 'every image that is written with a tag is refused'],
  [
    { contract: { required: false }, targets: { allow: ['a'] } },
    'spec.contract.required: of an image without contract',
  ],
  [{ namespaces: { allow: [] } }, 'spec.namespaces.allow: an empty list allows nothing'],
  [{ serviceAccounts: { allow: [] } }, 'spec.serviceAccounts.allow: an empty list allows nothing'],
  [
    { exceptions: [exception, { ...exception, expires: '2026-06-01T00:00:00Z' }] },
    'spec.exceptions[1].expires: it no longer counts since 2026-06-01T00:00:00.000Z; take it out or renew it',
  ],
  [{ exceptions: [{ ...exception, images: ['**'] }] }, 'spec.exceptions[0].images[0] "**" takes the policy away'],
  [{ exceptions: [{ ...exception, images: ['ghcr.io/acme/a:v1'] }] }, 'never matches: exceptions go by the digest'],
])('warns of %j', (members, warning) => {
  expect(lint(members)).toStrictEqual([expect.stringContaining(warning)]);
});
