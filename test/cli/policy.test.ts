import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { newSigningKey } from '../../src/demo/images/signing-key.ts';
import { json, run } from './run.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'policy-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const key = newSigningKey().publicKeyPem.trim().replaceAll('\n', '\n          ');

function policy(name: string, glob: string): string {
  return `apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata:
  name: ${name}
spec:
  images:
    - glob: "${glob}"
  authorities:
    - key:
        data: |
          ${key}
`;
}

const lint = (...args: readonly string[]): ReturnType<typeof run> => run('policy', 'lint', ...args);

describe('policy lint', () => {
  test('of good policies is 0, and says so of each', async () => {
    const path = file(
      'good.yaml',
      `${policy('one', 'registry.example/**')}---\n${policy('two', 'registry.example/web@*')}`,
    );
    expect(await lint('-f', path)).toEqual({
      code: 0,
      out: `${path}, document 1: ClusterImagePolicy one: fine\n${path}, document 2: ClusterImagePolicy two: fine\n`,
      err: '',
    });
  });

  test('with a warning is 0, and names field and way out', async () => {
    const ran = await lint('-f', file('hub.yaml', policy('hub', 'docker.io/library/nginx')), '-o', 'json');
    expect(ran.code).toBe(0);
    expect(json(ran)).toEqual([
      {
        file: join(folder, 'hub.yaml'),
        kind: 'ClusterImagePolicy',
        name: 'hub',
        errors: [],
        warnings: [expect.stringMatching(/^spec\.images\[0\]\.glob .*write index\.docker\.io\/library\/nginx@\*$/)],
      },
    ]);
  });

  test.each([
    {
      name: 'an unknown field',
      text: policy('p', 'a/**').replace('spec:', 'spec:\n  colour: red'),
      error: /spec\.colour/,
    },
    { name: 'no images', text: policy('p', 'a/**').replace(/ {2}images:\n.*\n/, ''), error: /images/ },
    {
      name: 'a key that is none',
      text: policy('p', 'a/**').replace(/BEGIN PUBLIC KEY/, 'BEGIN NOTHING'),
      error: /key/,
    },
    { name: 'another kind', text: 'apiVersion: v1\nkind: Pod\nmetadata: { name: p }', error: /Pod/ },
    { name: 'no kind', text: 'a: b', error: /no kind/ },
    { name: 'YAML that ends in the middle', text: 'kind: [', error: /./ },
  ])('of $name is 1 and prints it as an error', async ({ text, error }) => {
    const path = file('bad.yaml', text);
    const ran = await lint('-f', path, '--output', 'json');
    expect({ code: ran.code, err: ran.err }).toEqual({ code: 1, err: '' });
    expect(json(ran)).toMatchObject([{ file: path, errors: [expect.stringMatching(error)], warnings: [] }]);
    expect((await lint('-f', path)).out).toContain('  error ');
  });

  test('of several files is 1 when one of them is bad, and reports all', async () => {
    const [good, bad] = [file('good.yaml', policy('one', 'registry.example/**')), file('bad.yaml', 'a: b')];
    const ran = await lint('-f', good, '-f', bad, '-o', 'json');
    expect(ran.code).toBe(1);
    expect(json(ran)).toMatchObject([{ file: good, errors: [] }, { file: bad }]);
  });

  test('prints YAML, too', async () => {
    const { code, out } = await lint('-f', file('good.yaml', policy('one', 'registry.example/**')), '-o', 'yaml');
    expect(code).toBe(0);
    expect(out).toContain('name: one');
  });

  test('with a warning is 1 with --strict', async () => {
    const path = file('hub.yaml', policy('hub', 'docker.io/library/nginx'));
    expect(await lint('-f', path, '--strict')).toMatchObject({ code: 1 });
    const annotated = await lint('-f', path, '--strict', '-o', 'github');
    expect(annotated.out).toMatch(
      /^::error file=[^,]*hub\.yaml,line=7,title=[^,]*ClusterImagePolicy hub::spec\.images\[0\]\.glob /,
    );
    expect((await lint('-f', path, '-o', 'github')).out).toMatch(/^::warning /);
  });

  test('prints JUnit, with a case for each document', async () => {
    const path = file('two.yaml', `${policy('one', 'registry.example/**')}---\nkind: Pod\n`);
    const { code, out } = await lint('-f', path, '-o', 'junit');
    expect(code).toBe(1);
    expect(out).toContain('<testsuites name="policy lint" tests="2" failures="1" errors="0">');
  });

  test.each(['nowhere.yaml', '.'])('of %s, which is no file, is 2', async (name) => {
    const { code, out, err } = await lint('-f', join(folder, name));
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('--file: cannot read');
  });
});
