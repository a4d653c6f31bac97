import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatImageReference, parseImageReference } from '../../src/kernel/image-reference.ts';

const digest = `sha256:${'ab'.repeat(32)}`;

function formatted(text: string): string {
  const parsed = parseImageReference(text);
  return parsed.ok ? formatImageReference(parsed.value) : parsed.failure.code;
}

describe('names as go-containerregistry understands them', () => {
  test.each([
    ['nginx', 'index.docker.io/library/nginx:latest'],
    ['nginx:1.27', 'index.docker.io/library/nginx:1.27'],
    ['bitnami/nginx', 'index.docker.io/bitnami/nginx:latest'],
    ['docker.io/nginx', 'index.docker.io/library/nginx:latest'],
    ['docker.io/library/nginx', 'index.docker.io/library/nginx:latest'],
    ['index.docker.io/nginx', 'index.docker.io/library/nginx:latest'],
    ['registry-1.docker.io/library/nginx', 'registry-1.docker.io/library/nginx:latest'],
    ['docker.io:443/nginx', 'docker.io:443/nginx:latest'],
    ['ghcr.io/app', 'ghcr.io/app:latest'],
    ['ghcr.io/org/team/app:v1', 'ghcr.io/org/team/app:v1'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000/app', 'localhost:5000/app:latest'],
    ['registry:5000/app:v1', 'registry:5000/app:v1'],
    ['registry:5000', 'index.docker.io/library/registry:5000'],
    ['127.0.0.1:5000/a/b', '127.0.0.1:5000/a/b:latest'],
    ['[::1]:5000/a/b', '[::1]:5000/a/b:latest'],
    ['org/app', 'index.docker.io/org/app:latest'],
    ['local/host', 'index.docker.io/local/host:latest'],
    ['ghcr.io/a/b__c--d.e', 'ghcr.io/a/b__c--d.e:latest'],
    ['ghcr.io/a/b:_.-X', 'ghcr.io/a/b:_.-X'],
    [`nginx@${digest}`, `index.docker.io/library/nginx@${digest}`],
    [`nginx:1.27@${digest}`, `index.docker.io/library/nginx:1.27@${digest}`],
    [`localhost:5000/app@${digest}`, `localhost:5000/app@${digest}`],
    [`ghcr.io/a/${'b'.repeat(253)}`, `ghcr.io/a/${'b'.repeat(253)}:latest`],
    [`ghcr.io/a/b:${'t'.repeat(128)}`, `ghcr.io/a/b:${'t'.repeat(128)}`],
  ])('%s is %s', (text, expected) => {
    expect(formatted(text)).toBe(expected);
  });
});

describe('refuses', () => {
  test.each([
    ['nothing', ''],
    ['a space', 'nginx '],
    ['a leading space', ' nginx'],
    ['a line break', 'nginx\n'],
    ['a NUL', 'nginx\0'],
    ['upper case in the repository', 'ghcr.io/Org/app'],
    ['upper case on Docker Hub', 'Nginx'],
    ['upper case in the registry, which would get past globs', 'GHCR.IO/org/app'],
    ['upper case in an IPv6 address', '[FE80::1]:5000/org/app'],
    ['one letter', 'a'],
    ['a repository of 256 characters', `ghcr.io/${'a'.repeat(256)}`],
    ['10 kB', `ghcr.io/${'a/'.repeat(5_000)}a`],
    ['10 kB of colons', ':'.repeat(10_000)],
    ['Unicode', 'ghcr.io/örg/app'],
    ['a Cyrillic letter that looks Latin', 'ghcr.io/оrg/app'],
    ['a Kelvin sign', 'ghcr.io/K8s/app'],
    ['a zero-width space', 'ghcr.io/org/a\u200bpp'],
    ['a full-width colon', 'ghcr.io/org/app：v1'],
    ['a Unicode digit in a digest', `nginx@sha256:${'٠'.repeat(64)}`],
    ['..', 'ghcr.io/org/../other/app'],
    ['.. at the end', 'ghcr.io/org/..'],
    ['.', 'ghcr.io/org/./app'],
    ['an empty segment', 'ghcr.io/org//app'],
    ['an empty segment behind the registry', 'ghcr.io//app'],
    ['a slash at the end', 'ghcr.io/org/app/'],
    ['a slash at the beginning', '/org/app'],
    ['a registry alone', 'ghcr.io/'],
    ['a scheme', 'https://ghcr.io/org/app'],
    ['a user', 'me@ghcr.io/org/app'],
    ['a password', 'me:secret@ghcr.io/org/app'],
    ['a query', 'ghcr.io/org/app?x=1'],
    ['a fragment', 'ghcr.io/org/app#x'],
    ['a percent escape', 'ghcr.io/org/%2e%2e/app'],
    ['a backslash', 'ghcr.io\\org\\app'],
    ['a registry that ends with a dot', 'ghcr.io./org/app'],
    ['a registry that begins with a dash', '-x.io/org/app'],
    ['a port that is no number', 'ghcr.io:http/org/app'],
    ['a port of six digits', 'ghcr.io:443443/org/app'],
    ['an empty port', 'ghcr.io:/org/app'],
    ['an unclosed IPv6 address', '[::1/org/app'],
    ['an empty tag', 'nginx:'],
    ['two tags', 'nginx:1:2'],
    ['a tag with a plus', 'nginx:1+2'],
    ['a tag of 129 characters', `nginx:${'t'.repeat(129)}`],
    ['an empty tag before a digest', `nginx:@${digest}`],
    ['a bad tag before a digest', `nginx:1+2@${digest}`],
    ['an empty digest', 'nginx@'],
    ['a digest of 63 digits', `nginx@${digest.slice(0, -1)}`],
    ['a digest of 65 digits', `nginx@${digest}0`],
    ['a digest in upper case', `nginx@${digest.toUpperCase()}`],
    ['hexadecimal digits in upper case', `nginx@sha256:${'AB'.repeat(32)}`],
    ['another algorithm', `nginx@sha512:${'ab'.repeat(64)}`],
    ['an algorithm nobody has', `nginx@md5:${'ab'.repeat(16)}`],
    ['two digests', `nginx@${digest}@${digest}`],
    ['a tag behind the digest', `nginx@${digest}:v1`],
    ['a digest alone', digest],
    ['a digest of nothing', `@${digest}`],
    ['a Tekton parameter', '$(params.image)'],
    ['a glob', 'ghcr.io/org/*'],
  ])('%s', (_title, text) => {
    expect(formatted(text)).toBe('IMAGE_REFERENCE_INVALID');
  });
});

test('a refusal names the rule, and shows hostile text cut and escaped', () => {
  const parsed = parseImageReference(`evil\u202e\n${'x'.repeat(5_000)}`);
  const message = parsed.ok ? '' : parsed.failure.message;
  expect(message).toContain('longer than 1024 characters');
  expect(message).toContain('\\u{202e}\\u{a}');
  expect(message.length).toBeLessThan(400);
});

const lower = fc.stringMatching(/^[a-z0-9]{2,8}$/);
const reference = fc
  .record({
    registry: fc.constantFrom(
      '',
      'ghcr.io/',
      'docker.io/',
      'localhost/',
      'localhost:5000/',
      'reg.example:1/',
      '[::1]/',
    ),
    path: fc.array(lower, { minLength: 1, maxLength: 4 }),
    tag: fc.option(fc.stringMatching(/^[A-Za-z0-9_.-]{1,20}$/)),
    digest: fc.option(fc.stringMatching(/^[0-9a-f]{64}$/)),
  })
  .map(({ registry, path, tag, digest: hex }) => {
    const version = `${tag === null ? '' : `:${tag}`}${hex === null ? '' : `@sha256:${hex}`}`;
    return `${registry}${path.join('/')}${version}`;
  });

describe('laws', () => {
  test('a formatted name is its own parse', () => {
    fc.assert(
      fc.property(reference, (text) => {
        const once = parseImageReference(text);
        if (!once.ok) throw new Error(once.failure.message);
        expect(parseImageReference(formatImageReference(once.value))).toEqual(once);
      }),
    );
  });

  test('no text whatever throws, and what is accepted has only harmless characters', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.string({ unit: fc.constantFrom('a', 'B', '/', '.', ':', '@', '-', '[', ']', '%', 'sha256:'), maxLength: 40 }),
    );
    fc.assert(
      fc.property(hostile, (text) => {
        const parsed = parseImageReference(text);
        if (!parsed.ok) return;
        const { registry, repository } = parsed.value;
        expect(formatImageReference(parsed.value)).toMatch(/^[A-Za-z0-9._:/@[\]-]+$/);
        // The name means the same inside a URL.
        expect(new URL(`https://${registry.replace(/:\d+$/, '')}/v2/${repository}/`).pathname).toBe(
          `/v2/${repository}/`,
        );
      }),
      { numRuns: 300 },
    );
  });
});
