import { describe, expect, test } from 'vitest';
import { digestOf, hexOf, parseDigest } from '../../src/kernel/digest.ts';

const empty = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

test('the digest of bytes and of their text', () => {
  expect(digestOf('')).toBe(empty);
  expect(digestOf(new Uint8Array())).toBe(empty);
  expect(digestOf('ä')).toBe(digestOf(new TextEncoder().encode('ä')));
  expect(hexOf(digestOf(''))).toBe(empty.slice(7));
  expect(parseDigest(empty)).toBe(empty);
});

describe('is no digest', () => {
  test.each([
    ['nothing', undefined],
    ['a number', 7],
    ['a list of a digest', [empty]],
    ['the digits alone', empty.slice(7)],
    ['63 digits', empty.slice(0, -1)],
    ['65 digits', `${empty}0`],
    ['upper case', empty.toUpperCase()],
    ['a line break behind it', `${empty}\n`],
    ['a space before it', ` ${empty}`],
    ['another algorithm', `sha512:${'0'.repeat(128)}`],
    ['a path', `sha256:../${'0'.repeat(61)}`],
  ])('%s', (_title, value) => {
    expect(parseDigest(value)).toBeUndefined();
  });
});
