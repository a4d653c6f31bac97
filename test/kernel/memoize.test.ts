import { expect, test } from 'vitest';
import { memoize } from '../../src/kernel/memoize.ts';

test('works each key out once, forgets the oldest beyond its limit, and tries again after an exception', () => {
  const made: string[] = [];
  const get = memoize(2, (key) => {
    made.push(key);
    if (key === 'bad') throw new Error('bad');
    return key.toUpperCase();
  });
  expect([get('a'), get('a'), get('b'), get('a')]).toEqual(['A', 'A', 'B', 'A']);
  expect(made).toEqual(['a', 'b']);
  expect([get('c'), get('b'), get('a')]).toEqual(['C', 'B', 'A']);
  expect(made).toEqual(['a', 'b', 'c', 'a']);
  expect(() => get('bad')).toThrow('bad');
  expect(() => get('bad')).toThrow('bad');
});
