import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { difference, patched, type PatchOperation } from '../../src/kernel/json-patch.ts';

describe('a patch is applied', () => {
  // RFC 6902 appendix A, as far as add, remove and replace go.
  test.each<[string, unknown, readonly PatchOperation[], unknown]>([
    ['A.1 adding a member', { foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux' }], { baz: 'qux', foo: 'bar' }],
    [
      'A.2 adding an element',
      { foo: ['bar', 'baz'] },
      [{ op: 'add', path: '/foo/1', value: 'qux' }],
      { foo: ['bar', 'qux', 'baz'] },
    ],
    ['A.3 removing a member', { baz: 'qux', foo: 'bar' }, [{ op: 'remove', path: '/baz' }], { foo: 'bar' }],
    [
      'A.4 removing an element',
      { foo: ['bar', 'qux', 'baz'] },
      [{ op: 'remove', path: '/foo/1' }],
      { foo: ['bar', 'baz'] },
    ],
    [
      'A.5 replacing a value',
      { baz: 'qux', foo: 'bar' },
      [{ op: 'replace', path: '/baz', value: 'boo' }],
      { baz: 'boo', foo: 'bar' },
    ],
    [
      'A.10 adding a nested member',
      { foo: 'bar' },
      [{ op: 'add', path: '/child', value: { grandchild: {} } }],
      { foo: 'bar', child: { grandchild: {} } },
    ],
    ['A.14 escaped names', { '/': 9, '~1': 10 }, [{ op: 'replace', path: '/~01', value: 11 }], { '/': 9, '~1': 11 }],
    [
      'A.16 adding a list as an element',
      { foo: ['bar'] },
      [{ op: 'add', path: '/foo/-', value: ['abc', 'def'] }],
      { foo: ['bar', ['abc', 'def']] },
    ],
    ['replacing the whole', { foo: 1 }, [{ op: 'replace', path: '', value: [1] }], [1]],
    ['adding what is there replaces it', { foo: 1 }, [{ op: 'add', path: '/foo', value: 2 }], { foo: 2 }],
    ['an empty name', { '': 1 }, [{ op: 'replace', path: '/', value: 2 }], { '': 2 }],
    ['no operations', { foo: 1 }, [], { foo: 1 }],
  ])('%s', (_title, document, patch, expected) => {
    const before = structuredClone(document);
    expect(patched(document, patch)).toStrictEqual(expected);
    expect(document).toStrictEqual(before);
  });

  test.each<[string, unknown, PatchOperation]>([
    ['A.12 a place inside nothing', { foo: 'bar' }, { op: 'add', path: '/baz/bat', value: 'qux' }],
    ['an element behind the end', { foo: ['bar'] }, { op: 'add', path: '/foo/2', value: 1 }],
    ['replacing an element that is not there', { foo: ['bar'] }, { op: 'replace', path: '/foo/1', value: 1 }],
    ['removing an element that is not there', { foo: [] }, { op: 'remove', path: '/foo/0' }],
    ['removing behind the end', { foo: ['bar'] }, { op: 'remove', path: '/foo/-' }],
    ['removing a member that is not there', { foo: 1 }, { op: 'remove', path: '/bar' }],
    ['replacing a member that is not there', { foo: 1 }, { op: 'replace', path: '/bar', value: 1 }],
    ['what every object inherits', { foo: 1 }, { op: 'remove', path: '/constructor' }],
    ['A.15 an index that is no number', { foo: [1] }, { op: 'replace', path: '/foo/bar', value: 1 }],
    ['an index with a zero before it', { foo: [1, 2] }, { op: 'replace', path: '/foo/01', value: 1 }],
    ['a place inside a text', { foo: 'bar' }, { op: 'add', path: '/foo/0', value: 1 }],
  ])('and is refused for %s', (_title, document, operation) => {
    expect(() => patched(document, [operation])).toThrow(operation.path);
  });
});

describe('the difference', () => {
  test.each<[string, unknown, unknown, readonly PatchOperation[]]>([
    ['names only what differs', { a: 1, b: { c: 1, d: 2 } }, { a: 1, b: { c: 3, d: 2 } }, [rep('/b/c', 3)]],
    ['adds in one piece', { a: 1 }, { a: 1, b: { c: { d: 1 } } }, [add('/b', { c: { d: 1 } })]],
    ['appends to lists', { a: [1] }, { a: [1, 2, 3] }, [add('/a/-', 2), add('/a/-', 3)]],
    [
      'takes away from the end of lists',
      [1, 2, 3],
      [1],
      [
        { op: 'remove', path: '/2' },
        { op: 'remove', path: '/1' },
      ],
    ],
    ['escapes names', { 'a/b~c': 1 }, { 'a/b~c': 2 }, [rep('/a~1b~0c', 2)]],
    ['takes undefined for absent', { a: undefined }, {}, []],
    ['knows null from absent', {}, { a: null }, [add('/a', null)]],
    ['replaces a value of another type', { a: [] }, { a: {} }, [rep('/a', {})]],
    ['adds what every object inherits', {}, { constructor: 'x' }, [add('/constructor', 'x')]],
    ['removes what every object inherits', { toString: 'x' }, {}, [{ op: 'remove', path: '/toString' }]],
    [
      'adds a name that means something to JavaScript',
      {},
      JSON.parse('{"__proto__":{"a":1}}'),
      [add('/__proto__', { a: 1 })],
    ],
  ])('%s', (_title, before, after, expected) => {
    expect(difference(before, after)).toStrictEqual(expected);
  });

  const json = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom<unknown>(null, true, 0, 1, '', 'a'),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom('a', 'b', '', 'a/b', '~', '~1', 'constructor'), tie('value'), {
        maxKeys: 4,
        noNullPrototype: true,
      }),
    ),
  })).value;

  test('applied to the one gives the other', () => {
    fc.assert(
      fc.property(json, json, (before, after) => {
        expect(patched(before, difference(before, after))).toEqual(after);
      }),
      { numRuns: 1_000 },
    );
  });

  test('of a value and itself is empty', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(difference(value, structuredClone(value))).toStrictEqual([]);
      }),
    );
  });

  test('is over once it was applied', () => {
    fc.assert(
      fc.property(json, json, (before, after) => {
        expect(difference(patched(before, difference(before, after)), after)).toStrictEqual([]);
      }),
    );
  });
});

function add(path: string, value: unknown): PatchOperation {
  return { op: 'add', path, value };
}

function rep(path: string, value: unknown): PatchOperation {
  return { op: 'replace', path, value };
}
