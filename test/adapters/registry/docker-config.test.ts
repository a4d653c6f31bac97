import { describe, expect, test } from 'vitest';
import {
  anonymous,
  dockerConfigCredentials,
  findCredentials,
  parseDockerConfig,
  unusedHelpers,
} from '../../../src/adapters/registry/docker-config.ts';
import { ok } from '../../../src/kernel/result.ts';

const auth = (text: string): { readonly auth: string } => ({ auth: Buffer.from(text).toString('base64') });

/** Whose credentials are used there. */
function user(config: object, host: string, repository = 'team/app'): string | undefined {
  const parsed = parseDockerConfig(JSON.stringify(config));
  if (!parsed.ok) throw new Error(parsed.failure.message);
  return findCredentials(parsed.value, host, repository)?.username;
}

describe('finds', () => {
  test.each([
    ['a host', { auths: { 'a.io': auth('u:p') } }, 'a.io'],
    ['a host with a port', { auths: { 'a.io:5000': auth('u:p') } }, 'a.io:5000'],
    ['a host written as URL', { auths: { 'https://a.io/v2/': auth('u:p') } }, 'a.io'],
    ['name and password in the open', { auths: { 'a.io': { username: 'u', password: 'p' } } }, 'a.io'],
    ['the older form of a pull secret', { 'a.io': auth('u:p') }, 'a.io'],
    ["Docker Hub by docker login's name", { auths: { 'https://index.docker.io/v1/': auth('u:p') } }, 'index.docker.io'],
    ['Docker Hub by its short name', { auths: { 'docker.io': auth('u:p') } }, 'index.docker.io'],
    ['a path that the repository is in', { auths: { 'a.io/team': auth('u:p') } }, 'a.io'],
    ['the repository itself', { auths: { 'a.io/team/app': auth('u:p') } }, 'a.io'],
    ['a star for a part of the host', { auths: { '*.a.io': auth('u:p') } }, 'x.a.io'],
    ['two stars', { auths: { '*.dkr.ecr.*.amazonaws.com': auth('u:p') } }, '1234.dkr.ecr.eu-north-1.amazonaws.com'],
    ['a star before a port', { auths: { '*.a.io:5000': auth('u:p') } }, 'x.a.io:5000'],
  ])('%s', (_name, config, host) => {
    expect(user(config, host)).toBe('u');
  });

  test('the longest path first', () => {
    const auths = { 'a.io': auth('host:p'), 'a.io/team': auth('team:p'), 'a.io/team/app': auth('app:p') };
    expect(user({ auths }, 'a.io', 'team/app')).toBe('app');
    expect(user({ auths }, 'a.io', 'team/other')).toBe('team');
    expect(user({ auths }, 'a.io', 'other')).toBe('host');
  });

  test('a password with colons', () => {
    const parsed = parseDockerConfig(JSON.stringify({ auths: { 'a.io': auth('u:p:q') } }));
    expect(parsed.ok && findCredentials(parsed.value, 'a.io', 'app')).toEqual({ username: 'u', password: 'p:q' });
  });
});

describe('finds nothing for', () => {
  test.each([
    ['another host', { auths: { 'a.io': auth('u:p') } }, 'b.io'],
    ['a host inside the host', { auths: { 'a.io': auth('u:p') } }, 'x.a.io'],
    ['a host that ends alike', { auths: { 'a.io': auth('u:p') } }, 'ba.io'],
    ['a host that goes on', { auths: { 'a.io': auth('u:p') } }, 'a.io.evil.example'],
    ['another port', { auths: { 'a.io:5000': auth('u:p') } }, 'a.io'],
    ['a path that only begins alike', { auths: { 'a.io/te': auth('u:p') } }, 'a.io'],
    ['two parts for one star', { auths: { '*.io': auth('u:p') } }, 'a.b.io'],
    ['a star for nothing', { auths: { '*.a.io': auth('u:p') } }, 'a.io'],
    ['a star that would take a port along', { auths: { 'a.*': auth('u:p') } }, 'a.io:5000'],
    ['what is no base64 of name and password', { auths: { 'a.io': { auth: 'bm9uZQ==' } } }, 'a.io'],
    ['an entry that a helper should fill', { auths: { 'a.io': {} }, credsStore: 'desktop' }, 'a.io'],
    ['an entry that is none', { auths: { 'a.io': 'u:p' } }, 'a.io'],
    ['a prototype', { auths: {} }, '__proto__'],
  ])('%s', (_name, config, host) => {
    expect(user(config, host)).toBeUndefined();
  });
});

test.each(['', 'null', '[]', '"x"', '{', '{"auths":{"a.io":{},"a.io":{}}}'])(
  'refuses what is no config.json (%s)',
  (text) => {
    expect(parseDockerConfig(text)).toMatchObject({ ok: false, failure: { code: 'SECRET_UNAVAILABLE' } });
  },
);

test('a broken file is not shown in the message', () => {
  const parsed = parseDockerConfig('{"auths": {"a.io": {"auth": "c2VjcmV0"}}');
  expect(JSON.stringify(parsed)).not.toContain('c2VjcmV0');
});

test('credentials are given per host and repository', async () => {
  const parsed = parseDockerConfig(JSON.stringify({ auths: { 'a.io': auth('u:p') } }));
  if (!parsed.ok) throw new Error(parsed.failure.message);
  const credentials = dockerConfigCredentials('id', parsed.value);
  const { signal } = new AbortController();
  expect(await credentials.forHost('a.io', 'app', signal)).toEqual(ok({ username: 'u', password: 'p' }));
  expect(await credentials.forHost('b.io', 'app', signal)).toEqual(ok(undefined));
  expect(await anonymous.forHost('a.io', 'app', signal)).toEqual(ok(undefined));
});

test.each([
  ['{"credsStore":"desktop"}', 'desktop'],
  ['{"credHelpers":{"gcr.io":"gcloud"}}', 'gcr.io'],
])('says which helper is not run (%s)', (text, name) => {
  expect(unusedHelpers(text)).toContain(`"${name}"`);
});

test.each(['{}', '{"credHelpers":{}}', 'no JSON'])('says nothing where there is none (%s)', (text) => {
  expect(unusedHelpers(text)).toBeUndefined();
});

test("the names of Harbor's robots are used as they are written", () => {
  for (const username of ['robot$builds', 'robot$team+pull', 'robot@builds']) {
    const auth = Buffer.from(`${username}:pass:word`).toString('base64');
    const config = parseDockerConfig(JSON.stringify({ auths: { 'harbor.example': { auth } } }));
    const found = config.ok ? findCredentials(config.value, 'harbor.example', 'team/app') : undefined;
    expect(found).toEqual({ username, password: 'pass:word' });
  }
});
