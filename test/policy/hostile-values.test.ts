import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkPolicyObject } from '../../src/policy/check-object.ts';
import { compilePolicy, noMaterials } from '../../src/policy/compile.ts';
import { lintPolicy } from '../../src/policy/lint.ts';
import { parsePolicyValue } from '../../src/policy/parse-documents.ts';
import { byKey, keyless, noSecrets, pass, policyDocument } from './kit.ts';

const whole = policyDocument({
  images: [{ glob: '**' }],
  mode: 'warn',
  match: [
    { resource: 'pods', selector: { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'a', operator: 'Exists' }] } },
  ],
  authorities: [
    pass,
    {
      ...byKey,
      name: 'a',
      source: [{ oci: 'ghcr.io', signaturePullSecrets: [{ name: 's' }] }],
      ctlog: { url: 'https://x' },
    },
    { ...keyless, rfc3161timestamp: { trustRootRef: 'x' }, attestations: [{ name: 'a', predicateType: 'b' }] },
    { key: { secretRef: { name: 's', namespace: 'n' } } },
  ],
});

/** Every way into the object, as keys. */
function pathsOf(value: unknown): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [[]];
  return [[], ...Object.entries(value).flatMap(([key, member]) => pathsOf(member).map((path) => [key, ...path]))];
}

function replaced(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by;
  if (Array.isArray(value))
    return value.map((item, index) => (String(index) === key ? replaced(item, rest, by) : item));
  const entries = Object.entries(Object(value)).map(([name, member]) => [
    name,
    name === key ? replaced(member, rest, by) : member,
  ]);
  return Object.fromEntries(entries);
}

const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.string({ unit: 'binary', maxLength: 50 }),
  fc.constantFrom(null, '', 0, [], {}, [[]], '__proto__', { __proto__: null }, { toString: 1 }, 'x'.repeat(10_000)),
);

/** What is made of an object: the reasons to refuse it, or nothing. */
function reasonsAgainst(object: unknown): readonly string[] {
  return parsePolicyValue(object, 'fuzz').flatMap((document) => {
    if (document.kind !== 'policy') return document.kind === 'problem' ? document.messages : ['another kind'];
    const { images, meaning } = compilePolicy(document.policy, { ...noMaterials, secret: noSecrets });
    const complete = images.length > 0 && meaning !== '' && lintPolicy(document.policy).length > 0;
    return complete ? [] : ['read, but not in full'];
  });
}

test('whatever stands in the place of whatever: it is read, or refused with reasons, and never an exception', () => {
  let read = 0;
  let refused = 0;
  fc.assert(
    fc.property(fc.constantFrom(...pathsOf(whole)), odd, (path, value) => {
      const object = replaced(whole, path, value);
      const reasons = reasonsAgainst(object);
      expect(reasons).not.toContain('read, but not in full');
      expect(checkPolicyObject(object, new Date(0)).refusal === undefined).toBe(reasons.length === 0);
      expect(reasonsAgainst(structuredClone(object))).toEqual(reasons);
      if (reasons.length === 0) read += 1;
      else refused += 1;
    }),
    { numRuns: 500 },
  );
  expect(Math.min(read, refused)).toBeGreaterThan(10);
});

test.each<[string, object]>([
  ['a hundred thousand globs', { images: Array.from({ length: 100_000 }, (_, i) => ({ glob: `a.example/${i}` })) }],
  ['ten thousand broken globs', { images: Array.from({ length: 10_000 }, () => ({ glob: '[' })) }],
  [
    'a hundred thousand identities',
    {
      authorities: Array.from({ length: 100 }, () => ({
        keyless: { identities: Array.from({ length: 1_000 }, () => ({ issuerRegExp: '.*', subjectRegExp: '.*' })) },
      })),
    },
  ],
  ['ten thousand authorities of no kind', { authorities: Array.from({ length: 10_000 }, () => ({})) }],
  ['a key of 5 MB', { authorities: [{ key: { data: 'x'.repeat(5_000_000) } }] }],
  [
    'a pattern of 5 MB',
    { authorities: [{ keyless: { identities: [{ issuer: 'a', subjectRegExp: '('.repeat(5_000_000) }] } }] },
  ],
  ['a glob of 5 MB', { images: [{ glob: '['.repeat(5_000_000) }] }],
  [
    'a type of 5 MB',
    { authorities: [{ ...byKey, attestations: [{ name: 'a', predicateType: 'x'.repeat(5_000_000), policy: {} }] }] },
  ],
  ['fields without number', Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`f${i}`, i]))],
])('refuses in a moment and in few words: %s', (_title, members) => {
  const document = policyDocument({ images: [{ glob: '**' }], authorities: [pass], ...members });
  const began = performance.now();
  const { refusal = '' } = checkPolicyObject(document, new Date(0));
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(refusal).toMatch(/^validation failed: /);
  expect(refusal.length).toBeLessThan(100_000);
});

test('a thousand identities and ten thousand globs are read in a moment', () => {
  const identities = Array.from({ length: 1_000 }, (_, i) => ({
    issuer: 'a',
    subjectRegExp: `^https://a\\.example/${i}$`,
  }));
  const images = Array.from({ length: 10_000 }, (_, i) => ({ glob: `a.example/${i}@*` }));
  const began = performance.now();
  const { refusal } = checkPolicyObject(
    policyDocument({ images, authorities: [{ keyless: { identities } }] }),
    new Date(0),
  );
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(refusal).toBeUndefined();
});

test('names of fields are cut and escaped like values', () => {
  const name = `\u001b[2J\n${'x'.repeat(5_000)}`;
  const { refusal = '' } = checkPolicyObject(policyDocument({ images: [], [name]: 1 }), new Date(0));
  expect(refusal).toContain('unknown field(s): spec.\\u{1b}[2J\\u{a}xxx');
  expect(refusal.length).toBeLessThan(600);
});
