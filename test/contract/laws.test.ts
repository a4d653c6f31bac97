/** What holds of every contract and of all inputs. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { checkInputs } from '../../src/contract/check-inputs.ts';
import { compareContracts } from '../../src/contract/compare-contracts.ts';
import type { ValueType } from '../../src/contract/model.ts';
import { parseContract } from '../../src/contract/parse-contract.ts';
import { printContract } from '../../src/contract/print-contract.ts';
import { bytes, contractOf, contractWith, gitClone } from './kit.ts';

const names = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,10}$/);
const labels = fc.stringMatching(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/);
const globs = fc.stringMatching(/^[a-z*][a-z0-9*-]{0,8}$/);
const texts = fc.string({ maxLength: 20 }).filter((text) => !/\p{Cc}|\p{Cf}/u.test(text));
const durations = fc.integer({ min: 1, max: 100_000 }).map((n) => `${n}ms`);

const typedValues: Readonly<Record<ValueType, fc.Arbitrary<unknown>>> = {
  string: fc.string({ maxLength: 30, unit: 'grapheme' }),
  integer: fc.maxSafeInteger(),
  number: fc.double({ min: -1e9, max: 1e9, noNaN: true }).map((n) => (Object.is(n, -0) ? 0 : n)),
  boolean: fc.boolean(),
  duration: durations,
  object: fc.dictionary(names, fc.oneof(texts, fc.integer(), fc.constant(null)), { maxKeys: 3 }),
  array: fc.array(fc.oneof(texts, fc.integer()), { maxLength: 3 }),
};
const types = fc.constantFrom('string', 'integer', 'number', 'boolean', 'duration', 'object', 'array');

/** An input with a default of its own type, and limits that hold it. */
const inputs = types.chain((type) =>
  fc
    .record(
      {
        name: names.filter((name) => name !== 'namespace'),
        type: fc.constant(type),
        description: texts,
        default: typedValues[type],
        maxLength: fc.constant(100),
        pattern: fc.constant('^[^]*$'),
        minimum: fc.constant(type === 'duration' ? '1ms' : -1e15),
      },
      { requiredKeys: ['name', 'type'] },
    )
    .map(({ maxLength, pattern, minimum, ...input }) => ({
      ...input,
      ...(maxLength !== undefined && (type === 'string' || type === 'array') ? { maxLength } : {}),
      ...(pattern !== undefined && type === 'string' ? { pattern: '^.*' } : {}),
      ...(minimum !== undefined && (type === 'duration' || type === 'number') ? { minimum } : {}),
    })),
);

const quantities = fc.record(
  { cpu: fc.nat(4).map((n) => `${n}`), memory: fc.nat(999).map((n) => `${n}Mi`) },
  { requiredKeys: [] },
);
const permissions = fc.record({
  apiGroups: fc.constantFrom([''], ['apps', 'batch'], ['*']),
  resources: fc.constantFrom(['pods'], ['pods', 'pods/log'], ['*'], ['*/scale']),
  verbs: fc.constantFrom(['get'], ['get', 'list'], ['*']),
  resourceNames: fc.constantFrom([], ['a'], ['a', 'b']),
});

const documents = fc
  .record({
    metadata: fc.record({ name: labels, version: fc.constantFrom('v1.0.0', '0.3.1', '1.4.0-rc.1+x') }),
    spec: fc.record(
      {
        description: texts,
        inputs: fc.uniqueArray(inputs, { selector: ({ name }) => name, maxLength: 6 }),
        outputs: fc.uniqueArray(fc.record({ name: names, type: types }), {
          selector: ({ name }) => name,
          maxLength: 3,
        }),
        resources: fc.record({ limits: quantities }, { requiredKeys: [] }),
        rbac: fc.record({ permissions: fc.array(permissions, { maxLength: 3 }) }),
        securityContext: fc.record(
          {
            runAsUser: fc.integer({ min: 1, max: 65_535 }),
            runAsNonRoot: fc.boolean(),
            readOnlyRootFilesystem: fc.boolean(),
            capabilities: fc.constantFrom({ drop: ['ALL'] }, { add: ['NET_BIND_SERVICE'], drop: ['ALL'] }, {}),
            seccompProfile: fc.constantFrom({ type: 'RuntimeDefault' }, { type: 'Localhost', localhostProfile: 'a' }),
          },
          { requiredKeys: [] },
        ),
        namespaces: fc.record(
          { run: fc.array(globs, { maxLength: 3 }), target: fc.array(globs, { maxLength: 3 }) },
          { requiredKeys: [] },
        ),
        shell: fc.boolean(),
        timeout: fc.integer({ min: 1000, max: 1e9 }).map((n) => `${n}ms`),
        workspace: fc.constantFrom('required', 'optional', 'none'),
      },
      { requiredKeys: [] },
    ),
  })
  .map((parts) => ({ apiVersion: gitClone.apiVersion, kind: gitClone.kind, ...parts }));

describe('a contract', () => {
  test('that is printed and read again is the same, as YAML and as JSON', () => {
    fc.assert(
      fc.property(documents, (document) => {
        const printed = printContract(contractOf(document));
        expect(printContract(contractOf(stringify(printed)))).toEqual(printed);
        expect(printContract(contractOf(printed))).toEqual(printed);
      }),
    );
  });

  test('keeps the inputs that name targets', () => {
    const inputs = [
      { name: 'namespace', type: 'string' },
      { name: 'other', type: 'array' },
    ];
    for (const targetInputs of [['namespace'], ['namespace', 'other'], ['other', 'namespace'], ['other'], []]) {
      const contract = contractWith({ inputs, namespaces: { targetInputs } });
      expect(contractOf(printContract(contract)).targetInputs).toEqual(targetInputs);
    }
  });

  test('keeps what was written', () => {
    fc.assert(
      fc.property(documents, (document) => {
        expect(printContract(contractOf(document))).toMatchObject(document);
      }),
    );
  });

  test('is compatible with itself', () => {
    fc.assert(
      fc.property(documents, (document) => {
        expect(compareContracts(contractOf(document), contractOf(document))).toEqual([]);
      }),
    );
  });
});

describe('nothing is thrown', () => {
  test('by any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (given) => {
        expect(parseContract(given).ok).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  test('by a contract with any byte of it changed', () => {
    const good = bytes(stringify(gitClone));
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, value) => {
        const read = parseContract(good.with(at, value));
        expect(read.ok || read.failure.length > 0).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test('by any object in the place of any member', () => {
    const members = ['inputs', 'outputs', 'resources', 'rbac', 'securityContext', 'namespaces', 'timeout', 'workspace'];
    fc.assert(
      fc.property(fc.constantFrom(...members), fc.json({ maxDepth: 4 }), (member, json) => {
        const text = JSON.stringify({ ...gitClone, spec: { ...gitClone.spec, [member]: 'HERE' } });
        const read = parseContract(bytes(text.replace('"HERE"', () => json)));
        expect(read.ok || read.failure.length > 0).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test('by any inputs', () => {
    fc.assert(
      fc.property(documents, fc.oneof(fc.json({ maxDepth: 3 }), fc.string()), (document, text) => {
        const { filled, problems } = checkInputs(contractOf(document), text);
        expect(problems.every(({ message }) => message !== '')).toBe(true);
        expect(JSON.stringify(filled)).toBeTypeOf('string');
      }),
    );
  });
});

describe('filling in defaults', () => {
  const runs = documents.chain((document) => {
    const members = (document.spec.inputs ?? []).map(
      ({ name, type }) => [name, fc.option(typedValues[type], { nil: undefined })] as const,
    );
    return fc.record({ document: fc.constant(document), given: fc.record(Object.fromEntries(members)) });
  });

  test('is done once: what is filled in needs nothing more', () => {
    fc.assert(
      fc.property(runs, ({ document, given }) => {
        const contract = contractOf(document);
        const once = checkInputs(contract, JSON.stringify(given));
        fc.pre(once.problems.length === 0);
        const text = JSON.stringify(once.filled);
        const twice = checkInputs(contract, text);
        expect(twice.problems).toEqual([]);
        expect(JSON.stringify(twice.filled)).toBe(text);
      }),
    );
  });

  test('changes nothing that was given, and adds only defaults', () => {
    fc.assert(
      fc.property(runs, ({ document, given }) => {
        const contract = contractOf(document);
        const written = JSON.parse(JSON.stringify(given)) as Record<string, unknown>;
        const { filled } = checkInputs(contract, JSON.stringify(given));
        const defaults = contract.inputs
          .filter((input) => input.default !== undefined)
          .map((input) => [input.name, input.default]);
        expect(filled).toEqual({ ...Object.fromEntries(defaults), ...written });
      }),
    );
  });
});
