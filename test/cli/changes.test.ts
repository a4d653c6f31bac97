import { expect, test } from 'vitest';
import { changesOf, describeChange } from '../../src/cli/changes.ts';

const terminal = { out: () => undefined, err: () => undefined, colour: false };
const linesOf = (before: unknown, after: unknown) =>
  changesOf(before, after).map((one) => describeChange(one, terminal));

test.each<[string, unknown, unknown, readonly string[]]>([
  ['nothing', { a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }, []],
  [
    'a value that was replaced',
    { spec: { image: 'a:1' } },
    { spec: { image: 'a:1@sha256:0' } },
    ['  ~ spec.image: a:1 → a:1@sha256:0'],
  ],
  [
    'each value of an object that was set',
    { c: [{ name: 'a' }] },
    { c: [{ name: 'a', resources: { limits: { cpu: '1', memory: '2Mi' } } }] },
    ['  + c[0].resources.limits.cpu: 1', '  + c[0].resources.limits.memory: 2Mi'],
  ],
  [
    'lists that were set in one piece',
    {},
    { drop: ['ALL'], none: [], empty: {} },
    ['  + drop: ["ALL"]', '  + none: []', '  + empty: {}'],
  ],
  [
    'items that were added',
    { env: [] },
    { env: [{ name: 'A', value: '1' }] },
    ['  + env[0].name: A', '  + env[0].value: 1'],
  ],
  ['what was taken out', { a: { b: 1 }, l: [1, 2] }, { l: [1] }, ['  - a: {"b":1}', '  - l[1]: 2']],
  ['another type', { a: [1] }, { a: { b: false } }, ['  ~ a: [1] → {"b":false}']],
])('shows %s', (_title, before, after, lines) => {
  expect(linesOf(before, after)).toStrictEqual(lines);
});

test('a manifest that is as it should be has no changes', () => {
  expect(changesOf({ kind: 'Pod' }, { kind: 'Pod' })).toStrictEqual([]);
});

test('control characters are not sent to the terminal', () => {
  expect(linesOf({ a: 'x' }, { a: 'y\u001b[2J' }).join('')).not.toContain('\u001b');
});
