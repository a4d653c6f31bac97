import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gitProblem } from '../../src/agents/git-address.ts';
import type { GitSource } from '../../src/agents/model.ts';

const plain: GitSource = {
  repository: 'https://github.com/org/repo.git',
  ref: 'HEAD',
  depth: 1,
  recurseSubmodules: false,
};

describe('takes the repository', () => {
  test.each([
    'https://github.com/org/repo',
    'HTTPS://github.com/org/repo.git',
    'http://git.tools.svc.cluster.local:8080/repo.git',
    'https://[2001:db8::1]:8443/repo',
    'https://dev.azure.com/org/My%20Project/_git/repo',
    'ssh://git@github.com/org/repo.git',
    'ssh://git.example.com:2222/~user/repo',
    'git@github.com:org/repo.git',
    'git@10.0.0.7:repo',
    'https://host/my--repo/a-b',
  ])('%s', (repository) => {
    expect(gitProblem({ ...plain, repository })).toBeUndefined();
  });
});

describe('refuses the repository', () => {
  test.each([
    ['git@https://@-', 'begins with "-"'],
    ['', 'is missing'],
    ['https://user:secret@github.com/org/repo', 'has credentials'],
    ['https://token@github.com/org/repo', 'has credentials'],
    ['https://a@b:c@github.com/org/repo', 'has credentials'],
    ['ssh://git:secret@github.com/org/repo', 'has credentials'],
    ['https://github.com/org/repo?access_token=secret', 'no address'],
    ['--upload-pack=touch /tmp/x', 'no address'],
    ['-oProxyCommand=x', 'no address'],
    ['ssh://-oProxyCommand=x/y', 'no address'],
    ['ssh://%2doProxyCommand=x/y', 'no address'],
    ['ssh://-x@host/y', 'no address'],
    ['git@-oProxyCommand=x:y', 'no address'],
    ['-x@host:y', 'no address'],
    ['git@host:-y', 'begins with "-"'],
    ['git@host:a/--upload-pack', 'begins with "-"'],
    ['https://host/--upload-pack=x', 'begins with "-"'],
    ['https://host/a%0ahost=evil', 'control characters'],
    ['https://host/%00', 'control characters'],
    ['https://host/a b', 'no address'],
    ['https://host/a\nb', 'no address'],
    ['https://host/$(id)', 'no address'],
    ['https://host/`id`', 'no address'],
    ['https://', 'no address'],
    ['https://host', 'no address'],
    ['file:///etc/passwd', 'no address'],
    ['/srv/repo', 'no address'],
    ['../repo', 'no address'],
    ['C:\\repo', 'no address'],
    ['git://host/repo', 'no address'],
    ['ftp://host/repo', 'no address'],
    ['ext::sh -c id', 'no address'],
    ['ext::sh', 'no address'],
    ['https::https://host/repo', 'no address'],
    ['host:repo', 'no address'],
    [`https://host/${'a'.repeat(2100)}`, 'longer than'],
  ])('%j: %s', (repository, why) => {
    const problem = gitProblem({ ...plain, repository });
    expect(problem).toContain(why);
    expect(problem).not.toContain('secret@');
    expect(problem).not.toContain('access_token');
  });
});

test.each([
  'HEAD',
  'main',
  'v1.2.3',
  'feature/a-b',
  'refs/pull/1/head',
  '0123456789abcdef0123456789abcdef01234567',
  'größe',
  'a@b',
])('takes the ref %s', (ref) => {
  expect(gitProblem({ ...plain, ref })).toBeUndefined();
});

test.each([
  '',
  '-b',
  '--upload-pack=x',
  'a..b',
  'a b',
  'a\nb',
  'a~1',
  'a^',
  'a:b',
  'a?',
  'a*',
  'a[',
  'a\\b',
  '/a',
  'a/',
  'a//b',
  '.a',
  'a/.b',
  'a.',
  'a.lock',
  'a.lock/b',
  '@',
  'a@{1}',
  'a\u202eb',
  'x'.repeat(256),
])('refuses the ref %j', (ref) => {
  expect(gitProblem({ ...plain, ref })).toContain('git.ref');
});

test.each(['docs', '/docs', 'docs/guides', './docs/', '.', 'a b', 'a..b'])('takes the path %s', (path) => {
  expect(gitProblem({ ...plain, path })).toBeUndefined();
});

test.each(['..', '/../etc', 'a/../b', '-x', '/-x', 'a\0', 'a\nb', 'x'.repeat(5000)])('refuses the path %j', (path) => {
  expect(gitProblem({ ...plain, path })).toContain('git.path');
});

test.each([
  [{ depth: 0 }, undefined],
  [{ depth: 50 }, undefined],
  [{ depth: -1 }, 'git.depth'],
  [{ depth: 1.5 }, 'git.depth'],
  [{ depth: Number.NaN }, 'git.depth'],
  [{ secretRef: 'git-credentials' }, undefined],
  [{ secretRef: '../other' }, 'git.secretRef.name'],
  [{ secretRef: 'UPPER' }, 'git.secretRef.name'],
] as const)('%j: %s', (change, field) => {
  expect(gitProblem({ ...plain, ...change })?.split(' ')[0]).toBe(field);
});

test('nothing that is taken could be read as an option, a helper or another address', () => {
  const piece = fc.constantFrom(
    'https://',
    'ssh://',
    'git@',
    'host',
    '/',
    ':',
    '-',
    '--x',
    '%2d',
    '::',
    'ext',
    '@',
    ' ',
    'a',
    '..',
    '$(x)',
    '\n',
    '.git',
    '1',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 9 }), fc.array(piece, { maxLength: 6 }), (address, name) => {
      const source = { ...plain, repository: address.join(''), ref: name.join(''), path: name.join('') };
      if (gitProblem(source) !== undefined) return;
      expect(source.repository).toMatch(/^(?:https?:\/\/[^@/]+\/|ssh:\/\/|[\w.-]+@)/);
      expect(source.repository).not.toMatch(/\s|^-|[/:@]-|\$|^[a-z]+::/);
      expect(source.ref).not.toMatch(/^-|\s|\.\./);
      expect(source.path).not.toMatch(/^\/*-/);
    }),
    { numRuns: 5000 },
  );
});
