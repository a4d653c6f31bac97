import fc from 'fast-check';
import { expect, test } from 'vitest';
import { contextData } from '../../src/agents/context-config-map.ts';

function keysFor(paths: readonly string[]): readonly (string | undefined)[] {
  const { keys } = contextData({ files: paths.map((path) => ({ path, content: { text: path } })) });
  return paths.map((path) => keys.get(path));
}

test.each([
  ['/workspace/task.md', 'workspace-task.md'],
  ['/workspace/guides/standards.md', 'workspace-guides-standards.md'],
  ['/workspace/.kubeopencode/context.md', 'workspace-.kubeopencode-context.md'],
  ['/tools/opencode.json', 'tools-opencode.json'],
  ['/workspace/a b/ä.md', 'workspace-a_b-_.md'],
])('%s has the key %s', (path, key) => {
  expect(keysFor([path])).toEqual([key]);
});

test('paths that would have one key have two', () => {
  const [one, other, third] = keysFor(['/a-b', '/a/b', '/a_b']);
  expect(one).toMatch(/^a-b-[0-9a-f]{10}$/);
  expect(other).toMatch(/^a-b-[0-9a-f]{10}$/);
  expect(one).not.toBe(other);
  expect(third).toBe('a_b');
});

test('nobody gets the key of another by writing its hash', () => {
  const [one = ''] = keysFor(['/a-b', '/a/b']);
  const keys = keysFor(['/a-b', '/a/b', `/${one}`]);
  expect(new Set(keys).size).toBe(3);
  expect(keys[2]).toBe(one);
});

test.each(['/..data', '/.', `/${'x/'.repeat(60)}${'y'.repeat(250)}`])('a key is possible for %s', (path) => {
  expect(keysFor([path])[0]).toMatch(/^(?!\.\.)[-._a-zA-Z0-9]{1,253}$/);
});

test('text is data, the rest is binaryData', () => {
  const files = [
    { path: '/w/a', content: { text: 'grüße\0\n' } },
    { path: '/w/b', content: { base64: '/wA=' } },
    { path: '/__proto__', content: { text: 'x' } },
  ];
  const { data, binaryData } = contextData({ files });
  expect(Object.entries(data)).toEqual([
    ['w-a', 'grüße\0\n'],
    ['__proto__', 'x'],
  ]);
  expect(binaryData).toEqual({ 'w-b': '/wA=' });
});

test('keys are what the API server takes, each of one path, in whatever order the paths come', () => {
  const segment = fc.oneof(fc.constantFrom('a', 'b', 'a-b', '-', '..x', '.', 'ä'), fc.stringMatching(/^[^/\0]{1,90}$/));
  const path = fc.array(segment, { minLength: 1, maxLength: 5 }).map((parts) => `/${parts.join('/')}`);
  fc.assert(
    fc.property(fc.uniqueArray(path, { maxLength: 12 }), (paths) => {
      const keys = keysFor(paths);
      expect(new Set(keys).size).toBe(paths.length);
      for (const key of keys) expect(key).toMatch(/^(?!\.\.|\.$)[-._a-zA-Z0-9]{1,253}$/);
      expect(keysFor(paths.toReversed()).toReversed()).toEqual(keys);
    }),
  );
});
