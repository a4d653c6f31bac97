import { writeFileSync, utimesSync } from 'node:fs';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { pushImage } from '../../../src/demo/registry/images.ts';
import { ok } from '../../../src/kernel/result.ts';
import { issue, makeAuthority, type KeyPair } from '../../cluster/certificates.ts';
import { as, codeOf, connect, messageOf, serve } from './bench.ts';
import { registryFile, write } from './files.ts';

let servers: KeyPair;
let clients: KeyPair;
let server: KeyPair;
let client: KeyPair;

beforeEach(async () => {
  [servers, clients] = await Promise.all([makeAuthority(), makeAuthority()]);
  server = await issue(servers, { commonName: 'registry', addresses: ['127.0.0.1'] });
  client = await issue(clients, { commonName: 'countersign' });
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** A registry that speaks only to whom it knows by certificate. */
async function open() {
  const tls = { cert: server.cert, key: server.key, ca: clients.cert, requestCert: true, rejectUnauthorized: true };
  const demo = await serve({ tls });
  const image = pushImage(demo, { repository: 'app', tag: '1.0' });
  return { demo, image, app: { registry: demo.host, repository: 'app' } };
}

test('a client certificate is shown to the registry for which it is configured', async () => {
  const { demo, image, app } = await open();
  const files = write({ ca: servers.cert, cert: client.cert, key: client.key });
  const settings = `{ host: "${demo.host}", ca: ${files.ca}, clientCertificate: ${files.cert}, clientKey: ${files.key} }`;
  const registry = connect({ file: registryFile(`registries: [${settings}]`) });
  expect(await registry.resolve(app, '1.0', as())).toEqual(ok(image.digest));
});

test.each(['none', 'of a stranger'])('a registry that wants one refuses %s', async (which) => {
  const { demo, app } = await open();
  const stranger = await issue(await makeAuthority(), { commonName: 'countersign' });
  const files = write({ ca: servers.cert, cert: stranger.cert, key: stranger.key });
  const shown = which === 'none' ? '' : `, clientCertificate: ${files.cert}, clientKey: ${files.key}`;
  const registry = connect({ file: registryFile(`registries: [{ host: "${demo.host}", ca: ${files.ca}${shown} }]`) });
  const answer = await registry.resolve(app, '1.0', as());
  expect(codeOf(answer)).toBe('REGISTRY_UNREACHABLE');
  expect(demo.log()).toEqual([]);
});

test('a registry whose certificate another CA issued is not spoken to', async () => {
  const { demo, app } = await open();
  const files = write({ ca: clients.cert, cert: client.cert, key: client.key });
  const settings = `{ host: "${demo.host}", ca: ${files.ca}, clientCertificate: ${files.cert}, clientKey: ${files.key} }`;
  const registry = connect({ file: registryFile(`registries: [${settings}]`) });
  const answer = await registry.resolve(app, '1.0', as());
  expect(codeOf(answer)).toBe('REGISTRY_UNREACHABLE');
  expect(messageOf(answer)).toContain('its certificate is not trusted');
});

test('a key that is none ends nothing but the question', async () => {
  const { demo, app } = await open();
  const files = write({ ca: servers.cert, cert: client.cert, key: 'nonsense' });
  const settings = `{ host: "${demo.host}", ca: ${files.ca}, clientCertificate: ${files.cert}, clientKey: ${files.key} }`;
  const registry = connect({ file: registryFile(`registries: [${settings}]`) });
  expect(codeOf(await registry.resolve(app, '1.0', as()))).toBe('REGISTRY_UNREACHABLE');
});

test('a certificate that was replaced is read again', async () => {
  const { demo, image, app } = await open();
  const stranger = await issue(await makeAuthority(), { commonName: 'countersign' });
  const files = write({ ca: servers.cert, cert: stranger.cert, key: stranger.key });
  const settings = `{ host: "${demo.host}", ca: ${files.ca}, clientCertificate: ${files.cert}, clientKey: ${files.key} }`;
  const registry = connect({ file: registryFile(`registries: [${settings}]`) });
  expect(codeOf(await registry.resolve(app, '1.0', as()))).toBe('REGISTRY_UNREACHABLE');
  writeFileSync(files.cert, client.cert);
  writeFileSync(files.key, client.key);
  for (const file of [files.cert, files.key]) utimesSync(file, new Date(), new Date(Date.now() + 1_000));
  const later = performance.now() + 6_000;
  vi.spyOn(performance, 'now').mockImplementation(() => later);
  expect(await registry.resolve(app, '1.0', as())).toEqual(ok(image.digest));
});
