import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { remotePolicies } from '../../../src/adapters/materials/remote-policies.ts';
import { localService, type Told } from '../cloud/local-service.ts';

const text = 'package sigstore\n\nisCompliant { true }\n';
const sha256 = (of: string): string => createHash('sha256').update(of).digest('hex');
const signal = AbortSignal.timeout(20_000);

test('gives the text whose hash is demanded', async () => {
  const service = await localService(() => ({ body: text }));
  const fetch = remotePolicies({ localHosts: [service.host] });
  expect(await fetch({ url: `${service.url}p.rego`, sha256: sha256(text) }, signal)).toEqual({ ok: true, value: text });
});

test.each<[string, Told | 'nothing', string]>([
  ['another text', { body: `${text} ` }, `has another sha256sum than the policy demands: ${sha256(`${text} `)}`],
  ['an error', { status: 500 }, 'the answer was 500'],
  ['nothing there', { status: 404, body: text }, 'the answer was 404'],
  ['a part', { status: 206, body: text }, 'the answer was 206'],
  ['another address', { status: 302, headers: { location: 'https://example.com/' } }, 'name the address it is at'],
  ['a megabyte too much', { body: 'x'.repeat(1024 * 1024 + 1) }, 'answered with more than 1048576 bytes'],
])('gives nothing when there is %s', async (_what, told, sentence) => {
  const service = await localService(() => told);
  const fetch = remotePolicies({ localHosts: [service.host] });
  const found = await fetch({ url: service.url, sha256: sha256(text) }, signal);
  expect(found).toMatchObject({ ok: false, failure: { isGone: false, problem: expect.stringContaining(sentence) } });
  expect(service.received).toHaveLength(1);
});

test('a text that is not UTF-8 is none, though its hash fits', async () => {
  const bytes = Buffer.from([0xff, 0xfe]);
  const service = await localService(() => ({ body: bytes }));
  const fetch = remotePolicies({ localHosts: [service.host] });
  const wanted = createHash('sha256').update(bytes).digest('hex');
  expect(await fetch({ url: service.url, sha256: wanted }, signal)).toMatchObject({ ok: false });
});

test('does not wait for a server that hangs', async () => {
  const service = await localService(() => 'nothing');
  const fetch = remotePolicies({ localHosts: [service.host] });
  const found = await fetch({ url: service.url, sha256: sha256(text) }, AbortSignal.timeout(200));
  expect(found).toMatchObject({ ok: false, failure: { problem: expect.stringContaining('did not answer in time') } });
});

test.each([
  'http://example.com/p',
  'https://127.0.0.1:1/p',
  'https://localhost:1/p',
  'https://[::ffff:127.0.0.1]/p',
  'https://169.254.169.254/latest/meta-data/',
  'https://100.100.100.200/',
  'https://user:word@example.com/p',
  'file:///etc/passwd',
  'nonsense',
])('%s is not asked', async (url) => {
  expect(await remotePolicies()({ url, sha256: sha256(text) }, signal)).toMatchObject({ ok: false });
});
