import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { json, run } from './run.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'policy-explain-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function file(name: string, ...documents: readonly object[]): string {
  const path = join(folder, name);
  writeFileSync(path, documents.map((document) => JSON.stringify(document)).join('\n---\n'));
  return path;
}

const policy = (name: string, spec: object) => ({
  apiVersion: 'policy.sigstore.dev/v1beta1',
  kind: 'ClusterImagePolicy',
  metadata: { name },
  spec,
});
const everything = (name: string) =>
  policy(name, { images: [{ glob: '**' }], authorities: [{ static: { action: 'pass' } }] });
const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { a: 'b' } };

describe('policy explain', () => {
  test('of a file tells of each policy what it demands, and what lint says', async () => {
    const path = file('p.yaml', everything('one'), secret, everything('two'));
    const ran = await run('policy', 'explain', path);
    expect([ran.code, ran.err]).toEqual([0, '']);
    expect(ran.out.match(/^ClusterImagePolicy \w+/gm)).toEqual(['ClusterImagePolicy one', 'ClusterImagePolicy two']);
    expect(ran.out).toContain('  It passes always, without a signature (static: pass).\n');
    expect(ran.out).toContain('  warning spec.authorities[0].static: "**" admits everything there');
  });

  test('of a name tells of that one', async () => {
    file('p.yaml', everything('one'), everything('two'));
    const ran = await run('policy', 'explain', 'two', '--policies', folder, '-o', 'json');
    expect([ran.code, json(ran)]).toMatchObject([
      0,
      [{ name: 'two', errors: [], demands: { authorities: [expect.stringContaining('static: pass')] } }],
    ]);
  });

  test('of a broken policy is 1, with what is wrong', async () => {
    const ran = await run('policy', 'explain', file('p.yaml', policy('broken', { images: [] })));
    expect(ran).toMatchObject({ code: 1, out: expect.stringMatching(/ClusterImagePolicy broken [^]* error /) });
  });

  test.each([
    { args: ['nobody'], named: '--policies' },
    { args: ['nobody', '--policies', 'HERE'], named: 'no ClusterImagePolicy nobody' },
    { args: ['nobody', '--policies', '/nowhere'], named: '/nowhere' },
    { args: ['SECRET'], named: 'no ClusterImagePolicy in' },
  ])('of $args is 2 and names $named', async ({ args, named }) => {
    const path = file('s.yaml', secret);
    const ran = await run('policy', 'explain', ...args.map((arg) => ({ HERE: folder, SECRET: path })[arg] ?? arg));
    expect([ran.code, ran.err]).toEqual([2, expect.stringContaining(named)]);
  });
});
