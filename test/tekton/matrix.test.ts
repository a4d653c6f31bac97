import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { combinations } from '../../src/tekton/matrix.ts';

const shown = (matrix: string, params: ReadonlyMap<string, string | readonly string[]> = new Map()): unknown => {
  const found = combinations(parse(matrix), [params]);
  return found.ok ? found.value.map((one) => Object.fromEntries(one)) : found.failure.message;
};

// Examples and rules of pipeline docs/matrix.md.
test.each([
  ['one list', 'params: [{name: p, value: [a, b]}]', [{ p: 'a' }, { p: 'b' }]],
  [
    'two lists',
    'params: [{name: p, value: [a, b]}, {name: q, value: [x, y]}]',
    [
      { p: 'a', q: 'x' },
      { p: 'b', q: 'x' },
      { p: 'a', q: 'y' },
      { p: 'b', q: 'y' },
    ],
  ],
  ['includes alone', 'include: [{params: [{name: p, value: a}, {name: q, value: x}]}]', [{ p: 'a', q: 'x' }]],
  [
    'an include that adds to one combination',
    'params: [{name: p, value: [a, b]}]\ninclude: [{params: [{name: p, value: a}, {name: q, value: x}]}]',
    [{ p: 'a', q: 'x' }, { p: 'b' }],
  ],
  [
    'an include that adds to all',
    'params: [{name: p, value: [a, b]}]\ninclude: [{params: [{name: q, value: x}]}]',
    [
      { p: 'a', q: 'x' },
      { p: 'b', q: 'x' },
    ],
  ],
  [
    'an include that is a combination of its own',
    'params: [{name: p, value: [a]}]\ninclude: [{params: [{name: p, value: c}, {name: q, value: x}]}]',
    [{ p: 'a' }, { p: 'c', q: 'x' }],
  ],
  ['nothing', '{}', []],
])('a matrix of %s', (_what, matrix, expected) => {
  expect(shown(matrix)).toEqual(expected);
});

test('a matrix takes its lists from parameters', () => {
  const params = new Map([['all', ['a', 'b']]]);
  expect(shown('params: [{name: p, value: "$(params.all[*])"}]', params)).toEqual([{ p: 'a' }, { p: 'b' }]);
});

test.each([
  ['results', 'params: [{name: p, value: "$(tasks.list.results.all[*])"}]', '"$(tasks.list.results.all[*])" is not'],
  ['a result in a list', 'params: [{name: p, value: ["$(tasks.a.results.b)"]}]', '"$(tasks.a.results.b)" is not'],
  [
    'a result in an include',
    'include: [{params: [{name: p, value: "$(tasks.a.results.b)"}]}]',
    '"$(tasks.a.results.b)"',
  ],
  [
    'too many combinations',
    `params: [${['a', 'b', 'c'].map((n) => `{name: ${n}, value: [1,2,3,4,5,6,7]}`).join()}]`,
    'more than 256',
  ],
])('a matrix of %s is not known', (_what, matrix, why) => {
  expect(shown(matrix)).toContain(why);
});
