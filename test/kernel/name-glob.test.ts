import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Glob } from '../../src/kernel/glob.ts';
import { compileNameGlob, coversNames } from '../../src/kernel/name-glob.ts';

function glob(source: string): Glob {
  const compiled = compileNameGlob(source);
  if (!compiled.ok) throw new Error(compiled.problem);
  return compiled.value;
}

test.each([
  ['production', 'production', true],
  ['team-*', 'team-a', true],
  ['team-*', 'team-', true],
  ['*', 'production', true],
  ['*', 'a.b', true],
  ['*-sa', 'git-clone-sa', true],
  ['a*b*c', 'abc', true],
  ['**', 'x', true],
  ['production', 'production-2', false],
  ['production', 'Production', false],
  ['team-*', 'my-team-a', false],
  ['a.b', 'axb', false],
  // What a star must never reach over.
  ['*', '', false],
  ['team-*', 'team-a,kube-system', false],
  ['team-*', 'team-a kube-system', false],
  ['team-*', 'team-a\nkube-system', false],
  ['team-*', 'team-a/kube-system', false],
  ['*', 'ÿ', false],
  ['*', '*', false],
])('%s matches %j: %s', (source, name, expected) => {
  expect(glob(source).matches(name)).toBe(expected);
});

describe('refuses', () => {
  test.each(['', 'A', 'a b', 'a/b', 'a,b', 'a?', '[ab]', 'a\n', 'a'.repeat(254), '*a'.repeat(17)])('%j', (source) => {
    expect(compileNameGlob(source).ok).toBe(false);
  });
});

test.each([
  ['*', 'team-*', true],
  ['*', '*', true],
  ['team-*', 'team-a', true],
  ['team-*', 'team-a*', true],
  ['team-*', 'team-*', true],
  ['t*-*', 'team-*', true],
  ['team-*', '*', false],
  ['team-*', 'team*', false],
  ['team-a', 'team-*', false],
  ['*a', 'a*', false],
])('%s covers %s: %s', (wide, narrow, expected) => {
  expect(coversNames(glob(wide), glob(narrow))).toBe(expected);
});

test('what covers matches everything that is matched', () => {
  const sources = fc.stringMatching(/^[ab*]{1,5}$/);
  const names = fc.stringMatching(/^[ab]{1,6}$/);
  fc.assert(
    fc.property(sources, sources, names, (wide, narrow, name) => {
      fc.pre(coversNames(glob(wide), glob(narrow)) && glob(narrow).matches(name));
      expect(glob(wide).matches(name)).toBe(true);
    }),
    { numRuns: 500 },
  );
});
