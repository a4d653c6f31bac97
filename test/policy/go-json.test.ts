import { expect, test } from 'vitest';
import { asGo, GoTypeMismatch } from '../../src/policy/go-json.ts';

test.each([
  [
    'keys out of order',
    '{"b":{"d":1,"c":[]},"a":[{"f":null,"e":true}]}',
    '{"a":[{"e":true,"f":null}],"b":{"c":[],"d":1}}',
  ],
  ['keys that are numbers', '{"9":1,"10":2,"a":3}', '{"10":2,"9":1,"a":3}'],
  [
    'keys that are special in JavaScript',
    '{"b":1,"__proto__":{"y":1,"x":2},"a":2}',
    '{"__proto__":{"x":2,"y":1},"a":2,"b":1}',
  ],
  ['keys whose bytes have another order than their UTF-16', '{"\u{1f600}":1,"\uffff":2}', '{"\uffff":2,"\u{1f600}":1}'],
  ['half of a surrogate pair', '{"b":"\\ud800","a":1}', '{"a":1,"b":"\ufffd"}'],
  ['half of a surrogate pair in a key', '{"\\udc00":1}', '{"\ufffd":1}'],
  ['text that looks like one', '["\\\\ud800"]', '["\\\\ud800"]'],
  ['what HTML would understand', '{"<b>":"a & b\\u2028"}', '{"\\u003cb\\u003e":"a \\u0026 b\\u2028"}'],
  ['a zero below zero', '[-0, 0]', '[-0,0]'],
  ['nothing', 'null', 'null'],
  ['empty things', '[{}, [], ""]', '[{},[],""]'],
])('writes %s as Go does', (_what, json, expected) => {
  expect(asGo(JSON.parse(json), 'any')).toBe(expected);
});

test.each(['1e999', '[1e999]', '{"a":{"b":-1e999}}'])('%s is no number of Go', (json) => {
  expect(() => asGo(JSON.parse(json), 'any')).toThrow(GoTypeMismatch);
});

test('what it was given stays as it was', () => {
  const given = { b: [{ d: 1, c: 2 }], a: 1 };
  asGo(given, 'any');
  expect(JSON.stringify(given)).toBe('{"b":[{"d":1,"c":2}],"a":1}');
});
