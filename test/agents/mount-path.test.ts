import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isInside, isSystemFolder, parentOf, resolveMountPath } from '../../src/agents/mount-path.ts';

test.each([
  ['guide.md', '/workspace/guide.md'],
  ['./docs//guide.md/', '/workspace/docs/guide.md'],
  ['.', '/workspace'],
  ['/workspace/guides/standards.md', '/workspace/guides/standards.md'],
  ['/home/agent/notes', '/home/agent/notes'],
  ['/etc/agent/policy.yaml', '/etc/agent/policy.yaml'],
  ['/toolsmith/x', '/toolsmith/x'],
  ['/github/x', '/github/x'],
  ['...', '/workspace/...'],
])('%s is %s', (mountPath, path) => {
  expect(resolveMountPath(mountPath, '/workspace')).toEqual({ ok: true, value: path });
});

describe('refuses', () => {
  test.each([
    ['..', 'without ".."'],
    ['../etc/passwd', 'without ".."'],
    ['docs/../../x', 'without ".."'],
    ['/workspace/..', 'without ".."'],
    ['a\0b', 'control characters'],
    ['a\nb', 'control characters'],
    ['a\u0085b', 'control characters'],
    ['a\ud800', 'control characters'],
    ['x/'.repeat(2100), 'longer than 4096 bytes'],
    ['x/'.repeat(100), 'more than 64 folders deep'],
    ['ä'.repeat(200), 'a name of more than 255 bytes'],
    ['/', 'the whole image'],
    ['//./', 'the whole image'],
    ['/tools', 'belongs to the Pod'],
    ['/tools/opencode', 'belongs to the Pod'],
    ['//tools//opencode', 'belongs to the Pod'],
    ['/proc/self/mem', 'belongs to the Pod'],
    ['/sys', 'belongs to the Pod'],
    ['/dev/null', 'belongs to the Pod'],
    ['/var/run/secrets/kubernetes.io/serviceaccount/token', 'belongs to the Pod'],
    ['/run/secrets/x', 'belongs to the Pod'],
    ['/configmap-files/x', 'belongs to the Pod'],
    ['/configmap-dir-3', 'belongs to the Pod'],
    ['/configmap-dir-0/x', 'belongs to the Pod'],
    ['/git/repo', 'belongs to the Pod'],
    ['/kubeopencode', 'belongs to the Pod'],
    ['/etc', 'would hide a folder'],
    ['/usr/bin/', 'would hide a folder'],
    ['/var', 'would hide a folder'],
    ['/var/run', 'would hide a folder'],
    ['/etc/passwd', 'belongs to the image'],
    ['/etc/ld.so.preload', 'belongs to the image'],
    ['/etc/resolv.conf', 'belongs to the image'],
  ])('%j: %s', (mountPath, why) => {
    const resolved = resolveMountPath(mountPath, '/workspace');
    expect(resolved).toEqual({ ok: false, failure: expect.stringContaining(why) });
  });
});

test('whatever is written, the place is normalised, in no reserved folder, and relative paths stay in the workspace', () => {
  const segment = fc.oneof(
    fc.constantFrom('..', '.', '', 'tools', 'proc', 'var', 'run', 'secrets', 'git', 'etc', 'passwd', 'configmap-dir-1'),
    fc.string({ maxLength: 8 }),
    fc.string({ unit: 'binary', maxLength: 8 }),
  );
  const path = fc
    .tuple(fc.boolean(), fc.array(segment, { maxLength: 8 }))
    .map(([abs, parts]) => (abs ? '/' : '') + parts.join('/'));
  const reserved =
    /^\/(?:tools|proc|sys|dev|git|kubeopencode|configmap-files|configmap-dir-[^/]*|(?:var\/)?run\/secrets)(?:\/|$)/;
  fc.assert(
    fc.property(path, (mountPath) => {
      const resolved = resolveMountPath(mountPath, '/workspace');
      if (!resolved.ok) return;
      expect(resolved.value).toMatch(/^(?:\/[^/\p{Cc}]+)+$/u);
      expect(resolved.value.split('/')).not.toContain('..');
      expect(resolved.value.split('/')).not.toContain('.');
      expect(resolved.value).not.toMatch(reserved);
      expect(mountPath.startsWith('/') || isInside(resolved.value, '/workspace')).toBe(true);
      expect(resolveMountPath(resolved.value, '/elsewhere')).toEqual(resolved);
    }),
    { numRuns: 3000 },
  );
});

test('folders contain themselves and what is below, not what begins alike', () => {
  expect(isInside('/a/b', '/a')).toBe(true);
  expect(isInside('/a', '/a')).toBe(true);
  expect(isInside('/ab', '/a')).toBe(false);
  expect([parentOf('/a/b'), parentOf('/a'), isSystemFolder('/'), isSystemFolder('/home')]).toEqual([
    '/a',
    '/',
    true,
    false,
  ]);
});
