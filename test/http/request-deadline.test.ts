import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deadlineMs, parseGoDuration } from '../../src/http/request-deadline.ts';

describe('a duration of Go', () => {
  test.each([
    ['10s', 10_000],
    ['1m30s', 90_000],
    ['1.5s', 1500],
    ['250ms', 250],
    ['1h', 3_600_000],
    ['100us', 0.1],
    ['100µs', 0.1],
    ['1m0s', 60_000],
  ])('%s is %d milliseconds', (text, milliseconds) => {
    expect(parseGoDuration(text)).toBeCloseTo(milliseconds);
  });

  test.each(['', '10', 's', '-1s', '+1s', '1 s', '1S', '.5s', '1e3s', 'Infinity', '0s', '1d', '9999999999s', '10s,5s'])(
    '"%s" is none that is taken',
    (text) => {
      expect(parseGoDuration(text)).toBeUndefined();
    },
  );
});

describe('the deadline of an answer', () => {
  test.each([
    { timeout: undefined, ms: 9500 },
    { timeout: '10s', ms: 9500 },
    { timeout: '30s', ms: 29_500 },
    { timeout: '1s', ms: 500 },
    { timeout: '200ms', ms: 100 },
    { timeout: '100h', ms: 29_500 },
    { timeout: 'soon', ms: 9500 },
  ])('for timeout $timeout is $ms ms', ({ timeout, ms }) => {
    expect(deadlineMs(timeout)).toBe(ms);
  });

  test('is before the patience of the caller ends, whatever the caller writes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.nat(100_000).map((ms) => `${ms}ms`),
        ),
        (timeout) => {
          const deadline = deadlineMs(timeout);
          expect(deadline).toBeGreaterThan(0);
          expect(deadline).toBeLessThan(Math.min(parseGoDuration(timeout) ?? 10_000, 30_000));
        },
      ),
    );
  });
});
