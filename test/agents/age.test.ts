import { expect, test } from 'vitest';
import { ageOf } from '../../src/agents/age.ts';

const now = new Date('2026-01-10T00:00:00Z');

test.each([
  [0, '0s'],
  [-5, '0s'],
  [119, '119s'],
  [125, '2m5s'],
  [3_600, '60m'],
  [10_800, '3h'],
  [172_800, '2d'],
])('%d seconds ago is %s', (seconds, text) => {
  expect(ageOf(new Date(now.getTime() - seconds * 1_000).toISOString(), now)).toBe(text);
});

test('what is no time has no age', () => {
  expect(ageOf('', now)).toBe('');
});
