import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { durationText, millisOf, parseDuration } from '../../src/contract/duration.ts';

const us = 1000n;
const ms = 1000n * us;
const s = 1000n * ms;
const m = 60n * s;
const h = 60n * m;
const max = 2n ** 63n - 1n;

// Go, time/time_test.go: parseDurationTests
describe('reads what Go reads', () => {
  test.each([
    ['0', 0n],
    ['5s', 5n * s],
    ['30s', 30n * s],
    ['1478s', 1478n * s],
    ['-5s', -5n * s],
    ['+5s', 5n * s],
    ['-0', 0n],
    ['+0', 0n],
    ['5.0s', 5n * s],
    ['5.6s', 5n * s + 600n * ms],
    ['5.s', 5n * s],
    ['.5s', 500n * ms],
    ['1.0s', s],
    ['1.00s', s],
    ['1.004s', s + 4n * ms],
    ['1.0040s', s + 4n * ms],
    ['100.00100s', 100n * s + ms],
    ['10ns', 10n],
    ['11us', 11n * us],
    ['12µs', 12n * us],
    ['12μs', 12n * us],
    ['13ms', 13n * ms],
    ['14s', 14n * s],
    ['15m', 15n * m],
    ['16h', 16n * h],
    ['3h30m', 3n * h + 30n * m],
    ['10.5s4m', 4n * m + 10n * s + 500n * ms],
    ['-2m3.4s', -(2n * m + 3n * s + 400n * ms)],
    ['1h2m3s4ms5us6ns', h + 2n * m + 3n * s + 4n * ms + 5n * us + 6n],
    ['39h9m14.425s', 39n * h + 9n * m + 14n * s + 425n * ms],
    ['52763797000ns', 52_763_797_000n],
    ['0.3333333333333333333h', 20n * m],
    ['9007199254740993ns', 2n ** 53n + 1n],
    ['9223372036854775807ns', max],
    ['9223372036854775.807us', max],
    ['9223372036s854ms775us807ns', max],
    ['-9223372036854775808ns', -max - 1n],
    ['-9223372036854775.808us', -max - 1n],
    ['-9223372036s854ms775us808ns', -max - 1n],
    ['-2562047h47m16.854775808s', -max - 1n],
    ['0.100000000000000000000h', 6n * m],
    [`${'1s'.repeat(64)}`, 64n * s],
    ['0.830103483285477580700h', 49n * m + 48n * s + 372_539_827n],
  ])('%s is %d ns', (text, nanos) => {
    expect(parseDuration(text)).toBe(nanos);
  });
});

describe('refuses', () => {
  test.each([
    // parseDurationErrorTests
    [''],
    ['3'],
    ['-'],
    ['s'],
    ['.'],
    ['-.'],
    ['.s'],
    ['+.s'],
    ['1d'],
    ['\u0085\u0085'],
    ['hello \ufffd world'],
    ['\ufffd'],
    ['9223372036854775810ns'],
    ['9223372036854775808ns'],
    ['-9223372036854775809ns'],
    ['9223372036854776us'],
    ['3000000h'],
    ['9223372036854775.808us'],
    ['9223372036854ms775us808ns'],
    // and others
    ['1h '],
    [' 1h'],
    ['1 h'],
    ['1h-1m'],
    ['+-1h'],
    ['1H'],
    ['1w'],
    ['1y'],
    ['1e3s'],
    ['1..5s'],
    ['1constructor'],
    ['PT1H'],
    ['٣s'],
    ['1s'.repeat(100_000)],
    [`${'9'.repeat(400)}h`],
  ])('%j', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});

test('a number of milliseconds survives being printed', () => {
  const millis = fc.oneof(
    fc.nat({ max: 9e9 }),
    fc.nat({ max: 2 ** 31 - 1 }).map((nanos) => nanos / 1e6),
  );
  fc.assert(
    fc.property(millis, (given) => {
      const parsed = parseDuration(durationText(given));
      expect(parsed === undefined ? undefined : millisOf(parsed)).toBe(given);
    }),
  );
});

test('never throws', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[-+]?[0-9.hmsuµn -]{0,40}$/), (text) => {
      const parsed = parseDuration(text);
      expect(parsed === undefined || (parsed <= max && parsed >= -max - 1n)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
