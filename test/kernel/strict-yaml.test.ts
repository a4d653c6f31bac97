import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { parseStrictYaml } from '../../src/kernel/strict-yaml.ts';

const limits = { characters: 100_000, documents: 10 };

function values(text: string): readonly unknown[] {
  const stream = parseStrictYaml(text, limits);
  if (!stream.ok) throw new Error(stream.problem);
  return stream.documents.map((document) => (document.ok ? document.value : { problem: document.problem }));
}

function problem(text: string): string {
  const stream = parseStrictYaml(text, limits);
  if (!stream.ok) return stream.problem;
  return stream.documents.flatMap((document) => (document.ok ? [] : [document.problem])).join();
}

describe('core schema of YAML 1.2', () => {
  test.each([
    [
      'no is a text, and so are its relatives',
      'a: [no, yes, on, off, y, n]',
      { a: ['no', 'yes', 'on', 'off', 'y', 'n'] },
    ],
    ['also when the document asks for YAML 1.1', '%YAML 1.1\n---\na: no', { a: 'no' }],
    ['true and false', 'a: [true, False, TRUE]', { a: [true, false, true] }],
    ['numbers', 'a: [1, 0x10, 0o10, 010, 1e3]', { a: [1, 16, 8, 10, 1000] }],
    ['no base-60 numbers', 'a: 22:30', { a: '22:30' }],
    ['a version is a number unless quoted', 'a: 1.10\nb: "1.10"', { a: 1.1, b: '1.10' }],
    ['dates are texts', 'a: 2026-01-01', { a: '2026-01-01' }],
    ['nothing', 'a:\nb: ~\nc: null', { a: null, b: null, c: null }],
    ['tags of the core schema', 'a: !!str 1\nb: !!int "1"', { a: '1', b: 1 }],
    ['<< is a key like others', 'a: &a {x: 1}\nb: {<<: *a}', { a: { x: 1 }, b: { '<<': { x: 1 } } }],
    ['an alias is what it stands for', 'a: &a [1]\nb: *a', { a: [1], b: [1] }],
    ['JSON', '{"a":\t[1,\n"b\\u00e4"]}', { a: [1, 'bä'] }],
    ['a key named __proto__ is a key', '{"__proto__": 1}', JSON.parse('{"__proto__": 1}')],
  ])('%s', (_title, text, expected) => {
    expect(values(text)).toEqual([expected]);
  });

  test('several documents, one of them broken', () => {
    expect(values('a: 1\n---\na: [\n---\na: 2\n')).toEqual([
      { a: 1 },
      { problem: expect.stringContaining('line') },
      { a: 2 },
    ]);
    expect(values('# nothing\n')).toEqual([]);
    expect(values('---\n---\na: 1\n')).toEqual([null, { a: 1 }]);
  });
});

describe('as kubectl reads it', () => {
  const spoken = (text: string): unknown => {
    const stream = parseStrictYaml(text, limits, 'kubectl');
    const [document] = stream.ok ? stream.documents : [stream];
    return document?.ok === true ? document.value : document?.problem;
  };

  // test/manifests/yaml-of-kubectl.test.ts asks kubectl the same.
  test.each([
    ['octal numbers, old and new', 'a: [0400, 0o400, -010, 0_4]', { a: [256, 256, -8, 4] }],
    ['decimal numbers', 'a: [400, +7, 1_000, 0899, 010.5]', { a: [400, 7, 1000, 899, 10.5] }],
    ['other numbers', 'a: [0x10, 0b11, 1e3]', { a: [16, 3, 1000] }],
    ['what is in quotes is a text', `a: ["0400", 'yes']`, { a: ['0400', 'yes'] }],
    ['words for true', 'a: [true, yes, Yes, on, y, Y]', { a: [true, true, true, true, true, true] }],
    ['words for false', 'a: [no, NO, off, n]', { a: [false, false, false, false] }],
    ['also when the document asks for YAML 1.2', '%YAML 1.2\n---\na: 0400', { a: 256 }],
    ['dates and times are texts', 'a: [2030-01-01, 22:30]', { a: ['2030-01-01', '22:30'] }],
    ['<< brings in members', 'a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}', { a: { x: 1, true: 2 }, b: { x: 3, true: 2 } }],
    ['<< brings in a list of maps', 'a: &a {x: 1}\nb: {<<: [*a, {z: 1}]}', { a: { x: 1 }, b: { x: 1, z: 1 } }],
    ['<< of a text', 'a: {<<: x}', '<< brings in something else than a map at line 1, column 5'],
    ['<< of a list of texts', 'a: {<<: [x]}', '<< brings in something else than a map at line 1, column 5'],
    ['<< twice', 'a: &a {}\nb: {<<: *a, <<: *a}', 'the key "<<" occurs twice at line 2, column 13'],
    ['a key in two spellings', 'a: {yes: 1, on: 2}', 'the key "true" occurs twice at line 1, column 13'],
  ])('%s', (_title, text, expected) => {
    expect(spoken(text)).toEqual(expected);
  });

  test.each(['!!binary aGk=', '!!set {b}', '!!timestamp 2030-01-01', '!!omap [a: 1]'])('refuses %s', (text) => {
    expect(spoken(`a: ${text}`)).toContain('Unresolved tag');
  });
});

describe('refuses', () => {
  test.each([
    ['a key twice', 'a: 1\nb: 2\na: 3', 'the key "a" occurs twice at line 3, column 1'],
    ['a key twice, deep down', 'x: [{a: {b: 1, b: 2}}]', 'the key "b" occurs twice'],
    ['a key twice in two spellings', '"1": a\n1: b', 'the key "1" occurs twice'],
    ['a key that is no text', '? [a]\n: b', 'a key is no plain text'],
    ['bytes', 'a: !!binary aGk=', 'Unresolved tag'],
    ['a set', 'a: !!set {b}', 'Unresolved tag'],
    ['a type of some language', 'a: !!js/function x', 'Unresolved tag'],
    ['an alias of nothing', 'a: *b', 'there is no anchor for the alias *b at line 1, column 4'],
    ['an alias before its anchor', 'a: *b\nc: &b 1', 'there is no anchor'],
    ['an alias that holds itself', 'a: &a {b: [*a]}', 'the alias *a holds itself'],
    ['21 aliases', `a: &a 1\nb: [${'*a,'.repeat(21)}]`, 'more than 20 aliases'],
    ['41 levels', `${'['.repeat(43)}${']'.repeat(43)}`, 'nested deeper than 40 levels'],
    [
      '41 levels of lines',
      Array.from({ length: 43 }, (_, level) => `${' '.repeat(level)}a:`).join('\n'),
      'nested deeper',
    ],
    ['11 documents', 'a: 1\n---\n'.repeat(11), 'more than 10 documents'],
    ['a text that is too long', `a: ${'x'.repeat(100_000)}`, 'larger than 100000 characters'],
    ['too many words', `[${'a,'.repeat(40_000)}]`, 'words and signs'],
    ['an open bracket', 'a: [', 'line'],
    ['a tab for indentation', 'a:\n\tb: 1', 'Tabs are not allowed'],
    ['wrong indentation', 'a:\n  b: 1\n c: 2', 'line 3'],
  ])('%s', (_title, text, expected) => {
    expect(problem(text)).toContain(expected);
  });

  test.each([
    ['by the billion', 9],
    ['by the million, few and wide', 3],
  ])('aliases of aliases, %s', (_title, width) => {
    const levels = ['a', 'b', 'c', 'd', 'e', 'f'].map((name, level, names) => {
      const items = Array.from({ length: width }, () => (level === 0 ? 'lol' : `*${names[level - 1] ?? ''}`));
      return `${name}: &${name} [${items.join()}]`;
    });
    expect(problem(levels.join('\n'))).toMatch(/more than 20 aliases|resource exhaustion/);
  });

  test('with a problem that is safe to print', () => {
    expect(problem('a\u001b\u202e: 1\na\u001b\u202e: 2')).toContain('"a\\u{1b}\\u{202e}" occurs twice');
  });
});

test.each([
  ['brackets', '['],
  ['closing brackets', ']'],
  ['dashes', '- '],
  ['question marks', '? '],
  ['colons', ': '],
  ['quotes', '"'],
  ['anchors', '&a '],
  ['tags', '! '],
  ['directives', '%a\n'],
  ['comments', '#\n'],
  ['document ends', '...\n'],
])('100,000 characters of %s end soon', (_title, unit) => {
  const start = performance.now();
  parseStrictYaml(unit.repeat(limits.characters / unit.length), limits);
  expect(performance.now() - start).toBeLessThan(3_000);
});

test('10,000 keys in one object are compared in linear time', () => {
  const text = `{${Array.from({ length: 10_000 }, (_, index) => `k${index}`).join()}}`;
  const start = performance.now();
  expect(Object.keys(values(text)[0] ?? {})).toHaveLength(10_000);
  expect(performance.now() - start).toBeLessThan(3_000);
});

test('a merge of what is no map is told, not thrown', () => {
  for (const text of ['! \t<<: ', '! <<: a', '? << : 1']) {
    expect(parseStrictYaml(text, limits)).toHaveProperty('ok');
    expect(parseStrictYaml(text, limits, 'kubectl')).toHaveProperty('ok');
  }
});

test('what was printed is read back, and no text whatever throws', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const plain: unknown = JSON.parse(JSON.stringify(value));
      expect(values(stringify(plain, { aliasDuplicateObjects: false }))).toEqual([plain]);
      expect(values(JSON.stringify(plain))).toEqual([plain]);
    }),
  );
  const pieces = fc.constantFrom(
    'a',
    ':',
    ' ',
    '\n',
    '- ',
    '? ',
    '[',
    ']',
    '{',
    '}',
    '"',
    "'",
    '&a ',
    '*a',
    '!',
    '|',
    '>',
    '#',
    '%',
    '---\n',
    '\t',
    '<<',
    '<<: ',
    ',',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
      expect(parseStrictYaml(parts.join(''), limits)).toHaveProperty('ok');
      expect(parseStrictYaml(parts.join(''), limits, 'kubectl')).toHaveProperty('ok');
    }),
    { numRuns: 500 },
  );
});
