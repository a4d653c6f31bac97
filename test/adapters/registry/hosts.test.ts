import { describe, expect, test } from 'vitest';
import { Hosts } from '../../../src/adapters/registry/hosts.ts';

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
