import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { UrlSource } from '../../src/agents/model.ts';
import { sourceProblem, urlProblem } from '../../src/agents/url-address.ts';

const plain: UrlSource = {
  source: 'https://example.com/a.md',
  headers: [],
  timeoutSeconds: 30,
  insecureSkipTlsVerify: false,
};

test.each([
  'https://example.com/guide.md?a=b#c',
  'http://docs.tools.svc.cluster.local:8080/x',
  'https://10.96.0.1/x',
  'https://[fd00::7]/x',
  'https://bücher.example/x',
  'https://localhost.example.com/x',
])('takes %s', (source) => {
  expect(urlProblem({ ...plain, source })).toBeUndefined();
});

describe('refuses', () => {
  test.each([
    ['', 'no web address'],
    ['example.com/x', 'no web address'],
    ['file:///etc/passwd', 'no web address'],
    ['ftp://example.com/', 'no web address'],
    ['gopher://example.com/', 'no web address'],
    ['data:text/plain,x', 'no web address'],
    ['https://', 'no web address'],
    ['https://user:secret@example.com/', 'has credentials'],
    ['https://token@example.com/', 'has credentials'],
    ['https://example.com/\nX: y', 'spaces or control'],
    [' https://example.com/', 'spaces or control'],
    ['https:\\\\example.com', 'spaces or control'],
    ['http://127.0.0.1/', 'loopback'],
    ['http://127.1/', 'loopback'],
    ['http://2130706433/', 'loopback'],
    ['http://0x7f000001/', 'loopback'],
    ['http://0177.0.0.1/', 'loopback'],
    ['http://0/', 'loopback'],
    ['http://１２７.0.0.1/', 'loopback'],
    ['http://127.0.0.1./', 'loopback'],
    ['http://169.254.169.254/latest/meta-data', 'metadata'],
    ['http://2852039166/', 'metadata'],
    ['http://[::1]/', 'loopback'],
    ['http://[::]/', 'loopback'],
    ['http://[::ffff:127.0.0.1]/', 'loopback'],
    ['http://[::ffff:a9fe:a9fe]/', 'metadata'],
    ['http://[fe80::1]/', 'link-local'],
    ['http://224.0.0.1/', 'multicast'],
    ['http://localhost/', 'this Pod itself'],
    ['http://LOCALHOST:8080/', 'this Pod itself'],
    ['http://localhost./', 'this Pod itself'],
    ['http://a.localhost/', 'this Pod itself'],
    ['http://metadata.google.internal/', 'metadata'],
    ['http://metadata.google.internal./', 'metadata'],
    [`https://example.com/${'a'.repeat(5000)}`, 'longer than'],
  ])('%j: %s', (source, why) => {
    const problem = urlProblem({ ...plain, source });
    expect(problem).toContain(why);
    expect(problem).not.toContain('secret@');
  });
});

test.each([
  ['http://127.0.0.1:8080/', '127.0.0.1'],
  ['http://2130706433/', '127.0.0.0/8'],
  ['http://[::1]/', '::1'],
  ['http://[::1]/', '[::1]'],
  ['http://localhost/', 'localhost'],
  ['http://localhost/', 'LocalHost'],
  ['http://a.localhost/', 'a.localhost'],
  ['http://169.254.169.254/', '169.254.169.254/32'],
])('takes %s where %s is allowed', (source, entry) => {
  expect(sourceProblem(source, [entry])).toBeUndefined();
});

test.each([
  ['http://localhost/', '127.0.0.0/8'],
  ['http://a.localhost/', 'localhost'],
  ['http://127.0.0.2/', '127.0.0.1'],
  ['http://169.254.169.254/', ''],
  ['file:///etc/passwd', ''],
])('refuses %s though %j is allowed', (source, entry) => {
  expect(sourceProblem(source, [entry])).toBeDefined();
});

test.each([
  [{ name: 'X-A', value: 'secret\r\nHost: evil' }, 'line break'],
  [{ name: 'X-A', value: 'secret\0' }, 'line break'],
  [{ name: 'X-A', value: 'secret→' }, 'line break'],
  [{ name: 'X-A', value: 'secret'.repeat(2000) }, 'longer than'],
  [{ name: 'X A', value: 'secret' }, 'has the name'],
  [{ name: 'X-A\r\nB', value: 'secret' }, 'has the name'],
  [{ name: '', value: 'secret' }, 'has the name'],
  [{ name: 'Host', value: 'secret' }, 'leave it out'],
  [{ name: 'content-LENGTH', value: '0' }, 'leave it out'],
  [{ name: 'Transfer-Encoding', value: 'chunked' }, 'leave it out'],
  [{ name: 'Connection', value: 'close' }, 'leave it out'],
] as const)('refuses the header %j: %s', (header, why) => {
  const problem = urlProblem({ ...plain, headers: [{ name: 'Accept', value: '*/*' }, header] });
  expect(problem).toContain(why);
  expect(problem).toContain('url.headers[1]');
  expect(problem).not.toContain('secret');
});

test.each([
  { name: 'Accept', value: 'text/markdown' },
  { name: 'X-Empty', value: '' },
  { name: 'Authorization', value: 'Bearer secret' },
  { name: 'X-Latin', value: 'größe\tx' },
])('takes the header %j', (header) => {
  expect(urlProblem({ ...plain, headers: [header] })).toBeUndefined();
});

test('headers, timeout and secret have their bounds', () => {
  const header = { name: 'X', value: 'y' };
  expect(urlProblem({ ...plain, headers: Array.from({ length: 32 }, () => header) })).toBeUndefined();
  expect(urlProblem({ ...plain, headers: Array.from({ length: 33 }, () => header) })).toContain('at most 32');
  expect(urlProblem({ ...plain, timeoutSeconds: 1 })).toBeUndefined();
  expect(urlProblem({ ...plain, timeoutSeconds: 300 })).toBeUndefined();
  for (const timeoutSeconds of [0, -1, 301, 1.5, Number.NaN]) {
    expect(urlProblem({ ...plain, timeoutSeconds })).toContain('1 to 300');
  }
  expect(urlProblem({ ...plain, secretRef: 'token' })).toBeUndefined();
  expect(urlProblem({ ...plain, secretRef: 'a/b' })).toContain('url.secretRef.name');
});

test('however loopback is spelled, it is refused', () => {
  const part = (n: number, base: number): string =>
    base === 8 ? `0${n.toString(8)}` : base === 16 ? `0x${n.toString(16)}` : `${n}`;
  const base = fc.constantFrom(8, 10, 16);
  fc.assert(
    fc.property(fc.nat(255), fc.nat(255), fc.nat(255), base, base, fc.nat(3), (b, c, d, one, other, form) => {
      const rest = (b << 16) | (c << 8) | d;
      const spellings = [
        part(0x7f000000 + rest, one),
        `${part(127, one)}.${part(rest, other)}`,
        `${part(127, one)}.${part(b, other)}.${part((c << 8) | d, one)}`,
        `${part(127, one)}.${part(b, other)}.${part(c, one)}.${part(d, other)}`,
      ];
      expect(sourceProblem(`http://${spellings[form]}/`, [])).toContain('loopback');
    }),
  );
});
