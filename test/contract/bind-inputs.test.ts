import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allowedTargets, bindInputs, isAllowed } from '../../src/contract/bind-inputs.ts';
import { compileNameGlob } from '../../src/kernel/name-glob.ts';
import { contractWith } from './kit.ts';

const contract = contractWith({
  inputs: [
    { name: 'deployment', type: 'string', required: true },
    { name: 'namespace', type: 'string', required: true },
    { name: 'replicas', type: 'integer', default: 2, maximum: 10 },
  ],
});
const withoutInputs = contractWith({ inputs: [] });

const lists = (...all: readonly (readonly string[])[]) =>
  all.map((list) =>
    list.map((source) => {
      const glob = compileNameGlob(source);
      if (!glob.ok) throw new Error(glob.problem);
      return glob.value;
    }),
  );
const rules = { policies: ['actions'], targets: lists(['production', 'team-*']) };
const anywhere = { policies: ['actions'], targets: [] };

const inputs = (value: unknown) => ({
  name: 'ACTION_INPUTS',
  value: typeof value === 'string' ? value : JSON.stringify(value),
});
const told = { name: 'ACTION_ALLOWED_NAMESPACES', value: 'production,team-*' };
const complete = { deployment: 'web', namespace: 'production', replicas: 3 };

const bind = (container: object, of = contract, by = rules) =>
  bindInputs({ contract: of, rules: by }, { ...container }, 'env');

describe('ACTION_INPUTS', () => {
  test('that needs nothing stays as it was written', () => {
    const given = inputs('{ "deployment": "web",\n"namespace":"team-a", "replicas": 1 }');
    expect(bind({ env: [given, told] })).toStrictEqual({ value: [given, told], conflicts: [] });
  });

  test.each<[string, object, unknown]>([
    ['has its defaults filled in', { deployment: 'web', namespace: 'production' }, { ...complete, replicas: 2 }],
    ['keeps what it has', { ...complete, replicas: 10 }, { ...complete, replicas: 10 }],
  ])('%s', (_title, given, expected) => {
    const { value, conflicts } = bind({ env: [{ name: 'A', value: '1' }, inputs(given)] });
    expect(conflicts).toStrictEqual([]);
    expect(value).toStrictEqual([{ name: 'A', value: '1' }, inputs(expected), told]);
  });

  test('is made of defaults alone where there is none', () => {
    const defaults = contractWith({ inputs: [{ name: 'replicas', type: 'integer', default: 2 }] });
    expect(bind({}, defaults, anywhere).value).toStrictEqual([inputs({ replicas: 2 })]);
  });

  test('is left out where the action takes none', () => {
    expect(bind({}, withoutInputs, anywhere)).toStrictEqual({ value: [], conflicts: [] });
  });

  test('cannot come from a ConfigMap beside it', () => {
    const envFrom = [{ configMapRef: { name: 'inputs' } }];
    expect(bind({ envFrom }, withoutInputs, anywhere).value).toStrictEqual([inputs({})]);
    expect(bind({ envFrom }).conflicts.map(({ message }) => message)).toContainEqual(
      'deployment: is required and missing; it takes a value of type string',
    );
  });

  test('escapes what the kubelet would expand in a default', () => {
    const dollars = contractWith({ inputs: [{ name: 'text', type: 'string', default: 'a $(HOME) $$ é$é $' }] });
    const { value, conflicts } = bind({}, dollars, anywhere);
    expect(conflicts).toStrictEqual([]);
    expect(value).toStrictEqual([inputs('{"text":"a $$(HOME) $$$$ é$$é $$"}')]);
    expect(bind({ env: value }, dollars, anywhere)).toStrictEqual({ value, conflicts: [] });
  });

  test('is read as the action will see it', () => {
    const text = contractWith({ inputs: [{ name: 'text', type: 'string', enum: ['$(HOME)', '$HOME', '5$'] }] });
    for (const written of ['$$(HOME)', '$HOME', '$$HOME', '5$', '5$$'])
      expect(bind({ env: [inputs({ text: written })] }, text, anywhere).conflicts).toStrictEqual([]);
    for (const written of ['$$$$(HOME)', '$$$HOME '])
      expect(bind({ env: [inputs({ text: written })] }, text, anywhere).conflicts).toHaveLength(1);
  });

  const literal = 'ACTION_INPUTS has to be a literal value; what is looked up elsewhere cannot be checked';

  test.each<[string, readonly unknown[], string, string]>([
    ['valueFrom', [{ name: 'ACTION_INPUTS', valueFrom: { secretKeyRef: {} } }], 'env[0]', literal],
    ['value and valueFrom', [{ ...inputs(complete), valueFrom: {} }], 'env[0]', literal],
    ['a reference', [inputs('{"deployment":"$(NAME)"}')], 'env[0]', literal],
    ['a reference behind an escape', [inputs('$$$(NAME)')], 'env[0]', literal],
    ['a dollar that the kubelet mangles', [inputs({ ...complete, deployment: '$é' })], 'env[0]', literal],
    ['a number', [{ name: 'ACTION_INPUTS', value: 7 }], 'env[0]', literal],
    ['two of them', [inputs(complete), inputs(complete)], 'env', 'ACTION_INPUTS is there more than once'],
  ])('is refused with %s', (_title, env, field, message) => {
    expect(bind({ env }).conflicts).toStrictEqual([{ code: 'INPUT_INVALID', field, message }]);
  });

  test.each<[string, unknown]>([
    ['no JSON', 'deployment=web'],
    ['a list', []],
    ['the same name twice', '{"deployment":"a","deployment":"b","namespace":"production"}'],
    ['null in the place of a default', { ...complete, replicas: null }],
    ['a wrong type', { ...complete, replicas: '3' }],
    ['too much', { ...complete, replicas: 11 }],
    ['an unknown name', { ...complete, force: true }],
    ['a name that every object has', { ...complete, constructor: 'x' }],
    ['a namespace that is none', { ...complete, namespace: 'production,kube-system' }],
  ])('is refused with %s, at its value', (_title, value) => {
    const { conflicts } = bind({ env: [{ name: 'A' }, inputs(value)] });
    expect(conflicts.length).toBeGreaterThan(0);
    for (const { code, field } of conflicts) {
      expect(['INPUT_INVALID', 'TARGET_NOT_ALLOWED']).toContain(code);
      expect(field).toBe('env[1].value');
    }
  });

  test('is refused with everything that is wrong with it at once', () => {
    const { conflicts } = bind({ env: [inputs({ namespace: 'kube-system', replicas: 'x', force: 1 })] });
    expect(conflicts.map(({ message }) => message)).toStrictEqual([
      'deployment: is required and missing; it takes a value of type string',
      expect.stringMatching(/^replicas: /),
      expect.stringMatching(/^force: there is no such input/),
      'input namespace: namespace kube-system is not in the allowlist of actions',
    ]);
  });
});

describe('a target namespace', () => {
  const listed = contractWith({
    inputs: [{ name: 'places', type: 'array', required: true }],
    namespaces: { target: ['team-*'], targetInputs: ['places'] },
  });
  const places = (value: unknown, by = rules) => bind({ env: [inputs({ places: value })] }, listed, by).conflicts;

  test('has to be in every list', () => {
    expect(places(['team-a', 'team-b'])).toStrictEqual([]);
    expect(places(['team-a', 'production', 'kube-system'])).toStrictEqual(
      ['production', 'kube-system'].map((name) => ({
        code: 'TARGET_NOT_ALLOWED',
        field: 'env[0].value',
        message: `input places: namespace ${name} is not in the allowlist of actions, the contract of git-clone`,
      })),
    );
  });

  test('is limited by the contract alone where policies say nothing', () => {
    expect(places(['production'], anywhere).map(({ message }) => message)).toStrictEqual([
      'input places: namespace production is not in the allowlist of the contract of git-clone',
    ]);
  });

  test('is not allowed by an empty list', () => {
    expect(places(['team-a'], { ...rules, targets: lists([]) })).toHaveLength(1);
  });
});

describe('ACTION_ALLOWED_NAMESPACES', () => {
  const spoofed = [{ name: 'ACTION_ALLOWED_NAMESPACES', value: '*' }, { name: 'A' }, { ...told, value: 'kube-system' }];

  test('takes the place of whatever was written there', () => {
    const { value } = bind({ env: spoofed }, withoutInputs);
    expect(value).toStrictEqual([told, { name: 'A' }]);
  });

  test('is told to an image without contract too', () => {
    expect(bindInputs({ rules }, {}, 'env')).toStrictEqual({ value: [told], conflicts: [] });
  });

  test('is written as the API server stores it when nothing is allowed', () => {
    const nothing = { ...rules, targets: lists([]) };
    expect(bindInputs({ rules: nothing }, {}, 'env').value).toStrictEqual([{ name: 'ACTION_ALLOWED_NAMESPACES' }]);
  });

  test.each<[readonly (readonly string[])[], readonly string[] | undefined]>([
    [[], undefined],
    [[['a', 'b']], ['a', 'b']],
    [[['b', 'a'], ['a']], ['a']],
    [[['team-*'], ['team-a', 'production']], ['team-a']],
    [[['team-*'], ['*-a', 'team-*']], ['team-*']],
    [
      [['*'], ['team-*', 'x']],
      ['team-*', 'x'],
    ],
    [[['a'], ['b']], []],
    [[['a'], []], []],
    // No pattern says what both say: stricter than the gate, never looser.
    [[['team-*'], ['*-a']], []],
  ])('of %j is %j', (all, expected) => {
    expect(allowedTargets(lists(...all))).toStrictEqual(expected);
  });

  test('never allows what the gate does not', () => {
    const source = fc.constantFrom('*', 'a', 'ab', 'a*', '*b', 'a*b', 'b*', '**', 'a**');
    fc.assert(
      fc.property(fc.array(fc.array(source, { maxLength: 3 }), { minLength: 1, maxLength: 3 }), (all) => {
        const globs = lists(allowedTargets(lists(...all)) ?? []);
        for (const name of ['a', 'b', 'ab', 'abb', 'ba', 'c', 'a-b'])
          expect(isAllowed(globs, name) && !isAllowed(lists(...all), name)).toBe(false);
      }),
    );
  });
});

test('bound twice is as bound once', () => {
  const value = fc.oneof(
    fc.json(),
    fc.constantFrom('', '{}', JSON.stringify(complete), '{"deployment":"$$(x)","namespace":"team-a"}', '$(A)'),
  );
  const entry = fc.record({ name: fc.constantFrom('A', 'ACTION_INPUTS', 'ACTION_ALLOWED_NAMESPACES'), value });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 3 }), fc.constantFrom(contract, withoutInputs), (env, of) => {
      const once = bind({ env }, of);
      const twice = bind({ env: once.value }, of);
      expect(twice.value).toStrictEqual(once.value);
      expect(twice.conflicts.map(({ message }) => message)).toStrictEqual(once.conflicts.map(({ message }) => message));
    }),
  );
});
