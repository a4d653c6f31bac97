import { describe, expect, test } from 'vitest';
import { compareVersions, parseVersion, type Version } from '../../src/contract/version.ts';

function version(text: string): Version {
  const parsed = parseVersion(text);
  if (parsed === undefined) throw new Error(`${text} is no version`);
  return parsed;
}

// The examples beside semver.org's suggested regular expression.
describe('reads', () => {
  test.each([
    ['0.0.4'],
    ['1.2.3'],
    ['10.20.30'],
    ['1.1.2-prerelease+meta'],
    ['1.1.2+meta'],
    ['1.1.2+meta-valid'],
    ['1.0.0-alpha'],
    ['1.0.0-beta'],
    ['1.0.0-alpha.beta'],
    ['1.0.0-alpha.beta.1'],
    ['1.0.0-alpha.1'],
    ['1.0.0-alpha0.valid'],
    ['1.0.0-alpha.0valid'],
    ['1.0.0-alpha-a.b-c-somethinglong+build.1-aef.1-its-okay'],
    ['1.0.0-rc.1+build.1'],
    ['2.0.0-rc.1+build.123'],
    ['1.2.3-beta'],
    ['10.2.3-DEV-SNAPSHOT'],
    ['1.2.3-SNAPSHOT-123'],
    ['1.0.0'],
    ['2.0.0'],
    ['1.1.7'],
    ['2.0.0+build.1848'],
    ['2.0.1-alpha.1227'],
    ['1.0.0-alpha+beta'],
    ['1.2.3----RC-SNAPSHOT.12.9.1--.12+788'],
    ['1.2.3----R-S.12.9.1--.12+meta'],
    ['1.2.3----RC-SNAPSHOT.12.9.1--.12'],
    ['1.0.0+0.build.1-rc.10000aaa-kk-0.1'],
    ['1.0.0-0A.is.legal'],
    ['v1.0.0'],
    ['v0.1.0-rc.1'],
    [`1.0.0-${'a'.repeat(122)}`],
  ])('%s', (text) => {
    expect(version(text).text).toBe(text);
  });

  test('its numbers', () => {
    expect(version('v1.20.3-rc.1+build')).toEqual({
      text: 'v1.20.3-rc.1+build',
      major: 1,
      minor: 20,
      patch: 3,
      prerelease: 'rc.1',
    });
  });
});

describe('refuses', () => {
  test.each([
    ['1'],
    ['1.2'],
    ['1.2.3-0123'],
    ['1.2.3-0123.0123'],
    ['1.1.2+.123'],
    ['+invalid'],
    ['-invalid'],
    ['-invalid+invalid'],
    ['-invalid.01'],
    ['alpha'],
    ['alpha.beta'],
    ['alpha.beta.1'],
    ['alpha.1'],
    ['alpha+beta'],
    ['alpha_beta'],
    ['alpha.'],
    ['alpha..'],
    ['beta'],
    ['1.0.0-alpha_beta'],
    ['-alpha.'],
    ['1.0.0-alpha..'],
    ['1.0.0-alpha..1'],
    ['1.0.0-alpha...1'],
    ['01.1.1'],
    ['1.01.1'],
    ['1.1.01'],
    ['1.2.3.DEV'],
    ['1.2-SNAPSHOT'],
    ['1.2.31.2.3----RC-SNAPSHOT.12.09.1--..12+788'],
    ['1.2-RC-SNAPSHOT'],
    ['-1.0.3-gamma+b7718'],
    ['+justmeta'],
    ['9.8.7+meta+meta'],
    ['9.8.7-whatever+meta+meta'],
    ['V1.0.0'],
    ['vv1.0.0'],
    ['v 1.0.0'],
    ['1.0.0\n'],
    [''],
    // semver has no limit; numbers here stay exact, and nobody means these.
    ['99999999999999999999999.999999999999999999.99999999999999999'],
    [`1.0.0-${'a'.repeat(200)}`],
  ])('%j', (text) => {
    expect(parseVersion(text)).toBeUndefined();
  });
});

describe('orders as semver.org §11', () => {
  const ascending = [
    '0.0.9',
    '0.1.0',
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    'v1.0.1',
    '1.2.0',
    '1.10.0',
    '2.0.0',
    '2.1.0',
    '2.1.1',
  ];
  const pairs = ascending.flatMap((a, i) => ascending.map((b, j) => [a, b, Math.sign(i - j)] as const));

  test.each(pairs)('%s to %s: %d', (a, b, expected) => {
    expect(Math.sign(compareVersions(version(a), version(b)))).toBe(expected);
  });

  test('build metadata and a leading v do not count', () => {
    expect(compareVersions(version('v1.0.0+a'), version('1.0.0+b'))).toBe(0);
  });
});
