import { describe, expect, test } from 'vitest';
import { readSettings } from '../../../src/adapters/policies/settings.ts';

const settings = (data: unknown) => readSettings({ data }, 'deny');
const usual = { noMatch: 'deny', allowsNoAuthorities: false, compatibility: [], problems: [] };

test.each([[undefined], [null], [{}]])('%j: everything is as strict as it can be', (data) => {
  expect(settings(data)).toEqual(usual);
});

describe('reads', () => {
  test.each<[object, object]>([
    [{ 'no-match-policy': 'warn' }, { noMatch: 'warn' }],
    [{ 'no-match-policy': 'allow' }, { noMatch: 'allow' }],
    [{ 'fail-on-empty-authorities': 'false' }, { allowsNoAuthorities: true }],
    [{ 'fail-on-empty-authorities': 'true' }, { allowsNoAuthorities: false }],
    [{ compatibility: 'tag-globs' }, { compatibility: ['tag-globs'] }],
    [
      { compatibility: 'typemeta-of-pods,\n tag-globs tag-globs' },
      { compatibility: ['tag-globs', 'typemeta-of-pods'] },
    ],
    [{ compatibility: '' }, { compatibility: [] }],
    [{ _example: 'no-match-policy: allow' }, {}],
  ])('%j', (data, expected) => {
    expect(settings(data)).toEqual({ ...usual, ...expected });
  });
});

describe('tells of, and is strict about', () => {
  test.each<[object, string]>([
    [{ 'no-match-policy': 'Allow' }, 'no-match-policy is "Allow", expected deny, warn or allow'],
    [{ 'fail-on-empty-authorities': 'no' }, 'fail-on-empty-authorities is "no", expected true or false'],
    [{ 'fail-on-empty-authorities': false }, 'fail-on-empty-authorities is false, expected true or false'],
    [{ compatibility: 'everything' }, 'compatibility names "everything", expected tag-globs, '],
    [{ 'enable-oci11': 'true' }, 'there is no setting "enable-oci11"'],
  ])('%j', (data, message) => {
    expect(settings(data)).toMatchObject({ ...usual, problems: [{ message: expect.stringContaining(message) }] });
  });
});
