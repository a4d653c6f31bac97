import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseStrictJson } from '../../src/kernel/strict-json.ts';

describe('agrees with JSON.parse', () => {
  test('on every value that is printed once', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), fc.integer({ min: 0, max: 3 }), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(parseStrictJson(text)).toEqual({ ok: true, value: JSON.parse(text) as unknown });
      }),
    );
  });

  test('on every text that is no JSON', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('"', '\\', '{', '}', '[', ']', ':', ',', 'a', '1', ' ') }),
        (text) => {
          const strict = parseStrictJson(text);
          if (!strict.ok) return;
          expect(JSON.parse(text)).toEqual(strict.value);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe('refuses', () => {
  test.each([
    ['a key twice', '{"a":1,"a":2}', 'key "a" occurs twice in one object'],
    ['a key twice, once escaped', '{"a":1,"\\u0061":2}', 'key "a" occurs twice in one object'],
    ['a key twice, deep inside', '[{"b":{"a":1, "c":[], "a" : 2}}]', 'key "a" occurs twice in one object'],
    ['__proto__ twice', '{"__proto__":1,"__proto__":2}', 'key "__proto__" occurs twice in one object'],
    ['nesting', '['.repeat(65) + ']'.repeat(65), 'nested deeper than 64 levels'],
    ['text', '<html>', 'not valid JSON'],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'not valid UTF-8'],
    ['a byte order mark', Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]), 'not valid JSON'],
  ])('%s', (_name, text, problem) => {
    expect(parseStrictJson(text)).toEqual({ ok: false, problem });
  });

  test('hostile text in bounded time', () => {
    const start = performance.now();
    parseStrictJson('['.repeat(1_000_000) + ']'.repeat(1_000_000));
    parseStrictJson('"' + '\\"'.repeat(2_000_000));
    parseStrictJson(JSON.stringify({ a: '"'.repeat(2_000_000) }));
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

test('the same key in different objects is fine', () => {
  expect(parseStrictJson('{"a":{"a":[{"a":1},{"a":2}]},"b":"a"}').ok).toBe(true);
});
