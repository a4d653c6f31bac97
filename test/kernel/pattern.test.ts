import { describe, expect, test } from 'vitest';
import { compilePattern } from '../../src/kernel/pattern.ts';

function matches(source: string, text: string): boolean {
  const compiled = compilePattern(source);
  if (!compiled.ok) throw new Error(compiled.problem);
  return compiled.value.matches(text);
}

describe('matches as Go does', () => {
  test.each([
    ['anywhere in the text', 'hub', 'https://github.com', true],
    ['only from end to end when anchored', '^hub$', 'https://github.com', false],
    ['an unescaped dot is any character', 'github.com', 'https://github-com', true],
    ['an escaped dot is a dot', 'github\\.com', 'https://github-com', false],
    ['case by flag', '(?i)GITHUB', 'github', true],
    ['case without the flag', 'GITHUB', 'github', false],
    ['\\z as the end', 'a\\z', 'a', true],
    ['$ is the end of the text, not of a line', 'a$', 'a\nb', false],
    ['$ does not step over a last line break', 'a$', 'a\n', false],
    ['^ is the beginning of the text, not of a line', '^b', 'a\nb', false],
    ['lines by flag', '(?m)^b', 'a\nb', true],
    ['a dot is no line break', 'a.b', 'a\nb', false],
    ['alternatives are weaker than anchors', '^a|b$', 'xxb', true],
    ['alternatives in a group', '^(a|b)$', 'xxb', false],
    ['nothing matches everything', '', 'x', true],
    ['classes by POSIX name', '^[[:alpha:]]+$', 'abc', true],
    ['named groups', '(?P<who>me)', 'me', true],
  ])('%s: /%s/ on %j: %s', (_title, source, text, expected) => {
    expect(matches(source, text)).toBe(expected);
  });
});

describe('refuses', () => {
  test.each([
    ['nothing to repeat', '*', 'missing argument to repetition operator'],
    ['an open group', '(a', 'missing closing )'],
    ['an open class', '[a', 'missing closing ]'],
    ['a look-ahead', '(?=a)', 'invalid'],
    ['a negative look-ahead', '^(?!evil)', 'invalid'],
    ['a look-behind', '(?<=a)b', 'invalid'],
    ['a back reference', '(a)\\1', 'invalid escape'],
    ['an atomic group', '(?>a)', 'invalid'],
    ['a repetition beyond 1,000', 'a{1001}', 'invalid repeat'],
    ['repetitions of repetitions beyond 1,000', '((a{100}){100}){100}', 'invalid repeat'],
    ['10 kB', 'a'.repeat(10_000), 'longer than 4096'],
  ])('%s', (_title, source, problem) => {
    const compiled = compilePattern(source);
    expect(compiled.ok ? 'compiled' : compiled.problem).toContain(problem);
  });

  test('with a problem that is safe to print', () => {
    const compiled = compilePattern('(\u202e\n');
    expect(compiled.ok ? '' : compiled.problem).not.toMatch(/[\u202e\n]/);
  });
});

test.each([
  ['(a+)+$', `${'a'.repeat(5_000)}!`],
  ['(a|aa)+$', `${'a'.repeat(5_000)}!`],
  ['(.*)*x', 'a'.repeat(5_000)],
  ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'.repeat(5_000)],
  ['(x+x+)+y', 'x'.repeat(5_000)],
])('a pattern that explodes in JavaScript ends at once: /%s/', (source, text) => {
  const start = performance.now();
  expect(matches(source, text)).toBe(false);
  expect(performance.now() - start).toBeLessThan(5_000);
});
