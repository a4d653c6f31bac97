/** The distribution project's registry, the reference implementation of its kind, as a process of its own. */
import { generateKeyPairSync, randomUUID, sign, type JsonWebKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { stringify } from 'yaml';
import { freePorts, ProgramGroup } from '../cluster/processes.ts';
import { account, type RegistrySetup, type RunningRegistry } from './registry.ts';

/** bcrypt of account.password, the only form that the registry takes. */
const htpasswd = `${account.username}:$2y$05$abcdefghijklmnopqrstuuoXuKqgZXLiJqzfmMXDDhSFPIvxV7t8.\n`;

export async function startDistribution(program: string, setup: RegistrySetup): Promise<RunningRegistry> {
  const folder = mkdtempSync(join(tmpdir(), 'registry-'));
  const write = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const [port] = await freePorts(1);
  const host = `127.0.0.1:${port}`;
  const { tls } = setup;
  const service = setup.access === 'token' ? await startTokenService(write) : undefined;
  const config = {
    version: '0.1',
    log: { level: 'warn' },
    storage: { inmemory: {} },
    http: {
      addr: host,
      secret: 'not one',
      ...(tls === undefined
        ? {}
        : { tls: { certificate: write('cert.pem', tls.cert), key: write('key.pem', tls.key) } }),
    },
    ...(setup.access === 'basic'
      ? { auth: { htpasswd: { realm: 'registry', path: write('htpasswd', htpasswd) } } }
      : {}),
    ...(service === undefined ? {} : { auth: { token: service.settings } }),
  };
  const url = `${tls === undefined ? 'http' : 'https'}://${host}`;
  const programs = new ProgramGroup(folder, { detached: false });
  const agent = new Agent(tls === undefined ? {} : { connect: { ca: tls.ca } });
  await programs.start('registry', program, ['serve', write('config.yml', stringify(config))], async () => {
    const { statusCode, body } = await request(`${url}/v2/`, { dispatcher: agent });
    await body.dump();
    return statusCode === 200 || statusCode === 401;
  });
  return {
    url,
    host,
    ...(service === undefined ? {} : { tokenHost: service.host }),
    async close() {
      await agent.destroy();
      await programs.stop();
      service?.server.close();
      rmSync(folder, { recursive: true });
    },
  };
}

interface TokenService {
  readonly server: Server;
  readonly host: string;
  readonly settings: object;
}

/** Gives tokens to whoever knows the password, and empty ones to everybody else. distribution spec §token/jwt */
async function startTokenService(write: (name: string, content: string) => string): Promise<TokenService> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk: JsonWebKey = { ...publicKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'key-1' };
  const jwks = write('jwks.json', JSON.stringify({ keys: [jwk] }));
  const issuer = 'token-service';
  const basic = `Basic ${Buffer.from(`${account.username}:${account.password}`).toString('base64')}`;

  const server = createServer((incoming, response) => {
    const query = new URL(incoming.url ?? '/', 'http://localhost').searchParams;
    const [type, name, actions = ''] = (query.get('scope') ?? '').split(':');
    const known = incoming.headers.authorization === basic;
    const now = Math.floor(Date.now() / 1_000);
    const claims = {
      iss: issuer,
      sub: known ? account.username : '',
      aud: query.get('service'),
      iat: now,
      nbf: now - 10,
      exp: now + 300,
      jti: randomUUID(),
      access: known ? [{ type, name, actions: actions.split(',') }] : [],
    };
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = `${encode({ typ: 'JWT', alg: 'ES256', kid: 'key-1' })}.${encode(claims)}`;
    const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ token: `${signed}.${signature.toString('base64url')}`, expires_in: 300 }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A server that listens on TCP has an address of this form.
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const realm = `http://${host}/token`;
  return { server, host, settings: { realm, service: 'registry', issuer, jwks, signingalgorithms: ['ES256'] } };
}
