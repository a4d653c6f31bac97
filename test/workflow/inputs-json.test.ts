import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { childName } from '../../src/workflow/child-name.ts';
import { inputsForJob, inputsForTekton } from '../../src/workflow/inputs-json.ts';
import type { Inputs } from '../../src/workflow/model.ts';

/** The kubelet: `$$` is one, `$(NAME)` a value, or itself when there is none. kubernetes third_party/forked/golang/expansion */
function expanded(text: string, variables: Readonly<Record<string, string>>): string {
  let [result, at] = ['', 0];
  while (at < text.length) {
    const rest = text.slice(at);
    const reference = /^\$\(([^)]*)\)/s.exec(rest);
    const piece = rest.startsWith('$$') ? '$$' : (reference?.[0] ?? text.charAt(at));
    const name = reference?.[1] ?? '';
    const isValue = piece !== '$$' && reference !== null && Object.hasOwn(variables, name);
    result += piece === '$$' ? '$' : isValue ? String(variables[name]) : piece;
    at += piece.length;
  }
  return result;
}

/** Tekton replaces every reference that it knows by text, wherever it stands. */
function substituted(text: string): string {
  return text.replaceAll(/\$\([^)]*\)/g, 'SUBSTITUTED').replaceAll('$(', 'SUBSTITUTED');
}

const variables = { A: 'a', HOME: '/root', '': 'empty' };
const pieces = fc.constantFrom(
  '$',
  '$$',
  '$(',
  '$(A)',
  '$$(A)',
  '$(params.x)',
  '$(tasks.a.results.b)',
  ')',
  '"',
  '\\',
  'x',
  '\n',
  '\0',
  '\u0024',
  'é',
  '\uD83D',
);
const texts = fc.oneof(
  fc.string(),
  fc.array(pieces).map((parts) => parts.join('')),
);
const values = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    texts,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(texts, tie('value'), { maxKeys: 3 }),
  ),
})).value;
const inputs: fc.Arbitrary<Inputs> = fc.dictionary(texts, values, { maxKeys: 4 });

/** As JSON has it: without what was never an own member. */
const plain = (value: Inputs): unknown => JSON.parse(JSON.stringify(value));

describe('inputs', () => {
  test.each<[Inputs, string, string]>([
    [{}, '{}', '{}'],
    [{ replicas: 10 }, '{"replicas":10}', '{"replicas":10}'],
    [{ a: '$(HOME)' }, '{"a":"$$(HOME)"}', '{"a":"\\u0024(HOME)"}'],
    [{ a: '$$(A)' }, '{"a":"$$$$(A)"}', '{"a":"\\u0024\\u0024(A)"}'],
    [{ a: 'costs 5$' }, '{"a":"costs 5$$"}', '{"a":"costs 5$"}'],
    [{ $: '(' }, '{"$$":"("}', '{"$":"("}'],
    [{ a: '\\$(A)' }, '{"a":"\\\\$$(A)"}', '{"a":"\\\\\\u0024(A)"}'],
    [
      { namespace: 'production', labelSelector: 'app=payment' },
      '{"namespace":"production","labelSelector":"app=payment"}',
      '{"namespace":"production","labelSelector":"app=payment"}',
    ],
  ])('%j', (given, job, tekton) => {
    expect([inputsForJob(given), inputsForTekton(given)]).toEqual([job, tekton]);
  });

  test('reach the action of a Job as they were written', () => {
    fc.assert(
      fc.property(inputs, (given) => {
        expect(JSON.parse(expanded(inputsForJob(given), variables))).toEqual(plain(given));
      }),
    );
  });

  test('reach the action through Tekton and the kubelet as they were written', () => {
    fc.assert(
      fc.property(inputs, (given) => {
        const text = inputsForTekton(given);
        expect(substituted(text)).toBe(text);
        expect(expanded(text, variables)).toBe(text);
        expect(JSON.parse(text)).toEqual(plain(given));
      }),
    );
  });

  test('keep members that mean something to JavaScript', () => {
    const given = asRecord(JSON.parse('{"__proto__":{"x":"$(A)"},"constructor":1}')) ?? {};
    expect(expanded(inputsForJob(given), variables)).toBe('{"__proto__":{"x":"$(A)"},"constructor":1}');
  });
});

describe('names of children', () => {
  test.each<[string, string, number | undefined, string]>([
    ['remediate', 'scale', undefined, 'remediate-scale'],
    ['a'.repeat(31), 'b'.repeat(31), undefined, `${'a'.repeat(31)}-${'b'.repeat(31)}`],
    ['remediate', 'scale', 15, 'remediate-scale'],
  ])('%s and %s', (parent, suffix, limit, expected) => {
    expect(childName(parent, suffix, limit)).toBe(expected);
  });

  const label = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/);

  test('are labels of at most the length asked for, always the same, and different for different steps', () => {
    fc.assert(
      fc.property(label, label, label, fc.integer({ min: 20, max: 63 }), (parent, one, other, limit) => {
        const name = childName(parent, one, limit);
        expect(name).toMatch(/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/);
        expect(name.length).toBeLessThanOrEqual(limit);
        expect(childName(parent, one, limit)).toBe(name);
        expect(childName(parent, other, limit) === name).toBe(one === other);
      }),
    );
  });

  test('that are long differ even where only their ends do', () => {
    const parent = 'a'.repeat(63);
    expect(childName(parent, 'x')).not.toBe(childName(parent, 'y'));
    expect(childName(`${parent.slice(1)}b`, 'x')).not.toBe(childName(parent, 'x'));
  });
});
