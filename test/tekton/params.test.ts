import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  readDefaults,
  readParams,
  substitute,
  substituteList,
  withDefaults,
  withTaskDefaults,
  type Params,
} from '../../src/tekton/params.ts';

const params: Params = new Map<string, string | readonly string[] | ReadonlyMap<string, string>>([
  ['image', 'ghcr.io/acme/tool:1'],
  ['dotted.name', 'x'],
  ['list', ['a', 'b']],
  [
    'object',
    new Map([
      ['image', 'ghcr.io/acme/other'],
      ['a.b', 'deep'],
    ]),
  ],
  ['nested', '$(params.image)'],
]);

test.each([
  ['$(params.image)', 'ghcr.io/acme/tool:1'],
  ['$(params["image"])', 'ghcr.io/acme/tool:1'],
  ["$(params['image'])", 'ghcr.io/acme/tool:1'],
  ['$(params["dotted.name"])', 'x'],
  ['$(params.dotted.name)', 'x'],
  ['$(params.list[1])', 'b'],
  ['$(params["list"][0])', 'a'],
  ['$(params.object.image)', 'ghcr.io/acme/other'],
  ['$(params.object.a.b)', 'deep'],
  ['r/$(params.list[0])-$(params.list[1]):$(params.dotted.name)', 'r/a-b:x'],
  ['plain', 'plain'],
  ['$params.image', '$params.image'],
  ['', ''],
])('%s becomes %s', (text, expected) => {
  expect(substitute(text, [params])).toEqual({ ok: true, value: expected });
});

test.each([
  ['of a list as a whole', '$(params.list)'],
  ['of a list with a star', '$(params.list[*])'],
  ['of an object as a whole', '$(params.object)'],
  ['beyond the end of a list', '$(params.list[2])'],
  ['of an index into a text', '$(params.image[0])'],
  ['of an index that is a word', '$(params.list[first])'],
  ['of a key that is not there', '$(params.object.none)'],
  ['of a key in brackets', '$(params["object"].image)'],
  ['nobody gave', '$(params.none)'],
  ['of a result', '$(tasks.build.results.image)'],
  ['of a step result', '$(steps.build.results.image)'],
  ['of the context', '$(context.taskRun.name)'],
  ['of a workspace', '$(workspaces.source.path)'],
  ['that is not closed', 'r/$(params.image'],
  ['inside another', '$(params.$(params.image))'],
  ['without a name', '$()'],
  ['in a value', '$(params.nested)'],
  ['of a built-in property', '$(params.constructor)$(params.object.constructor)$(params.list.length)'],
])('a variable %s is unknown: %s', (_what, text) => {
  expect(substitute(text, [params])).toMatchObject({ ok: false, failure: { code: 'IMAGE_UNRESOLVED' } });
});

test('the nearest parameter hides the others', () => {
  const near = new Map([['image', 'near']]);
  expect(substitute('$(params.image) $(params.list[0])', [near, params])).toEqual({ ok: true, value: 'near a' });
});

test('two halves of values never make a variable', () => {
  const halves = new Map([
    ['a', '$('],
    ['b', 'params.image)'],
  ]);
  expect(substitute('$(params.a)$(params.b)', [halves, params]).ok).toBe(false);
});

test('numbers and truth values are texts, as Tekton reads them', () => {
  const read = readParams([
    { name: 'n', value: 7 },
    { name: 't', value: true },
    { name: 'l', value: [1, 'x'] },
  ]);
  expect([...read]).toEqual([
    ['n', '7'],
    ['t', 'true'],
    ['l', ['1', 'x']],
  ]);
});

test.each([[undefined], [null], ['text'], [{}], [[null, 'x', { value: 'x' }, { name: 3, value: 'x' }, { name: 'x' }]]])(
  '%j holds no parameters',
  (list) => {
    expect(readParams(list).size).toBe(0);
  },
);

test('defaults stand behind what is given, and may lean on each other in any order', () => {
  const defaults = readDefaults([
    { name: 'image', default: '$(params.registry)/$(params.name)' },
    { name: 'name', default: 'tool:$(params.tag)' },
    { name: 'registry', default: 'ghcr.io' },
    { name: 'tag', default: '1' },
    { name: 'where', default: { host: 'a', path: 'b' } },
  ]);
  const all = withDefaults(
    readParams([
      { name: 'tag', value: '2' },
      { name: 'where', value: { path: 'c' } },
    ]),
    defaults,
  );
  expect(all.get('image')).toBe('ghcr.io/tool:2');
  expect(all.get('where')).toEqual(
    new Map([
      ['host', 'a'],
      ['path', 'c'],
    ]),
  );
});

describe('a default of a task', () => {
  const settled = (text: string, given: unknown = []): unknown => {
    const declared = [
      { name: 'image', default: text },
      { name: 'registry', default: 'preset' },
      { name: 'name', default: 'tool' },
    ];
    const found = substitute('$(params.image)', [withTaskDefaults(readParams(given), readDefaults(declared))]);
    return found.ok ? found.value : 'unknown';
  };
  const elsewhere = [{ name: 'registry', value: 'given' }];

  test.each<[string, string, unknown, string]>([
    ['may name another default', '$(params.registry)/x', [], 'preset/x'],
    ['names that default even where it is given', '$(params.registry)/x', elsewhere, 'preset/x'],
    ['counts only where nothing is given', '$(params.registry)/x', [{ name: 'image', value: 'own' }], 'own'],
    ['that names two is not known', '$(params.registry)/$(params.name)', [], 'unknown'],
    ['that names itself is not known', '$(params.image)', [], 'unknown'],
  ])('%s', (_what, text, given, expected) => {
    expect(settled(text, given)).toBe(expected);
  });
});

test('defaults that lean on each other in a circle stay unknown', () => {
  const defaults = readDefaults([
    { name: 'a', default: '$(params.b)' },
    { name: 'b', default: '$(params.a)' },
  ]);
  expect(substitute('$(params.a)', [withDefaults(new Map(), defaults)]).ok).toBe(false);
});

test('defaults that double each other end small', () => {
  const defaults = Array.from({ length: 9 }, (_, level) => ({
    name: `p${level + 1}`,
    default: `$(params.p${level})`.repeat(500),
  }));
  const all = withDefaults(readParams([{ name: 'p0', value: 'x'.repeat(500) }]), readDefaults(defaults));
  expect(substitute('$(params.p9)', [all]).ok).toBe(false);
  expect(JSON.stringify([...all]).length).toBeLessThan(300_000);
});

test('a list may be named as a whole where a list is expected', () => {
  expect(substituteList('$(params.list[*])', [params])).toEqual({ ok: true, value: ['a', 'b'] });
  expect(substituteList(['$(params.image)', 'x'], [params])).toEqual({ ok: true, value: ['ghcr.io/acme/tool:1', 'x'] });
  expect(substituteList(['x', '$(params.list[*])'], [params])).toEqual({ ok: true, value: ['x', 'a', 'b'] });
  expect(substituteList('$(params.image[*])', [params]).ok).toBe(false);
  expect(substituteList(['$(tasks.a.results.b[*])'], [params]).ok).toBe(false);
});

test('whatever is known holds no variable', () => {
  const part = fc.constantFrom('$(', ')', 'params', '.', '"', "'", '[', ']', '*', '0', 'a', 'b', '$', '\n', 'é');
  const text = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, fc.dictionary(fc.constantFrom('a', 'b', 'a.b'), text), (template, values) => {
      const found = substitute(template, [new Map(Object.entries(values))]);
      expect(found.ok ? found.value : '').not.toContain('$(');
    }),
    { numRuns: 2_000 },
  );
});

test('a text without a variable stays as it is, whatever parameters there are', () => {
  fc.assert(
    fc.property(fc.string(), fc.dictionary(fc.string(), fc.string()), (text, values) => {
      fc.pre(!text.includes('$('));
      expect(substitute(text, [new Map(Object.entries(values))])).toEqual({ ok: true, value: text });
    }),
  );
});
