import { describe, expect, test } from 'vitest';
import { checkInputs } from '../../src/contract/check-inputs.ts';
import { contractWith } from './kit.ts';

const contract = contractWith({
  inputs: [
    { name: 'namespace', type: 'string', required: true, maxLength: 63 },
    { name: 'replicas', type: 'integer', minimum: 0, maximum: 100, default: 1 },
    { name: 'ratio', type: 'number', minimum: 0.1 },
    { name: 'force', type: 'boolean', default: false },
    { name: 'wait', type: 'duration', default: '30s', minimum: '1s', maximum: '10m' },
    { name: 'strategy', type: 'string', enum: ['rolling', 'recreate'] },
    { name: 'image', type: 'string', pattern: '^[a-z0-9./-]+$' },
    { name: 'labels', type: 'object' },
    { name: 'hosts', type: 'array', maxLength: 2 },
  ],
});

const defaults = { replicas: 1, force: false, wait: '30s' };

function check(given: unknown): ReturnType<typeof checkInputs> {
  return checkInputs(contract, typeof given === 'string' ? given : JSON.stringify(given));
}

describe('inputs that fit', () => {
  test.each([
    ['only what is required', { namespace: 'a' }, { namespace: 'a', ...defaults }],
    ['their own values before defaults', { namespace: 'a', replicas: 0, force: true }, { replicas: 0, force: true }],
    ['bounds themselves', { namespace: 'a', replicas: 100, ratio: 0.1, wait: '10m' }, { replicas: 100, wait: '10m' }],
    ['an integer with a point', '{"namespace":"a","replicas":2.0}', { replicas: 2 }],
    ['an integer with an exponent', '{"namespace":"a","replicas":1e2}', { replicas: 100 }],
    ['a duration by other units', { namespace: 'a', wait: '1000ms' }, { wait: '1000ms' }],
    ['objects and lists', { namespace: 'a', labels: { x: { y: [] } }, hosts: [1, null] }, { hosts: [1, null] }],
    [
      'characters of two halves',
      { namespace: 'a', strategy: 'rolling', labels: { '😀': '😀' } },
      { strategy: 'rolling' },
    ],
    ['references, which are text here', { namespace: 'a', labels: { x: '$(HOME)' } }, { labels: { x: '$(HOME)' } }],
    ['white space around', ' \n{"namespace":"a"}\t', { namespace: 'a' }],
  ])('%s', (_name, given, expected) => {
    const { filled, problems } = check(given);
    expect(problems).toEqual([]);
    expect(filled).toMatchObject(expected);
  });

  test('are filled in the order of the contract', () => {
    const { filled } = check({ strategy: 'rolling', namespace: 'a', ratio: 1 });
    expect(JSON.stringify(filled)).toBe(
      '{"namespace":"a","replicas":1,"ratio":1,"force":false,"wait":"30s","strategy":"rolling"}',
    );
  });
});

describe('inputs that do not fit', () => {
  const at = (path: string, message: string): unknown[] => [
    { path, message: expect.stringContaining(message) as string },
  ];
  test.each([
    ['required and missing', {}, at('namespace', 'is required and missing; it takes a value of type string')],
    ['required and null', { namespace: null }, at('namespace', 'expected a string, got null')],
    [
      'null in the place of a default',
      { namespace: 'a', replicas: null },
      at('replicas', 'expected an integer, got null'),
    ],
    ['of another type', { namespace: 5 }, at('namespace', 'expected a string, got 5')],
    ['a text for an integer', { namespace: 'a', replicas: '3' }, at('replicas', 'expected an integer, got "3"')],
    ['a fraction for an integer', { namespace: 'a', replicas: 2.5 }, at('replicas', 'expected an integer, got 2.5')],
    ['a flag for an integer', { namespace: 'a', replicas: true }, at('replicas', 'expected an integer, got true')],
    ['below', { namespace: 'a', replicas: -1 }, at('replicas', '-1 is less than 0')],
    ['above', { namespace: 'a', replicas: 101 }, at('replicas', '101 is more than 100')],
    ['a text for a number', { namespace: 'a', ratio: '1' }, at('ratio', 'expected a number, got "1"')],
    ['a text for a flag', { namespace: 'a', force: 'true' }, at('force', 'expected true or false, got "true"')],
    ['a number for a flag', { namespace: 'a', force: 0 }, at('force', 'expected true or false, got 0')],
    [
      'a number for a duration',
      { namespace: 'a', wait: 30 },
      at('wait', 'expected a duration such as "1m30s", got 30'),
    ],
    ['days', { namespace: 'a', wait: '1d' }, at('wait', 'expected a duration')],
    ['too short a wait', { namespace: 'a', wait: '0' }, at('wait', '"0" is less than 1000ms')],
    ['too long a wait', { namespace: 'a', wait: '10m1ns' }, at('wait', 'is more than 600000ms')],
    [
      'none of the choices',
      { namespace: 'a', strategy: 'Rolling' },
      at('strategy', 'expected one of "rolling", "recreate"'),
    ],
    ['off the pattern', { namespace: 'a', image: 'a b' }, at('image', '"a b" does not match ^[a-z0-9./-]+$')],
    ['a line break at its end', { namespace: 'a', image: 'a\n' }, at('image', 'does not match')],
    [
      'too long for its pattern',
      { namespace: 'a', image: 'a'.repeat(2049) },
      at('image', 'is longer than 2048 characters'),
    ],
    ['a list for an object', { namespace: 'a', labels: [] }, at('labels', 'expected an object, got a list')],
    ['a text for a list', { namespace: 'a', hosts: 'x' }, at('hosts', 'expected a list, got "x"')],
    ['too many items', { namespace: 'a', hosts: [1, 2, 3] }, at('hosts', 'has 3 items, at most 2 are allowed')],
    [
      'unknown',
      { namespace: 'a', nope: 1 },
      at('nope', 'there is no such input; known are namespace, replicas, ratio'),
    ],
    ['unknown by case', { namespace: 'a', Force: true }, at('Force', 'there is no such input')],
    ['inherited by every object', '{"namespace":"a","constructor":1}', at('constructor', 'there is no such input')],
    ['a prototype', '{"namespace":"a","__proto__":{"force":true}}', at('__proto__', 'there is no such input')],
    ['beyond exact numbers', '{"namespace":"a","ratio":9007199254740993}', at('ratio', 'cannot carry exactly')],
    ['beyond all numbers', '{"namespace":"a","ratio":1e309}', at('ratio', 'cannot carry exactly')],
    ['such a number inside', '{"namespace":"a","labels":{"x":[1e309]}}', at('labels', 'cannot carry exactly')],
    ['control characters', { namespace: 'a', 'x\u001b[2J': 1 }, at('x\\u{1b}[2J', 'there is no such input')],
    // namespaces
    ['two namespaces in one', { namespace: 'team-a,kube-system' }, at('namespace', '"team-a,kube-system" is no name')],
    ['no namespace', { namespace: '' }, at('namespace', '"" is no name of a namespace')],
    ['every namespace', { namespace: '*' }, at('namespace', '"*" is no name of a namespace')],
    ['a flag for a program', { namespace: '--all' }, at('namespace', 'is no name of a namespace')],
    ['a namespace with a line end', { namespace: 'a\n' }, at('namespace', 'is no name of a namespace')],
    // texts
    ['no JSON', 'namespace=a', at('', 'not valid JSON; write one JSON object')],
    ['YAML', 'namespace: a', at('', 'not valid JSON')],
    ['only white space', ' ', at('', 'not valid JSON')],
    ['a list of inputs', '[]', at('', 'expected one JSON object')],
    ['null', 'null', at('', 'expected one JSON object')],
    ['a text', '"{}"', at('', 'expected one JSON object')],
    ['two objects', '{}{}', at('', 'not valid JSON')],
    ['a key twice', '{"namespace":"a","namespace":"kube-system"}', at('', 'key "namespace" occurs twice')],
    ['a key twice by escape', '{"namespace":"a","namesp\\u0061ce":"b"}', at('', 'key "namespace" occurs twice')],
    ['a key twice inside', '{"namespace":"a","labels":{"x":1,"x":2}}', at('', 'key "x" occurs twice')],
    ['deep nesting', '['.repeat(33) + ']'.repeat(33), at('', 'nested deeper than 32 levels')],
    ['very deep nesting', '['.repeat(100_000), at('', 'nested deeper than 32 levels')],
    ['a large text', JSON.stringify({ namespace: 'x'.repeat(140_000) }), at('', 'larger than the 131057 bytes')],
    [
      'a text of large characters',
      JSON.stringify({ namespace: '😀'.repeat(40_000) }),
      at('', 'larger than the 131057 bytes'),
    ],
  ])('%s', (_name, given, expected) => {
    expect(check(given).problems).toEqual(expected);
  });

  test('are listed all at once, in the order of the contract', () => {
    const { problems } = check({ replicas: 'x', wait: '1h', nope: 1, hosts: [1, 2, 3], also: 2 });
    expect(problems.map(({ path }) => path)).toEqual(['namespace', 'replicas', 'wait', 'hosts', 'nope', 'also']);
  });

  test('are counted when there are very many', () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`n${index}`, 1]));
    const { problems } = check({ namespace: 'a', ...many });
    expect(problems).toHaveLength(51);
    expect(problems.at(-1)).toEqual({ path: '', message: 'and 450 more problems' });
  });
});

describe('no inputs', () => {
  test.each([[undefined], [''], ['{}']])('as %j are the defaults', (text) => {
    const optional = contractWith({
      inputs: [
        { name: 'force', type: 'boolean', default: false },
        { name: 'n', type: 'integer' },
      ],
    });
    expect(checkInputs(optional, text)).toEqual({ filled: { force: false }, problems: [] });
  });

  test.each([[undefined], [''], ['{}']])('as %j lack what is required', (text) => {
    expect(checkInputs(contract, text).problems.map(({ path }) => path)).toEqual(['namespace']);
  });

  test('is all that an action without inputs takes', () => {
    const none = contractWith({ inputs: [] });
    expect(checkInputs(none, '{}')).toEqual({ filled: {}, problems: [] });
    expect(checkInputs(none, '{"a":1}').problems).toEqual([
      { path: 'a', message: 'there is no such input; the action takes none' },
    ]);
  });
});

test('lists of target namespaces hold names only', () => {
  const lists = contractWith({
    inputs: [{ name: 'spaces', type: 'array' }],
    namespaces: { targetInputs: ['spaces'] },
  });
  expect(checkInputs(lists, '{"spaces":["a","b-1"]}').problems).toEqual([]);
  expect(checkInputs(lists, '{"spaces":["a",{"name":"kube-system"},["b"],"c d"]}').problems).toEqual([
    { path: 'spaces[1]', message: '{"name":"kube-system"} is no name of a namespace' },
    { path: 'spaces[2]', message: '["b"] is no name of a namespace' },
    { path: 'spaces[3]', message: '"c d" is no name of a namespace' },
  ]);
});

test('defaults that make the inputs too large are told', () => {
  const large = contractWith({
    inputs: [
      { name: 'a', type: 'string' },
      { name: 'b', type: 'string', default: 'x'.repeat(100_000) },
    ],
  });
  expect(checkInputs(large, undefined).problems).toEqual([]);
  expect(checkInputs(large, JSON.stringify({ a: 'y'.repeat(100_000) })).problems).toEqual([
    { path: '', message: expect.stringContaining('with defaults filled in, larger than the 131057 bytes') as string },
  ]);
});

test('a default of another prototype is only a value', () => {
  const odd = contractWith({
    inputs: [
      { name: '__proto__', type: 'object' },
      { name: 'toString', type: 'string' },
    ],
  });
  const { filled, problems } = checkInputs(odd, '{"__proto__":{"a":1}}');
  expect(problems).toEqual([]);
  expect(JSON.stringify(filled)).toBe('{"__proto__":{"a":1}}');
});

test('a regular expression that would take other engines for ever takes no time', () => {
  const bomb = contractWith({ inputs: [{ name: 'a', type: 'string', pattern: '^(a|a?)+$' }] });
  const start = performance.now();
  expect(checkInputs(bomb, JSON.stringify({ a: `${'a'.repeat(2000)}!` })).problems).toHaveLength(1);
  expect(performance.now() - start).toBeLessThan(5_000);
});
