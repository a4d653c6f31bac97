import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareQuantities, parseQuantity, type Quantity } from '../../src/contract/quantity.ts';

function quantity(text: string): Quantity {
  const parsed = parseQuantity(text);
  if (parsed === undefined) throw new Error(`${text} is no quantity`);
  return parsed;
}

// apimachinery pkg/api/resource/quantity_test.go: TestQuantityParse; value and power of ten.
const published: readonly (readonly [string, bigint, number])[] = [
  ['0', 0n, 0],
  ['0n', 0n, 0],
  ['0u', 0n, 0],
  ['0m', 0n, 0],
  ['0Ki', 0n, 0],
  ['0k', 0n, 0],
  ['0Mi', 0n, 0],
  ['0M', 0n, 0],
  ['0Gi', 0n, 0],
  ['0G', 0n, 0],
  ['0Ti', 0n, 0],
  ['0T', 0n, 0],
  ['1', 1n, 0],
  ['1Ki', 1024n, 0],
  ['8Ki', 8192n, 0],
  ['7Mi', 7340032n, 0],
  ['6Gi', 6442450944n, 0],
  ['5Ti', 5497558138880n, 0],
  ['4Pi', 4503599627370496n, 0],
  ['3Ei', 3458764513820540928n, 0],
  ['10Ti', 10995116277760n, 0],
  ['100Ti', 109951162777600n, 0],
  ['5n', 5n, -9],
  ['4u', 4n, -6],
  ['3m', 3n, -3],
  ['9', 9n, 0],
  ['8k', 8n, 3],
  ['50k', 5n, 4],
  ['7M', 7n, 6],
  ['6G', 6n, 9],
  ['5T', 5n, 12],
  ['40T', 4n, 13],
  ['300T', 3n, 14],
  ['2P', 2n, 15],
  ['1E', 1n, 18],
  ['1E-3', 1n, -3],
  ['1e3', 1n, 3],
  ['1E6', 1n, 6],
  ['1e9', 1n, 9],
  ['1E12', 1n, 12],
  ['1e15', 1n, 15],
  ['1E18', 1n, 18],
  ['1e14', 1n, 14],
  ['1e13', 1n, 13],
  ['1e3', 1n, 3],
  ['100.035k', 100035n, 0],
  ['0.001', 1n, -3],
  ['0.0005k', 5n, -1],
  ['0.005', 5n, -3],
  ['0.05', 5n, -2],
  ['0.5', 5n, -1],
  ['0.00050k', 5n, -1],
  ['0.00500', 5n, -3],
  ['0.05000', 5n, -2],
  ['0.50000', 5n, -1],
  ['0.5e0', 5n, -1],
  ['0.5e-1', 5n, -2],
  ['0.5e-2', 5n, -3],
  ['0.5e0', 5n, -1],
  ['10.035M', 10035n, 3],
  ['1.2e3', 12n, 2],
  ['1.3E+6', 13n, 5],
  ['1.40e9', 14n, 8],
  ['1.53E12', 153n, 10],
  ['1.6e15', 16n, 14],
  ['1.7E18', 17n, 17],
  ['9.01', 901n, -2],
  ['8.1k', 81n, 2],
  ['7.123456M', 7123456n, 0],
  ['6.987654321G', 6987654321n, 0],
  ['5.444T', 5444n, 9],
  ['40.1T', 401n, 11],
  ['300.2T', 3002n, 11],
  ['2.5P', 25n, 14],
  ['1.01E', 101n, 16],
  ['3.001n', 4n, -9],
  ['1.1E-9', 2n, -9],
  ['0.0000000001', 1n, -9],
  ['0.0000000005', 1n, -9],
  ['0.00000000050', 1n, -9],
  ['0.5e-9', 1n, -9],
  ['0.9n', 1n, -9],
  ['0.00000012345', 124n, -9],
  ['0.00000012354', 124n, -9],
  ['9Ei', 2n ** 63n - 1n, 0],
  ['9223372036854775807Ki', 2n ** 63n - 1n, 0],
  ['12E', 12n, 18],
  ['100.035Ki', 10243584n, -2],
  ['0.5Mi', 524288n, 0],
  ['0.05Gi', 536870912n, -1],
  ['0.025Ti', 274877906944n, -1],
  ['0.000000000001Ki', 2n, -9],
  ['.001', 1n, -3],
  ['.0001k', 100n, -3],
  ['1.', 1n, 0],
  ['1.G', 1n, 9],
];

describe('reads what Kubernetes reads', () => {
  test.each(published)('%s is %d × 10^%d', (text, value, power) => {
    const nanos = value * 10n ** BigInt(power + 9);
    expect(quantity(text)).toEqual({ text, nanos });
    expect(quantity(`+${text}`).nanos).toBe(nanos);
    expect(quantity(`-${text}`).nanos).toBe(-nanos);
  });
});

describe('refuses', () => {
  test.each([
    // TestQuantityParse, its invalid ones
    ['1.1.M'],
    ['1+1.0M'],
    ['0.1mi'],
    ['0.1am'],
    ['aoeu'],
    ['.5i'],
    ['1i'],
    ['-3.01i'],
    ['-3.01e-'],
    [' 1'],
    ['1 '],
    ['Non-Numeric'],
    // No digit: Kubernetes takes most of them for zero.
    [''],
    ['.'],
    ['-'],
    ['m'],
    ['Ki'],
    ['e3'],
    // Nobody means them.
    ['1e309'],
    ['1e999'],
    ['1e2147483647'],
    ['1001E'],
    ['9'.repeat(41)],
    ['1_000'],
    ['1,5'],
    ['0x10'],
    ['Infinity'],
    ['NaN'],
    ['١'],
    ['1\n'],
    ['--1'],
    ['1KI'],
    ['1ki'],
    ['1K'.repeat(60_000)],
  ])('%j', (text) => {
    expect(parseQuantity(text)).toBeUndefined();
  });
});

describe('compares', () => {
  test.each([
    // TestQuantityCmp
    ['0', '0', 0],
    ['100m', '50m', 1],
    ['50m', '100m', -1],
    ['10000T', '100Gi', 1],
    ['1Gi', '1G', 1],
    ['1024Mi', '1Gi', 0],
    ['0.5', '500m', 0],
    ['1e3', '1k', 0],
    ['-1', '0', -1],
    ['0.1n', '1n', 0],
  ])('%s with %s: %d', (a, b, expected) => {
    expect(Math.sign(compareQuantities(quantity(a), quantity(b)))).toBe(expected);
    expect(Math.sign(compareQuantities(quantity(b), quantity(a)))).toBe(0 - expected);
  });
});

test('never throws, and keeps the text', () => {
  const texts = fc.oneof(fc.string(), fc.stringMatching(/^[-+]?[0-9.]{0,50}[eEinumkKMGTP]{0,3}[-+]?[0-9]{0,5}$/));
  fc.assert(
    fc.property(texts, (text) => {
      const parsed = parseQuantity(text);
      expect(parsed === undefined || parsed.text === text).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
