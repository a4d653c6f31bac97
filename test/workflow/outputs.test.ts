import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lastJsonObject, maxOutputsBytes, outputProblems } from '../../src/workflow/outputs.ts';
import { contractWith } from '../contract/kit.ts';

describe('the last JSON object of a log', () => {
  test.each<[string, string, unknown]>([
    ['alone', '{"a":1}', { a: 1 }],
    [
      'on a line of its own',
      'cloning...\n{"commitSHA":"abc","cloneTime":"5s"}\n',
      { commitSHA: 'abc', cloneTime: '5s' },
    ],
    ['before noise', '{"a":1}\nbye\n', { a: 1 }],
    ['of several', '{"a":1}\n{"a":2}\nx\n', { a: 2 }],
    ['over several lines', 'x\n{\n  "a": {\n    "b": [1, 2]\n  }\n}\ndone', { a: { b: [1, 2] } }],
    ['with white space around it', '  {"a":1}  \r\n', { a: 1 }],
    ['empty', '{}', {}],
    ['after one that is not complete', '{"a":1}\n{"b":', { a: 1 }],
    ['after one that is none', '{"a":1}\n{b:2}\n{"c":2,}', { a: 1 }],
    ['whatever is in its strings', '{"a":"} {\\n\\"","b":"ü\\u0041"}', { a: '} {\n"', b: 'üA' }],
    [
      'with a number that JSON does not carry',
      '{"id":9007199254740993,"n":-12345678901234567890,"x":1e400,"e":0.5}',
      { id: '9007199254740993', n: '-12345678901234567890', x: '1e400', e: 0.5 },
    ],
    [
      'with all kinds of values',
      '{"t":true,"f":false,"n":null,"l":[],"s":""}',
      { t: true, f: false, n: null, l: [], s: '' },
    ],
  ])('%s', (_what, log, wanted) => {
    expect(lastJsonObject(log)).toStrictEqual(wanted);
  });

  test.each<[string, string]>([
    ['an empty log', ''],
    ['text', 'hello\nworld'],
    ['a list', '[{"a":1}]'],
    ['a list over several lines', '[\n{"a":1}\n]'],
    ['a text, a number and a word', '"{}"\n1\nnull'],
    ['an object in a sentence', 'result: {"a":1}\n{"a":1} is the result'],
    ['an object that is cut', '{"a":{"b":1}'],
    ['a member without quotes', '{a:1}'],
    ['a string over two lines', '{"a":"x\ny"}'],
    ['a wrong escape', '{"a":"\\x"}'],
    ['a number that is none', '{"a":01}'],
    ['objects deeper than anybody needs', `${'{"a":'.repeat(200)}1${'}'.repeat(200)}`],
  ])('is not there in %s', (_what, log) => {
    expect(lastJsonObject(log)).toBeUndefined();
  });

  test('is replaced by its size when it is too large', () => {
    const log = JSON.stringify({ a: 'ü'.repeat(maxOutputsBytes) });
    expect(lastJsonObject(log)).toStrictEqual({ truncated: true, bytes: 2 * maxOutputsBytes + 8 });
    const fits = { a: 'x'.repeat(maxOutputsBytes - 8) };
    expect(lastJsonObject(JSON.stringify(fits))).toStrictEqual(fits);
  });

  test('does not reach into prototypes', () => {
    const found = lastJsonObject('{"__proto__":{"polluted":true},"constructor":1}');
    expect(JSON.stringify(found)).toBe('{"__proto__":{"polluted":true},"constructor":1}');
    expect(Object.getPrototypeOf(found)).toBe(Object.prototype);
  });

  /** As much as is read of a log. */
  const most = 128 * 1024;
  test.each<[string, string]>([
    ['braces', '{'.repeat(most)],
    ['lines of braces', '{\n'.repeat(most / 2)],
    ['open objects', '{"a":\n'.repeat(most / 6)],
    ['open lists', '[\n'.repeat(most / 2)],
    ['objects in an open list', `{"a":[\n${'{},\n'.repeat(most / 4)}`],
    ['a long string that does not end', `{"a":"${'x'.repeat(most)}`],
    ['strings that do not end', '{"a":"\n'.repeat(most / 7)],
    ['blanks', ' '.repeat(most)],
    ['nested as deep as is read, and long', `${'{"a":[\n'.repeat(9)}${'1,\n'.repeat(most / 3)}`],
  ])('takes no time in a log of %s', (_what, log) => {
    const began = performance.now();
    expect(lastJsonObject(log)).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  const outputs = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }), { maxKeys: 6 });
  const noise = fc.array(
    fc.string().filter((line) => !/[{}[\]\n\r]/.test(line)),
    { maxLength: 4 },
  );

  test('is found as JSON.parse reads it, pretty or not, between any noise', () => {
    fc.assert(
      fc.property(outputs, noise, noise, fc.constantFrom(0, 2), (value, before, after, indent) => {
        const text = JSON.stringify(value, null, indent);
        const read: unknown = JSON.parse(text, (_key, item: unknown) =>
          typeof item === 'number' && Math.abs(item) > Number.MAX_SAFE_INTEGER ? 'inexact' : item,
        );
        fc.pre(!JSON.stringify(read).includes('inexact'));
        expect(lastJsonObject([...before, text, ...after].join('\n'))).toStrictEqual(read);
      }),
    );
  });

  test('never throws, and always fits', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      ':',
      ',',
      '\\',
      '\n',
      ' ',
      '1',
      '-',
      '.',
      'e',
      'true',
      '"a"',
      'ü',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
        const found = lastJsonObject(parts.join(''));
        return Buffer.byteLength(JSON.stringify(found ?? {})) <= maxOutputsBytes;
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('what a contract says of outputs', () => {
  const contract = contractWith({
    outputs: [
      { name: 'replicas', type: 'integer' },
      { name: 'took', type: 'duration' },
    ],
  });

  test.each<[string, Record<string, unknown>, number]>([
    ['as it says', { replicas: 3, took: '5s' }, 0],
    ['less than it says', {}, 0],
    ['more than it says', { replicas: 3, other: 'x' }, 0],
    ['another type', { replicas: '3' }, 1],
    ['two other types', { replicas: 1.5, took: 5 }, 2],
    ['too much to be kept', { truncated: true, bytes: 1, replicas: '3' }, 0],
  ])('%s', (_what, outputs, problems) => {
    expect(outputProblems(contract, outputs)).toHaveLength(problems);
  });

  test('names the output', () => {
    expect(outputProblems(contract, { replicas: '3' })).toStrictEqual([
      'output replicas: expected an integer, got "3"',
    ]);
  });
});
