import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileGlob, globMatchesImage, globMatchesText, type Glob } from '../../src/kernel/glob.ts';
import { parseImageReference } from '../../src/kernel/image-reference.ts';

const hex = '5d'.repeat(32);
const pin = `@sha256:${hex}`;

function glob(source: string): Glob {
  const compiled = compileGlob(source);
  if (!compiled.ok) throw new Error(compiled.problem);
  return compiled.value;
}

function admits(source: string, text: string): boolean {
  const image = parseImageReference(text);
  if (!image.ok) throw new Error(image.failure.message);
  return globMatchesImage(glob(source), image.value);
}

describe('any image text, as policy-tester matches it', () => {
  test.each([
    // Names are completed before they are matched.
    ['index.docker.io/library/foo:*', 'foo', true],
    ['index.docker.io/library/foo:latest', 'foo', true],
    ['index.docker.io/library/*:latest', 'foo', true],
    ['index.docker.io/library/*', 'foo', true],
    ['index.docker.io/*/*', 'foo', true],
    ['index.docker.io/*/*', 'myuser/myapp', true],
    ['index.docker.io/**', 'foo', true],
    ['index.docker.io/*', 'foo', false],
    ['inde**', 'foo', true],
    ['inde*/library/foo:latest', 'foo', true],
    ['**', 'foo', true],
    // The text as written is tried as well.
    ['foo', 'foo', true],
    ['foo*', 'foo', true],
    ['foo**', 'foo', true],
    ['foo', 'foobar', false],
    ['foo*', 'foo/bar', false],
    ['foo**', 'foo/bar', true],
    ['myuser/*', 'myuser/myapp', true],
    ['myuser/myapp', 'myuser/myapp', true],
    // These two alone stand for Docker Hub.
    ['*', 'foo', true],
    ['*', 'myuser/myapp', false],
    ['*', 'ghcr.io/foo', false],
    ['*/*', 'myuser/myapp', true],
    ['*/*', 'foo', true],
    ['*/*', 'ghcr.io/foo/bar', false],
    // `*` stays within a segment, `**` crosses segments.
    ['ghcr.io/*', 'ghcr.io/foo', true],
    ['ghcr.io/*', 'ghcr.io/foo/bar', false],
    ['ghcr.io/*/*', 'ghcr.io/foo', false],
    ['ghcr.io/*/*', 'ghcr.io/foo/bar', true],
    ['ghcr.io/*/*', 'ghcr.io/foo/bar/baz', false],
    ['ghcr.io/**', 'ghcr.io/foo', true],
    ['ghcr.io/**', 'ghcr.io/foo/bar/baz', true],
    ['ghcr.io/**/baz:*', 'ghcr.io/foo/bar/baz', true],
    ['*/**', 'ghcr.io/foo', true],
    ['*.io/foo:*', 'ghcr.io/foo', true],
    // From end to end, and dots are dots.
    ['ghcr.io/foo', 'ghcr.io/foo', true],
    ['ghcr.io/foo', 'prefix-ghcr.io/foo', false],
    ['ghcr.io/foo', 'ghcr.io/foo-suffix', false],
    ['ghcr.io/**', 'ghcrxio/foo', false],
    ['ghcr.io/**', 'evil.example/ghcr.io/foo', false],
    ['gcr.io/foo/bar:v1', 'gcr.io/foo/bar:v1', true],
    ['gcr.io/foo/bar:v1', 'gcr.io/foo/bar:v10', false],
    [`gcr.io/foo/bar${pin}`, `gcr.io/foo/bar${pin}`, true],
    [`gcr.io/foo/bar${pin}`, `gcr.io/foo/bar@sha256:${'0'.repeat(64)}`, false],
    // `:` and `@` are no separators.
    ['gcr.io/foo/*', `gcr.io/foo/bar:v1${pin}`, true],
    ['gcr.io/foo/bar*', 'gcr.io/foo/bar:v1', true],
    ['gcr.io/*/*sha256*', `gcr.io/foo/bar${pin}`, true],
  ])('%s on %s: %s', (source, text, expected) => {
    expect(globMatchesText(glob(source), text)).toBe(expected);
  });

  test('a text that is no image name is a problem, not a miss', () => {
    expect(globMatchesText(glob('**'), 'invalid&name')).toEqual({
      problem: expect.stringContaining('not an image name'),
    });
  });
});

describe('at admission', () => {
  test.each([
    ['an exact name never matches', 'ghcr.io/org/app', `ghcr.io/org/app${pin}`, false],
    ['a name and @*', 'ghcr.io/org/app@*', `ghcr.io/org/app:v1${pin}`, true],
    ['a name and @* spares the neighbour', 'ghcr.io/org/app@*', `ghcr.io/org/app-evil${pin}`, false],
    ['a bare prefix takes the neighbour too', 'ghcr.io/org/app*', `ghcr.io/org/app-evil${pin}`, true],
    ['a prefix stays within its segment', 'ghcr.io/org/app*', `ghcr.io/org/app/evil${pin}`, false],
    ['docker.io is no name here', 'docker.io/library/nginx**', `nginx${pin}`, false],
    ['short names do not exist here', 'nginx*', `nginx${pin}`, false],
    ['nor with two stars', 'nginx**', `nginx${pin}`, false],
    ['Docker Hub in full', 'index.docker.io/library/nginx@*', `nginx:1.27${pin}`, true],
    ['the exact digest', `ghcr.io/org/app${pin}`, `ghcr.io/org/app${pin}`, true],
    ['the exact digest, whatever the tag', `ghcr.io/org/app${pin}`, `ghcr.io/org/app:v1${pin}`, true],
    ['tag and digest together are no name', `ghcr.io/org/app:v1${pin}`, `ghcr.io/org/app:v1${pin}`, false],
    // Beyond policy-controller, which never sees the tag.
    ['the tag that was written', 'quay.io/x/y:v1', `quay.io/x/y:v1${pin}`, true],
    ['the tag before it is pinned', 'quay.io/x/y:v1', 'quay.io/x/y:v1', true],
    ['any tag', 'quay.io/x/y:*', `quay.io/x/y:v1${pin}`, true],
    ['a beginning of tags', 'quay.io/x/y:v1.*', `quay.io/x/y:v1.2${pin}`, true],
    ['another tag', 'quay.io/x/y:v1', `quay.io/x/y:v2${pin}`, false],
    ['a tag where none was written', 'quay.io/x/y:*', `quay.io/x/y${pin}`, false],
    ['latest is implied', 'quay.io/x/y:latest', 'quay.io/x/y', true],
    ['latest is not implied beside a digest', 'quay.io/x/y:latest', `quay.io/x/y${pin}`, false],
    ['a tag in the place of a digest', 'quay.io/x/y@sha256*', 'quay.io/x/y:sha256', false],
  ])('%s: %s on %s', (_title, source, text, expected) => {
    expect(admits(source, text)).toBe(expected);
  });

  test('the answer for a tag glob is the same before and after pinning', () => {
    const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,9}$/);
    fc.assert(
      fc.property(tag, fc.constantFrom('v*', '*', 'latest', '**', 'a'), (written, wanted) => {
        const source = `ghcr.io/o/r:${wanted}`;
        expect(admits(source, `ghcr.io/o/r:${written}${pin}`)).toBe(admits(source, `ghcr.io/o/r:${written}`));
      }),
    );
  });
});

describe('refuses as a glob', () => {
  test.each([
    '.+',
    '[a-z]*',
    '$FOO*',
    'a?',
    '{a,b}',
    'a\\*',
    'a b',
    'ghcr.io/**\n',
    '',
    'ghcr.io/ö*',
    '(a)',
    'a|b',
    '^a$',
  ])('%j', (source) => {
    expect(compileGlob(source)).toMatchObject({ ok: false, problem: expect.stringContaining('invalid glob') });
  });

  test('more than 1,024 characters', () => {
    expect(compileGlob('*a'.repeat(513))).toMatchObject({ ok: false });
  });
});

test('a glob of many stars takes time that is linear in the name', () => {
  const hostile = glob(`${'**a'.repeat(300)}b`);
  const start = performance.now();
  expect(hostile.matches(`ghcr.io/${'a'.repeat(900)}`)).toBe(false);
  expect(performance.now() - start).toBeLessThan(5_000);
});

test('without stars a glob is the text itself', () => {
  const text = fc.stringMatching(/^[a-zA-Z0-9\-_:/.@]{1,30}$/);
  fc.assert(
    fc.property(text, text, (source, name) => {
      expect(glob(source).matches(name)).toBe(source === name);
      expect(glob(source).matches(source)).toBe(true);
    }),
  );
});
