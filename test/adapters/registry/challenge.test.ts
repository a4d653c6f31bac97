import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseChallenge } from '../../../src/adapters/registry/challenge.ts';

const realm = 'https://auth.example/token';

/** As text, so that a URL compares with what was written. */
function parse(header: string | undefined): unknown {
  const found = parseChallenge(header);
  return found?.scheme === 'bearer' ? { ...found, realm: found.realm.href } : found;
}

describe('understands', () => {
  test.each([
    ['a password request', 'Basic realm="Registry"', { scheme: 'basic' }],
    ['one without a realm', 'basic', { scheme: 'basic' }],
    ['a token request', `Bearer realm="${realm}",service="s",scope="x"`, { scheme: 'bearer', realm, service: 's' }],
    ['without a service', `Bearer realm="${realm}"`, { scheme: 'bearer', realm }],
    ['in any case', `BEARER REALM="${realm}"`, { scheme: 'bearer', realm }],
    ['with spaces', `  Bearer  realm = "${realm}" ,  service = "s" `, { scheme: 'bearer', realm, service: 's' }],
    ['without quotes', `Bearer realm=${realm},service=s`, { scheme: 'bearer', realm, service: 's' }],
    ['with escapes', `Bearer realm="${realm}",service="a\\"b"`, { scheme: 'bearer', realm, service: 'a"b' }],
    ['with commas in quotes', `Bearer scope="a,b",realm="${realm}"`, { scheme: 'bearer', realm }],
    ['a realm inside a text is none', `Bearer error="realm=\\"x\\"",realm="${realm}"`, { scheme: 'bearer', realm }],
    ['behind another scheme', 'Negotiate, Basic realm="x"', { scheme: 'basic' }],
    ['behind a scheme with data', `NTLM TlRMTVNTUAAB==, Bearer realm="${realm}"`, { scheme: 'bearer', realm }],
    ['the first of two', `Basic realm="x", Bearer realm="${realm}"`, { scheme: 'basic' }],
    ['the second, when the first cannot be answered', 'Bearer realm="x", Basic realm="y"', { scheme: 'basic' }],
    ['the first of two realms', `Bearer realm="${realm}",realm="https://b.example/"`, { scheme: 'bearer', realm }],
  ])('%s', (_name, header, expected) => {
    expect(parse(header)).toEqual(expected);
  });
});

describe('answers nothing to', () => {
  test.each([
    ['no header', undefined],
    ['an empty one', ''],
    ['another scheme', 'Digest realm="x",nonce="y"'],
    ['a scheme that only begins alike', 'Basically realm="x"'],
    ['a token request without realm', 'Bearer service="s"'],
    ['a realm that is no address', 'Bearer realm="token service"'],
    ['a realm that is a path', 'Bearer realm="/token"'],
    ['another protocol', 'Bearer realm="file:///etc/passwd"'],
    ['credentials in the realm', 'Bearer realm="https://a:b@auth.example/"'],
    ['a realm of another scheme', `Digest realm="${realm}", Bearer service="s"`],
    ['a text without end', `Bearer realm="${realm}`],
    ['more than anybody writes', `Bearer realm="${realm}?${'x'.repeat(5_000)}"`],
  ])('%s', (_name, header) => {
    expect(parse(header)).toBeUndefined();
  });
});

const token = fc.stringMatching(/^[a-z]{1,8}$/);

describe('laws', () => {
  test('whatever a registry writes gives a challenge that can be answered safely, or none', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 5_000 }),
      fc
        .array(
          fc.constantFrom('Bearer', 'Basic', ' ', ',', '=', '"', '\\', 'realm', 'http://a', 'service', 'é', '\t'),
          {
            maxLength: 60,
          },
        )
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (header) => {
        const found = parseChallenge(header);
        if (found?.scheme !== 'bearer') return;
        expect(found.realm.protocol).toMatch(/^https?:$/);
        expect(found.realm.username + found.realm.password).toBe('');
      }),
      { numRuns: 2_000 },
    );
  });

  test('what is written by the rules is read back', () => {
    const service = fc.string({ maxLength: 100 });
    fc.assert(
      fc.property(service, token, token, (written, name, value) => {
        fc.pre(name !== 'realm' && name !== 'service');
        const quoted = written.replace(/["\\]/g, '\\$&');
        const header = `Bearer ${name}=${value}, realm="${realm}", service="${quoted}"`;
        expect(parse(header)).toEqual({ scheme: 'bearer', realm, service: written });
      }),
    );
  });

  test('the longest hostile header takes no time', () => {
    const hostile = ['"', '\\"', ',', ' ', 'a', '=', 'a=', 'a="', 'a =', 'a= ', '\\'].flatMap((part) => [
      `Bearer realm="${part.repeat(4_000)}`.slice(0, 4_096),
      part.repeat(4_096).slice(0, 4_096),
    ]);
    const started = performance.now();
    expect(hostile.map(parse).filter((found) => found !== undefined)).toEqual([]);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
