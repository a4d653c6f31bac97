import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stableJson } from '../../src/kernel/stable-json.ts';

test.each([
  [{ b: 1, a: 2 }, '{"a":2,"b":1}'],
  [{ b: { d: 1, c: [{ z: 1, y: 2 }] } }, '{"b":{"c":[{"y":2,"z":1}],"d":1}}'],
  [{ a: undefined, b: null }, '{"b":null}'],
  [[undefined, 1], '[null,1]'],
  [[2, 1], '[2,1]'],
  ['"', '"\\""'],
  [null, 'null'],
  [undefined, 'null'],
  [{}, '{}'],
])('%j is %s', (value, expected) => {
  expect(stableJson(value)).toBe(expected);
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  );
}

test('it is JSON of the same value, and the order of members does not show', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = stableJson(value);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(stableJson(reversed(value))).toBe(text);
    }),
  );
});
