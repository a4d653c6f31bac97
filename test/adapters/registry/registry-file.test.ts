import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseRegistryFile } from '../../../src/adapters/registry/registry-file.ts';

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'registry-file-'));
  file = join(folder, 'file.pem');
  writeFileSync(file, 'something');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function problems(text: string): readonly string[] {
  const parsed = parseRegistryFile(text.replaceAll('FILE', file));
  return parsed.ok ? [] : parsed.failure;
}

/** One registry with these settings. */
function entry(settings: string): string {
  return `registries: [{ host: registry.example, ${settings} }]`;
}

describe('a registry file', () => {
  test('may be empty', () => {
    expect(parseRegistryFile('')).toEqual({ ok: true, value: { registries: [], rewrites: [] } });
    expect(problems('registries: []\nrewrite: []\n')).toEqual([]);
  });

  test('says everything about a registry', () => {
    const text = `
      registries:
        - host: registry.example:5000
          ca: ${file}
          clientCertificate: ${file}
          clientKey: ${file}
          proxy: { url: 'https://proxy.example:3128', ca: ${file}, username: me, passwordFile: ${file} }
          username: robot$builds+pull
          passwordFile: ${file}
          mirrors:
            - { host: mirror.example, path: cache/hub, resolveTags: true }
            - host: other.example
      rewrite:
        - { from: docker.io/library, to: mirror.example/library }
        - { from: docker.io/library/nginx, to: mirror.example/nginx }
    `;
    const parsed = parseRegistryFile(text);
    expect(parsed).toEqual({
      ok: true,
      value: {
        registries: [
          {
            host: 'registry.example:5000',
            insecure: false,
            files: { ca: file, certificate: file, key: file },
            proxy: {
              url: new URL('https://proxy.example:3128/'),
              ca: file,
              account: { username: 'me', passwordFile: file },
            },
            account: { username: 'robot$builds+pull', passwordFile: file },
            mirrors: [
              { host: 'mirror.example', path: 'cache/hub', resolveTags: true },
              { host: 'other.example', path: '', resolveTags: false },
            ],
          },
        ],
        // The longest name first; Docker Hub has one name.
        rewrites: [
          { from: 'index.docker.io/library/nginx', to: 'mirror.example/nginx' },
          { from: 'index.docker.io/library', to: 'mirror.example/library' },
        ],
      },
    });
  });

  test.each([
    'registry.example',
    '127.0.0.1:5000',
    '[fd12::1]:5000',
    '*.azurecr.io',
    '*.dkr.ecr.*.amazonaws.com',
    'a.*.corp:8443',
  ])('knows the host %s', (host) => {
    expect(problems(`registries: [{ host: "${host}" }]`)).toEqual([]);
  });

  test.each(['ecr', 'gar', 'acr', 'none'])('knows the identity %s', (identity) => {
    expect(problems(entry(`identity: ${identity}`))).toEqual([]);
  });
});

describe('a registry file is refused, with the field that is wrong:', () => {
  test.each([
    ['an unknown setting', 'registrys: []', 'registrys is not a setting'],
    ['a misspelt setting of a registry', entry('insecur: true'), 'registries[0].insecur is not a setting'],
    ['a list', '- host: a.example', 'the file is not a map of settings'],
    ['one registry that is no list', 'registries: { host: a.example }', 'registries must be a list'],
    ['a registry that is a text', 'registries: [a.example]', 'registries[0] is not a map of settings'],
    ['no host', 'registries: [{ insecure: true }]', 'registries[0].host must be a host'],
    [
      'an address instead of a host',
      'registries: [{ host: "https://a.example" }]',
      'registries[0].host: "https://a.example" is not a host',
    ],
    ['a host with a path', 'registries: [{ host: a.example/team }]', 'registries[0].host: "a.example/team"'],
    ['capitals, which no image name has', 'registries: [{ host: A.example }]', 'registries[0].host: "A.example"'],
    ['every host of the world', 'registries: [{ host: "*" }]', 'registries[0].host: "*"'],
    ['a star at the end', 'registries: [{ host: "registry.*" }]', 'registries[0].host: "registry.*"'],
    ['a star that is a piece of a part', 'registries: [{ host: "a*.example" }]', 'registries[0].host: "a*.example"'],
    [
      'the same host twice',
      'registries: [{ host: a.example }, { host: a.example }]',
      'registries: "a.example" is there twice',
    ],
    [
      'Docker Hub by two names',
      'registries: [{ host: docker.io }, { host: index.docker.io }]',
      '"index.docker.io" is there twice',
    ],
    ['text where true or false is meant', entry('insecure: "yes"'), 'registries[0].insecure must be true or false'],
    ['a CA that is not there', entry('ca: /nowhere/ca.pem'), 'registries[0].ca: cannot read /nowhere/ca.pem (ENOENT)'],
    ['a CA for plain HTTP', entry('insecure: true, ca: FILE'), 'insecure is plain HTTP'],
    [
      'plain HTTP for names with a star',
      'registries: [{ host: "*.example", insecure: true }]',
      'insecure needs the whole name',
    ],
    ['a certificate without its key', entry('clientCertificate: FILE'), 'clientCertificate and clientKey go together'],
    ['a key without its certificate', entry('clientKey: FILE'), 'clientCertificate and clientKey go together'],
    ['an unknown cloud', entry('identity: oci'), 'registries[0].identity: "oci" is not one of ecr, gar, acr, none'],
    ["a cloud's identity over plain HTTP", entry('identity: ecr, insecure: true'), 'identity is sent over HTTPS only'],
    [
      'an identity and an account',
      entry('identity: ecr, username: a, passwordFile: FILE'),
      'username and identity exclude each other',
    ],
    ['a user without a password', entry('username: a'), 'username and passwordFile go together'],
    ['a password in the file itself', entry('username: a, password: b'), 'registries[0].password is not a setting'],
    [
      'a user that would end early',
      entry('username: "a:b", passwordFile: FILE'),
      'registries[0].username: "a:b" is not a name without a colon',
    ],
    [
      'a proxy without a scheme',
      entry('proxy: "proxy.example:3128"'),
      'registries[0].proxy.url: "proxy.example:3128" is not the address of a proxy',
    ],
    ['a proxy of another kind', entry('proxy: "socks5://proxy.example"'), 'registries[0].proxy.url'],
    [
      'credentials in the address of the proxy',
      entry('proxy: "http://me:secret@proxy.example"'),
      'registries[0].proxy.url',
    ],
    [
      'a proxy without an address',
      entry('proxy: { username: a, passwordFile: FILE }'),
      'registries[0].proxy.url must be the address',
    ],
    ['a mirror without a host', entry('mirrors: [{ path: a }]'), 'registries[0].mirrors[0].host must be a host'],
    ['a mirror with a star', entry('mirrors: [{ host: "*.example" }]'), 'registries[0].mirrors[0].host'],
    ['a way up', entry('mirrors: [{ host: m.example, path: "../a" }]'), 'registries[0].mirrors[0].path: "../a"'],
    [
      'a path with a slash before it',
      entry('mirrors: [{ host: m.example, path: /a }]'),
      'registries[0].mirrors[0].path: "/a"',
    ],
    ['a rewrite to nowhere', 'rewrite: [{ from: a.example }]', 'rewrite[0].to must be a host'],
    [
      'a rewrite of a part of a host',
      'rewrite: [{ from: "*.example", to: b.example }]',
      'rewrite[0].from: "*.example"',
    ],
    [
      'the same rewrite twice',
      'rewrite: [{ from: a.example, to: b.example }, { from: a.example, to: c.example }]',
      '"a.example" is there twice',
    ],
    ['a key that is there twice', 'registries: []\nregistries: []', 'the key "registries" occurs twice'],
    ['two documents', 'registries: []\n---\nregistries: []', 'more than one document'],
    ['aliases', 'registries: &a []\nrewrite: *a', 'aliases are not allowed'],
    ['what is no YAML', 'registries: [', 'it cannot be read'],
  ])('%s', (_name, text, expected) => {
    expect(problems(text).join('\n')).toContain(expected);
  });

  test('and every mistake is told at once', () => {
    expect(problems('registries: [{ host: "A" }, { host: b.example, identity: x }]\nmirrors: []')).toHaveLength(3);
  });
});
