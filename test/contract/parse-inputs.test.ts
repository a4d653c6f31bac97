import { describe, expect, test } from 'vitest';
import { contractWith, problemsOf, withSpec } from './kit.ts';

const input = (members: object): object => ({ name: 'one', type: 'string', ...members });

function problems(...inputs: readonly unknown[]): readonly string[] {
  return problemsOf(withSpec({ inputs }));
}

describe('an input is read', () => {
  test.each([
    ['string', { default: 'main', enum: ['main', 'next'], pattern: '^[a-z]+$', maxLength: 10 }],
    ['integer', { default: 3, enum: [1, 2, 3], minimum: 1, maximum: 3 }],
    ['integer', { default: 3.0 }],
    ['integer', { default: 9_007_199_254_740_991 }],
    ['number', { default: 0.5, minimum: -1.5, maximum: 1 }],
    ['boolean', { default: false }],
    ['duration', { default: '1m30s', minimum: '1s', maximum: '1h', enum: ['1m30s', '2m'] }],
    ['object', { default: { a: [1, { b: null }] }, enum: [{ a: [1, { b: null }] }] }],
    ['array', { default: [], maxLength: 3 }],
    ['array', { default: ['a', 'b', 'c'], maxLength: 3 }],
    ['string', { required: true, pattern: '' }],
    ['string', { pattern: '^a$', maxLength: 2048 }],
    ['string', { maxLength: 0 }],
    ['string', { pattern: 'a'.repeat(400) }],
    ['integer', { minimum: 3, maximum: 3 }],
    ['string', { default: '' }],
  ])('of type %s with %j', (type, members) => {
    const [read] = contractWith({ inputs: [{ name: 'one', type, ...members }] }).inputs;
    expect(read).toMatchObject({ name: 'one', type, required: 'required' in members });
    expect(read?.default).toEqual('default' in members ? members.default : undefined);
  });

  test('with bounds of durations as milliseconds', () => {
    const [read] = contractWith({
      inputs: [{ name: 'wait', type: 'duration', minimum: '1.5s', maximum: '2h' }],
    }).inputs;
    expect(read).toMatchObject({ minimum: 1500, maximum: 7_200_000 });
  });

  test('with a pattern that is RE2', () => {
    const [read] = contractWith({ inputs: [input({ pattern: '^(?P<who>me)\\z' })] }).inputs;
    expect(read?.pattern?.matches('me')).toBe(true);
    expect(read?.pattern?.matches('you')).toBe(false);
  });
});

describe('an input is refused:', () => {
  const at = 'spec.inputs[0]';
  test.each([
    ['no name', { type: 'string' }, `missing field(s): ${at}.name`],
    ['a name with a space', input({ name: 'a b' }), `${at}.name\nexpected letters`],
    ['a name that begins with a digit', input({ name: '1a' }), `${at}.name`],
    ['a name of 64 characters', input({ name: 'a'.repeat(64) }), `${at}.name`],
    ['a name that is no text', input({ name: 5 }), `${at}.name\nexpected a string`],
    ['no type', { name: 'one' }, `missing field(s): ${at}.type`],
    ['an unknown type', input({ type: 'text' }), `invalid value: text: ${at}.type\nexpected string, integer`],
    ['a type of another case', input({ type: 'String' }), `${at}.type`],
    ['required as a text', input({ required: 'yes' }), `${at}.required\nexpected true or false`],
    ['an unknown member', input({ minLength: 1 }), `unknown field(s): ${at}.minLength`],
    ['required with a default', input({ required: true, default: 'a' }), 'a required input has no default'],
    // defaults
    ['a number for a string', input({ default: 1 }), '.default\nexpected a string, got 1'],
    ['a fraction for an integer', input({ type: 'integer', default: 1.5 }), '.default\nexpected an integer, got 1.5'],
    ['a text for an integer', input({ type: 'integer', default: '1' }), '.default\nexpected an integer, got "1"'],
    ['a text for a number', input({ type: 'number', default: '1' }), '.default\nexpected a number, got "1"'],
    ['a text for a boolean', input({ type: 'boolean', default: 'true' }), '.default\nexpected true or false'],
    ['a number for a duration', input({ type: 'duration', default: 5 }), '.default\nexpected a duration'],
    ['no unit for a duration', input({ type: 'duration', default: '5' }), '.default\nexpected a duration'],
    ['a list for an object', input({ type: 'object', default: [] }), '.default\nexpected an object, got a list'],
    ['an object for a list', input({ type: 'array', default: {} }), '.default\nexpected a list, got an object'],
    ['a default out of its enum', input({ enum: ['a'], default: 'b' }), '.default\nexpected one of "a", got "b"'],
    ['a default off its pattern', input({ pattern: '^a$', default: 'b' }), '.default\n"b" does not match ^a$'],
    ['a default too long', input({ maxLength: 2, default: 'abc' }), '.default\nhas 3 characters, at most 2'],
    ['a default too small', input({ type: 'integer', minimum: 2, default: 1 }), '.default\n1 is less than 2'],
    ['a default too large', input({ type: 'number', maximum: 2, default: 2.5 }), '.default\n2.5 is more than 2'],
    [
      'a default too short',
      input({ type: 'duration', minimum: '1m', default: '30s' }),
      '.default\n"30s" is less than 60000ms',
    ],
    ['an inexact default', input({ type: 'integer', default: 2 ** 53 }), 'cannot carry exactly'],
    ['an inexact default inside', input({ type: 'array', default: [[2 ** 60]] }), 'cannot carry exactly'],
    // limits
    ['an empty enum', input({ enum: [] }), `an empty list allows nothing: ${at}.enum`],
    ['an enum of another type', input({ enum: ['a', 1] }), `expected a string, got 1: ${at}.enum[1]`],
    ['an enum that is no list', input({ enum: 'a' }), `${at}.enum\nexpected a list`],
    [
      'an enum of thousands',
      input({ enum: Array.from({ length: 1001 }, (_, n) => `${n}`) }),
      `more than 1000 items: ${at}.enum`,
    ],
    ['a broken pattern', input({ pattern: '(' }), `missing closing ): \`(\`: ${at}.pattern`],
    ['a pattern that looks ahead', input({ pattern: '(?=a)' }), `${at}.pattern`],
    ['a pattern of an integer', input({ type: 'integer', pattern: '1' }), 'only string has a pattern'],
    ['a minimum of a string', input({ minimum: 1 }), `only integer, number and duration have a minimum: ${at}.minimum`],
    ['a maximum of a list', input({ type: 'array', maximum: 1 }), 'have a maximum'],
    [
      'a minimum that is no number',
      input({ type: 'integer', minimum: '1' }),
      `expected a number, got "1": ${at}.minimum`,
    ],
    ['a bound of a duration without unit', input({ type: 'duration', maximum: 5 }), `${at}.maximum`],
    [
      'minimum above maximum',
      input({ type: 'integer', minimum: 2, maximum: 1 }),
      `minimum is more than maximum: ${at}.minimum`,
    ],
    ['a maxLength of an integer', input({ type: 'integer', maxLength: 1 }), 'only string and array have a maxLength'],
    ['a negative maxLength', input({ maxLength: -1 }), `${at}.maxLength\nexpected an integer that is not negative`],
    ['a broken maxLength', input({ maxLength: 1.5 }), `${at}.maxLength`],
    ['a maxLength as a text', input({ maxLength: '5' }), `${at}.maxLength`],
    [
      'a maxLength beyond what patterns are for',
      input({ pattern: '^a$', maxLength: 2049 }),
      'with a pattern, at most 2048 characters',
    ],
  ])('%s', (_name, given, expected) => {
    expect(problems(given)).toEqual([expect.stringContaining(expected)]);
  });

  test('no object', () => {
    expect(problems('one')).toContain(`invalid value: one: ${at}\nexpected an object`);
  });

  test('the same name twice', () => {
    expect(problems(input({}), input({}))).toEqual(['names must be unique: spec.inputs[1].name']);
  });

  test('more than 256 of them', () => {
    const many = Array.from({ length: 257 }, (_, index) => input({ name: `n${index}` }));
    expect(problems(...many)).toEqual(['more than 256 items: spec.inputs']);
    expect(problems(...many.slice(1))).toEqual([]);
  });

  test.each(['1e309', '-1e309', '.inf', '.nan'])('%s as a number', (number) => {
    const text = JSON.stringify(withSpec({ inputs: [input({ type: 'number', default: 0 })] }));
    expect(problemsOf(text.replace('"default":0', `"default": ${number}`))).toEqual([
      expect.stringContaining('holds a number that JSON cannot carry exactly'),
    ]);
  });
});

describe('patterns that take too long are refused', () => {
  test.each([
    ['a counted repeat of repeats', '((a{100}){100}){100}', 'invalid repeat count'],
    ['many counted repeats', '(?i)\\pL{0,1000}'.repeat(9), 'repeat too much'],
    ['long ones', 'a'.repeat(401), 'longer than 400 characters'],
  ])('%s', (_name, pattern, expected) => {
    expect(problems(input({ pattern }))).toEqual([expect.stringContaining(expected)]);
  });

  test('and all of them together count', () => {
    const inputs = Array.from({ length: 5 }, (_, index) => input({ name: `n${index}`, pattern: '^[a-z]{0,900}$' }));
    expect(problems(...inputs.slice(0, 2))).toEqual([]);
    expect(problems(...inputs)).toEqual([expect.stringMatching(/repeat too much; use maxLength.*\[2\].*\[3\].*\[4\]/)]);
  });

  test('and are not even compiled once they are too much', () => {
    const bombs = Array.from({ length: 200 }, (_, index) =>
      input({ name: `n${index}`, pattern: '\\pL{0,1000}'.repeat(30) }),
    );
    const start = performance.now();
    expect(problems(...bombs)).toHaveLength(1);
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  test('while the classics are only patterns', () => {
    const [read] = contractWith({ inputs: [input({ pattern: '^(a+)+$' })] }).inputs;
    const start = performance.now();
    expect(read?.pattern?.matches(`${'a'.repeat(2000)}!`)).toBe(false);
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

describe('an output', () => {
  test('is read', () => {
    expect(contractWith({ outputs: [{ name: 'count', type: 'integer' }] }).outputs).toEqual([
      { name: 'count', type: 'integer', description: '' },
    ]);
  });

  test.each([
    ['without name', [{ type: 'string' }], 'missing field(s): spec.outputs[0].name'],
    ['without type', [{ name: 'a' }], 'missing field(s): spec.outputs[0].type'],
    ['with a default', [{ name: 'a', type: 'string', default: 'x' }], 'unknown field(s): spec.outputs[0].default'],
    ['that is no object', ['a'], 'spec.outputs[0]\nexpected an object'],
    [
      'of a name twice',
      [
        { name: 'a', type: 'string' },
        { name: 'a', type: 'integer' },
      ],
      'names must be unique: spec.outputs[1].name',
    ],
  ])('%s is refused', (_name, outputs, expected) => {
    expect(problemsOf(withSpec({ outputs })).join()).toContain(expected);
  });
});
