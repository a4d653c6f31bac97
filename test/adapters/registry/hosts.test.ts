import { describe, expect, test } from 'vitest';
import { Hosts } from '../../../src/adapters/registry/hosts.ts';
import type { RegistryEntry } from '../../../src/adapters/registry/registry-file.ts';

const hosts = new Hosts({
  insecure: ['127.0.0.1:5000', 'Plain.Example'],
  ca: new Map([['own.example', 'PEM']]),
});

describe('what is said of a host', () => {
  test.each([
    ['http://127.0.0.1:5000/v2/', 'insecure'],
    ['http://plain.example/v2/', 'insecure'],
    ['http://PLAIN.example:80/v2/', 'insecure'],
    ['https://own.example/v2/', 'ca'],
    ['https://own.example:443/v2/', 'ca'],
  ])('counts for %s', (url, kind) => {
    expect(hosts.ruleFor(new URL(url)).kind).toBe(kind);
  });

  test.each([
    ['another port', 'http://127.0.0.1:5001/'],
    ['another address', 'http://127.0.0.2:5000/'],
    ['a longer name', 'http://plain.example.org/'],
    ['a name inside', 'http://a.plain.example/'],
    ['HTTPS, where plain HTTP is said', 'https://plain.example/'],
    ['plain HTTP, where a CA is said', 'http://own.example/'],
    ['another port than that of the CA', 'https://own.example:8443/'],
  ])('does not count for %s', (_name, url) => {
    expect(hosts.ruleFor(new URL(url))).toEqual({ kind: 'unknown' });
  });
});

describe('the URL of what is asked', () => {
  test.each([
    ['registry.example', 'team/app', 'manifests/1.0', 'https://registry.example/v2/team/app/manifests/1.0'],
    ['127.0.0.1:5000', 'app', 'blobs/sha256:00', 'http://127.0.0.1:5000/v2/app/blobs/sha256:00'],
    ['[fd12::1]:5000', 'app', 'manifests/1.0', 'https://[fd12::1]:5000/v2/app/manifests/1.0'],
    ['Registry.Example:443', 'app', 'manifests/1.0', 'https://registry.example/v2/app/manifests/1.0'],
    ['registry.example', 'a?b#c', 'manifests/1', 'https://registry.example/v2/a%3Fb%23c/manifests/1'],
  ])('%s %s %s', (registry, repository, path, expected) => {
    expect(hosts.urlOf({ registry, repository }, path)?.href).toBe(expected);
  });

  test.each([
    ['a host that means another one', '0x7f.1', 'app', 'manifests/1'],
    ['a host in decimal', '2130706433', 'app', 'manifests/1'],
    ['a short address', '127.1', 'app', 'manifests/1'],
    ['credentials', 'a@registry.example', 'app', 'manifests/1'],
    ['a path in the host', 'registry.example/x', 'app', 'manifests/1'],
    ['a port that is none', 'registry.example:99999', 'app', 'manifests/1'],
    ['an empty host', '', 'app', 'manifests/1'],
    ['a way up', 'registry.example', 'team/../../app', 'manifests/1'],
    ['a way up behind it', 'registry.example', 'app', 'manifests/..'],
    ['an empty segment', 'registry.example', 'team//app', 'manifests/1'],
    ['a letter that looks like another', 'registry.ex\u0430mple', 'app', 'manifests/1'],
  ])('there is none for %s', (_name, registry, repository, path) => {
    expect(hosts.urlOf({ registry, repository }, path)).toBeUndefined();
  });
});

describe('what the registry file says of a host', () => {
  const entry = (host: string, more: Partial<RegistryEntry> = {}): RegistryEntry => ({
    host,
    insecure: false,
    files: {},
    mirrors: [],
    ...more,
  });
  const listed = [
    entry('*.corp.example', { files: { ca: 'ca.pem' } }),
    entry('own.corp.example', { files: { ca: 'own.pem' } }),
    entry('*.corp.example:8443'),
    entry('proxied.example', { proxy: { url: new URL('http://proxy.example') } }),
    entry('plain.corp.example:5000', { insecure: true }),
  ];
  const known = new Hosts({
    insecure: ['flag.corp.example'],
    ca: new Map([['proxied.example', 'PEM']]),
    file: { registries: listed, rewrites: [] },
  });
  const ruleOf = (url: string) => known.ruleFor(new URL(url));

  test('counts for its own name, and lets it have any address with a CA of its own', () => {
    expect(ruleOf('https://own.corp.example/v2/')).toEqual({ kind: 'ca', entry: listed[1] });
  });

  test('counts for a name that fits a star, of which any address is looked at all the same', () => {
    expect(ruleOf('https://a.corp.example/v2/')).toEqual({ kind: 'unknown', entry: listed[0] });
    expect(ruleOf('https://a.corp.example:8443/v2/')).toEqual({ kind: 'unknown', entry: listed[2] });
  });

  test('adds to what flags say', () => {
    expect(ruleOf('https://proxied.example/')).toEqual({ kind: 'ca', pem: 'PEM', entry: listed[3] });
    expect(ruleOf('http://flag.corp.example/')).toEqual({ kind: 'insecure', entry: listed[0] });
    expect(known.isInsecure('plain.corp.example:5000')).toBe(true);
  });

  test.each([
    ['a longer name', 'https://a.b.corp.example/'],
    ['the name without the star', 'https://corp.example/'],
    ['another port', 'https://own.corp.example:9000/'],
    ['a name behind it', 'https://own.corp.example.attacker.example/'],
    ['plain HTTP', 'http://own.corp.example/'],
    ['plain HTTP, where only a star fits', 'http://a.corp.example/'],
  ])('does not count for %s', (_name, url) => {
    expect(ruleOf(url)).toEqual({ kind: 'unknown' });
  });
});
