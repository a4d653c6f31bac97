import { expect, test } from 'vitest';
import type { SignatureFact, Signer } from '../../src/policy/facts.ts';
import type { Question } from '../../src/policy/question.ts';
import { plan } from '../../src/policy/plan.ts';
import { satisfies } from '../../src/policy/satisfies.ts';
import { byKey, pinned, pod, policyFor, snapshotOf } from './kit.ts';

const issuer = 'https://issuer.example';
const signer = (members: object = {}): Signer => ({
  kind: 'certificate',
  issuer,
  subjects: ['https://github.com/org/app/.github/workflows/w.yaml@refs/heads/main'],
  extensions: {},
  ...members,
});

function factOf(by: Signer, members: object = {}): SignatureFact {
  return { verified: true, format: 'bundle', type: 'signature', signer: by, annotations: {}, ...members };
}

function questionOf(authority: unknown): Question {
  const [question] = plan(snapshotOf([policyFor([authority])]), pinned('ghcr.io/org/app'), pod).questions;
  if (question === undefined) throw new Error('nothing is asked');
  return question;
}

const wanted = (...identities: object[]): Question => questionOf({ keyless: { identities } });

const subject = 'https://github.com/org/app/.github/workflows/w.yaml@refs/heads/main';

test.each<[string, object, Signer, boolean]>([
  ['issuer and subject as they stand', { issuer, subject }, signer(), true],
  ['another issuer', { issuer: 'https://other', subject }, signer(), false],
  ['an issuer with a slash more', { issuer: `${issuer}/`, subject }, signer(), false],
  ['an issuer in capitals', { issuer: issuer.toUpperCase(), subject }, signer(), false],
  ['another branch', { issuer, subject: subject.replace('main', 'dev') }, signer(), false],
  ['the beginning of the subject', { issuer, subject: 'https://github.com/org/' }, signer(), false],
  ['a star at the end: everything below', { issuer, subject: 'https://github.com/org/*' }, signer(), true],
  ['a star below another name', { issuer, subject: 'https://github.com/orga/*' }, signer(), false],
  ['a star below a longer name', { issuer, subject: 'https://github.com/org/app2/*' }, signer(), false],
  ['a star that nothing follows', { issuer, subject: `${subject}/*` }, signer({ subjects: [`${subject}/`] }), false],
  ['a star for a whole host', { issuer, subject: 'https://github.com/*' }, signer(), false],
  ['a star for everything', { issuer, subject: '*' }, signer(), false],
  ['a star without a slash', { issuer, subject: 'https://github.com/org*' }, signer(), false],
  ['a star in the middle', { issuer, subject: 'https://github.com/*/app/*' }, signer(), false],
  ['a star in another host', { issuer, subject: 'https://evil/github.com/org/*' }, signer(), false],
  [
    'a star for an issuer',
    { issuer: 'https://issuer.example/a/*', subject },
    signer({ issuer: 'https://issuer.example/a/b' }),
    false,
  ],
  ['a pattern anywhere in the text', { issuer, subjectRegExp: 'github' }, signer(), true],
  ['a pattern from end to end', { issuer, subjectRegExp: '^https://github\\.com/org/.*$' }, signer(), true],
  [
    'a pattern from end to end that ends early',
    { issuer, subjectRegExp: '^https://github\\.com/org/$' },
    signer(),
    false,
  ],
  ['a pattern does not mind its case', { issuer, subjectRegExp: '(?i)^HTTPS://GITHUB' }, signer(), true],
  ['a pattern for the issuer', { issuerRegExp: '^https://issuer\\.', subject }, signer(), true],
  ['a pattern for the issuer that fits the subject alone', { issuerRegExp: 'github', subject }, signer(), false],
  [
    'an anchored pattern and a subject that continues in a second line',
    { issuer, subjectRegExp: '^me$' },
    signer({ subjects: ['me\nyou'] }),
    false,
  ],
  ['the second of several names', { issuer, subject: 'me' }, signer({ subjects: ['you', 'me'] }), true],
  ['no name at all', { issuer, subjectRegExp: '.*' }, signer({ subjects: [] }), false],
  ['no issuer in the certificate', { issuerRegExp: '.+', subject }, signer({ issuer: '' }), false],
  ['a key', { issuer, subject }, { kind: 'key', fingerprint: '00' }, false],
])('identity: %s', (_title, identity, by, expected) => {
  expect(satisfies(wanted(identity), factOf(by))).toBe(expected);
});

test('any of several identities, but not the issuer of one with the subject of another', () => {
  const question = wanted({ issuer: 'https://a', subject: 'me' }, { issuer: 'https://b', subject: 'you' });
  expect(satisfies(question, factOf(signer({ issuer: 'https://b', subjects: ['you'] })))).toBe(true);
  expect(satisfies(question, factOf(signer({ issuer: 'https://a', subjects: ['you'] })))).toBe(false);
});

test('what is not proven, and what is no signature, satisfies nothing', () => {
  const question = wanted({ issuer, subject });
  expect(satisfies(question, factOf(signer(), { type: 'attestation' }))).toBe(false);
  const rejected = {
    verified: false,
    format: 'bundle',
    type: 'signature',
    code: 'TLOG_INVALID',
    message: 'no',
  } as const;
  expect(satisfies(question, rejected)).toBe(false);
});

test('a key question wants a key', () => {
  const question = questionOf(byKey);
  expect(satisfies(question, factOf({ kind: 'key', fingerprint: '00' }))).toBe(true);
  expect(satisfies(question, factOf(signer()))).toBe(false);
  expect(satisfies(question, factOf({ kind: 'key', fingerprint: '00' }, { type: 'attestation' }))).toBe(false);
});
