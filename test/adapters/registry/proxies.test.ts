import { describe, expect, test } from 'vitest';
import { pushImage } from '../../../src/demo/registry/images.ts';
import { ok } from '../../../src/kernel/result.ts';
import { issue, makeAuthority } from '../../cluster/certificates.ts';
import { account, as, codeOf, connect, known, messageOf, serve } from './bench.ts';
import { registryFile, write } from './files.ts';
import { openProxy, type ProxyBehaviour } from './proxy.ts';

const name = 'registry.example';
const app = { registry: name, repository: 'app' };

interface Scene {
  readonly proxy?: Partial<ProxyBehaviour>;
  /** Whose certificate the server behind the proxy has. */
  readonly certified?: string;
  readonly settings?: (files: { readonly ca: string; readonly password: string }) => string;
}

/** A registry that can only be reached through a proxy, since no name server knows it. */
async function open({ proxy: behaviour = {}, certified = name, settings = ({ ca }) => `ca: ${ca}` }: Scene = {}) {
  const authority = await makeAuthority();
  const tls = await issue(authority, { commonName: 'registry', names: [certified], addresses: ['127.0.0.1'] });
  const demo = await serve({ tls, access: { kind: 'basic', ...account } });
  const image = pushImage(demo, { repository: 'app', tag: '1.0' });
  const proxy = await openProxy({ to: () => demo.host, ...(behaviour.tls === undefined ? {} : { tls }), ...behaviour });
  const files = write({ ca: authority.cert, password: 'secret\n' });
  const text = `registries: [{ host: ${name}, ${settings(files).replaceAll('PROXY', proxy.url.origin)} }]`;
  return { demo, image, proxy, files, client: connect({ file: registryFile(text) }) };
}

const through = ({ ca }: { readonly ca: string }): string => `ca: ${ca}, proxy: "PROXY"`;

describe('a proxy', () => {
  test('leads to the registry for which it is configured, which sees its own TLS', async () => {
    const { client, demo, image, proxy } = await open({ settings: through });
    expect(await client.resolve(app, '1.0', as(known))).toEqual(ok(image.digest));
    expect(new Set(proxy.asked)).toEqual(new Set([`${name}:443`]));
    expect(demo.requests().total).toBe(2);
  });

  test('keeps its connections', async () => {
    const { client, image, proxy } = await open({ settings: through });
    for (let times = 0; times < 10; times += 1) await client.manifest(app, image.digest, as(known));
    expect(proxy.asked.length).toBeLessThanOrEqual(2);
  });

  test('gets its own credentials and never those of the registry', async () => {
    const settings = ({ ca, password }: { readonly ca: string; readonly password: string }): string =>
      `ca: ${ca}, proxy: { url: "PROXY", username: me, passwordFile: ${password} }`;
    const { client, image, proxy } = await open({ settings });
    expect(await client.resolve(app, '1.0', as(known))).toEqual(ok(image.digest));
    expect(new Set(proxy.authorizations)).toEqual(new Set([`Basic ${Buffer.from('me:secret').toString('base64')}`]));
  });

  test('may speak TLS itself', async () => {
    const authority = await makeAuthority();
    const tls = await issue(authority, { commonName: 'proxy', addresses: ['127.0.0.1'] });
    const files = write({ proxyCa: authority.cert });
    const settings = ({ ca }: { readonly ca: string }): string =>
      `ca: ${ca}, proxy: { url: "PROXY", ca: ${files.proxyCa} }`;
    const { client, image } = await open({ settings, proxy: { tls } });
    expect(await client.resolve(app, '1.0', as(known))).toEqual(ok(image.digest));
  });

  test('whose certificate is not trusted gets nothing', async () => {
    const stranger = await issue(await makeAuthority(), { commonName: 'proxy', addresses: ['127.0.0.1'] });
    const settings = ({ ca }: { readonly ca: string }): string => `ca: ${ca}, proxy: { url: "PROXY", ca: ${ca} }`;
    const { client, proxy } = await open({ settings, proxy: { tls: stranger } });
    expect(codeOf(await client.resolve(app, '1.0', as(known)))).toBe('REGISTRY_UNREACHABLE');
    expect(proxy.asked).toEqual([]);
  });

  test.each([403, 407, 502])('that answers %d is told by name', async (status) => {
    const { client, demo, proxy } = await open({ settings: through, proxy: { status } });
    const answer = await client.resolve(app, '1.0', as(known));
    expect(codeOf(answer)).toBe('REGISTRY_UNREACHABLE');
    expect(messageOf(answer)).toBe(
      `registry ${name} cannot be reached: the proxy refuses to connect to it (through the proxy ${proxy.url.host})`,
    );
    expect(demo.log()).toEqual([]);
  });

  test('that leads to another host is found out by the certificate', async () => {
    const { client, demo } = await open({ settings: through, certified: 'other.example' });
    const answer = await client.resolve(app, '1.0', as(known));
    expect(codeOf(answer)).toBe('REGISTRY_UNREACHABLE');
    expect(messageOf(answer)).toContain('its certificate is not trusted (ERR_TLS_CERT_ALTNAME_INVALID)');
    expect(demo.log()).toEqual([]);
  });

  test('that ends connections is no answer', async () => {
    const { client } = await open({ settings: through, proxy: { drops: true } });
    expect(codeOf(await client.resolve(app, '1.0', as(known)))).toBe('REGISTRY_UNREACHABLE');
  });

  test('that hangs is waited for no longer than for the registry', async () => {
    const { client } = await open({ settings: through, proxy: { hangs: true } });
    expect(codeOf(await client.resolve(app, '1.0', as(known, 300)))).toBe('REGISTRY_TIMEOUT');
  });

  test('that is not there is told', async () => {
    const { client } = await open({ settings: ({ ca }) => `ca: ${ca}, proxy: "http://127.0.0.1:1"` });
    const answer = await client.resolve(app, '1.0', as(known));
    expect(codeOf(answer)).toBe('REGISTRY_UNREACHABLE');
    expect(messageOf(answer)).toContain('(through the proxy 127.0.0.1:1)');
  });

  test('is not used for a registry that nobody configured for it', async () => {
    const { client, proxy } = await open({ settings: through });
    const elsewhere = { registry: 'unknown.invalid', repository: 'app' };
    expect(codeOf(await client.resolve(elsewhere, '1.0', as(known)))).toBe('REGISTRY_UNREACHABLE');
    expect(proxy.asked).toEqual([]);
  });
});

test.each(['169.254.169.254', '[fe80::1]', '100.100.100.200', '127.0.0.1'])(
  'the address %s is not reached through a proxy either, without a CA for it',
  async (address) => {
    const proxy = await openProxy({ to: () => '127.0.0.1:1' });
    const client = connect({
      file: registryFile(`registries: [{ host: "${address}", proxy: "${proxy.url.origin}" }]`),
    });
    const answer = await client.resolve({ registry: address, repository: 'app' }, '1.0', as(known));
    expect(codeOf(answer)).toBe('REGISTRY_UNREACHABLE');
    expect(proxy.asked).toEqual([]);
  },
);

test('the environment names no proxy: whoever writes image names would choose what it reaches', async () => {
  const proxy = await openProxy({ to: () => '127.0.0.1:1' });
  const before = { ...process.env };
  Object.assign(process.env, { HTTPS_PROXY: proxy.url.href, https_proxy: proxy.url.href, ALL_PROXY: proxy.url.href });
  try {
    const answer = await connect({}).resolve({ registry: 'unknown.invalid', repository: 'app' }, '1.0', as());
    expect(codeOf(answer)).toBe('REGISTRY_UNREACHABLE');
  } finally {
    process.env = before;
  }
  expect(proxy.asked).toEqual([]);
});
