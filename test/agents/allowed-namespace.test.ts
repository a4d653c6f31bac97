import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mayUseAgent } from '../../src/agents/allowed-namespace.ts';
import { matchesPathPattern, parsePathPattern } from '../../src/agents/path-pattern.ts';

const may = (allowedNamespaces: readonly string[], namespace: string): boolean =>
  mayUseAgent({ allowedNamespaces }, namespace);

const matches = (pattern: string, name: string): boolean | 'malformed' => {
  const parts = parsePathPattern(pattern);
  return parts === undefined ? 'malformed' : matchesPathPattern(parts, name);
};

test('an Agent without a list is for everybody', () => {
  expect(may([], 'anything')).toBe(true);
});

test('one pattern that matches is enough', () => {
  expect(may(['dev-*', 'staging'], 'staging')).toBe(true);
  expect(may(['dev-*', 'staging'], 'dev-team-a')).toBe(true);
});

test.each([
  [['dev-*', 'staging'], 'prod'],
  [['dev-*'], 'dev'],
  [['dev-*'], 'my-dev-a'],
  [['staging'], 'staging-2'],
  [['staging'], 'STAGING'],
  [[''], 'a'],
  [['['], 'a'],
  [['[a'], 'a'],
  [['a['], 'a'],
  [['a\\'], 'a'],
  [['[]'], 'a'],
  [['[^]'], 'a'],
  [['dev-{a,b}'], 'dev-a'],
  [['!prod'], 'dev'],
  [['^dev'], 'dev'],
  [['.*'], 'dev'],
])('%j keeps %s out', (patterns, namespace) => {
  expect(may(patterns, namespace)).toBe(false);
});

test('a malformed pattern spoils none of the others', () => {
  expect(may(['[', 'dev'], 'dev')).toBe(true);
});

// Cases of path/filepath's own tests, on Unix.
describe('filepath.Match', () => {
  const table: readonly (readonly [string, string, boolean | 'malformed'])[] = [
    ['abc', 'abc', true],
    ['*', 'abc', true],
    ['*c', 'abc', true],
    ['a*', 'a', true],
    ['a*', 'abc', true],
    ['a*', 'ab/c', false],
    ['a*/b', 'abc/b', true],
    ['a*/b', 'a/c/b', false],
    ['a*b*c*d*e*/f', 'axbxcxdxe/f', true],
    ['a*b*c*d*e*/f', 'axbxcxdxexxx/f', true],
    ['a*b*c*d*e*/f', 'axbxcxdxe/xxx/f', false],
    ['a*b*c*d*e*/f', 'axbxcxdxexxx/fff', false],
    ['a*b?c*x', 'abxbbxdbxebxczzx', true],
    ['a*b?c*x', 'abxbbxdbxebxczzy', false],
    ['ab[c]', 'abc', true],
    ['ab[b-d]', 'abc', true],
    ['ab[e-g]', 'abc', false],
    ['ab[^c]', 'abc', false],
    ['ab[^b-d]', 'abc', false],
    ['ab[^e-g]', 'abc', true],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'ab', false],
    ['a?b', 'a☺b', true],
    ['a[^a]b', 'a☺b', true],
    ['a???b', 'a☺b', false],
    ['a[^a][^a][^a]b', 'a☺b', false],
    ['[a-ζ]*', 'α', true],
    ['*[a-ζ]', 'A', false],
    ['a?b', 'a/b', false],
    ['a*b', 'a/b', false],
    ['[\\]a]', ']', true],
    ['[\\-]', '-', true],
    ['[x\\-]', 'x', true],
    ['[x\\-]', '-', true],
    ['[x\\-]', 'z', false],
    ['[\\-x]', 'x', true],
    ['[\\-x]', 'a', false],
    ['[]a]', ']', 'malformed'],
    ['[-]', '-', 'malformed'],
    ['[x-]', 'x', 'malformed'],
    ['[-x]', 'x', 'malformed'],
    ['\\', 'a', 'malformed'],
    ['[a-b-c]', 'a', 'malformed'],
    ['[', 'a', 'malformed'],
    ['[^', 'a', 'malformed'],
    ['[^bc', 'a', 'malformed'],
    ['a[', 'a', 'malformed'],
    ['a[', 'ab', 'malformed'],
    ['a[', 'x', 'malformed'],
    ['a/b[', 'x', 'malformed'],
    ['*x', 'xxx', true],
  ];
  test.each(table)('%s on %s: %j', (pattern, name, wanted) => {
    expect(matches(pattern, name)).toBe(wanted);
  });
});

const literally = (char: string): string => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;

/** As a regular expression, which backtracks. */
function matchesAsExpression(pattern: string, name: string): boolean {
  const source = pattern.replaceAll(/\\(.)|\[[^\]]*\]|[*?]|[^*?]/gs, (piece, escaped: string | undefined) => {
    if (escaped !== undefined) return literally(escaped);
    if (piece === '*') return '[^/]*';
    if (piece === '?') return '[^/]';
    return piece.length > 1 ? piece : literally(piece);
  });
  return new RegExp(`^${source}$`, 'su').test(name);
}

describe('against a second implementation', () => {
  const piece = fc.constantFrom('a', 'b', '-', '*', '?', '[ab]', '[^a]', '[a-c]', '\\a', '\\*', '**');
  const pattern = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
  const name = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '-', '*'), maxLength: 10 });

  test('every well-formed pattern says the same', () => {
    fc.assert(
      fc.property(pattern, name, (written, text) => {
        expect(matches(written, text)).toBe(matchesAsExpression(written, text));
      }),
      { numRuns: 2000 },
    );
  });

  test('a name matches itself when it is escaped', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(matches(text.replaceAll(/[*?[\]\\^-]/g, '\\$&'), text)).toBe(true);
      }),
    );
  });

  test('nothing falls over, whatever is written', () => {
    fc.assert(
      fc.property(fc.string(), name, (written, text) => {
        expect([true, false, 'malformed']).toContain(matches(written, text));
      }),
    );
  });
});

test('a pattern that makes others backtrack for ever takes no time', () => {
  const started = performance.now();
  expect(matches(`${'*a'.repeat(120)}b`, 'a'.repeat(253))).toBe(false);
  expect(matches(`${'*?[a-z]'.repeat(35)}!`, 'a'.repeat(253))).toBe(false);
  expect(performance.now() - started).toBeLessThan(5_000);
});
