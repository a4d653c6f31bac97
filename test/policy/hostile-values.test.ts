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
