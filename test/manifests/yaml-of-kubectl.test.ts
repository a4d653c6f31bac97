/** Manifests mean the same here as where kubectl applies them. */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { parseStrictYaml } from '../../src/kernel/strict-yaml.ts';
import { at } from './objects.ts';
import { kubectl } from './render.ts';

const values = [
  '[0400, 0o400, 0755, 400, 08, 0899, -010, +7, 0_4, 1_000, 0x10, 0b11]',
  '[1.10, 1e3, 12e03, .5, 1., 010.5, 685.230_15e+03]',
  '[yes, no, on, off, y, n, Y, N, Yes, NO, Off, true, False, TRUE, yEs, oN]',
  '[null, ~, Null, nULL]',
  '[2030-01-01, 22:30, 1:20:30, 2001-12-14t21:59:43.10-05:00]',
  '["0400", "yes", !!str 0400, !!int "0400", !!bool on]',
  '[=, 0o9, 0x, 0b2, 1__0, _1, 0o, -0o17]',
  '{yes: 1, n: 2, 0400: 3, 1.5: 4, "on": 5}',
  '{a: &a {x: 1, z: [2]}, b: {<<: *a, x: 3}, c: {<<: [*a, {w: 4}]}}',
];

describe.runIf(kubectl !== undefined)('kubectl', () => {
  test.each(values)('reads %s as it is read here', (value) => {
    const manifest = `apiVersion: kubetask.io/v1alpha1\nkind: Agent\nmetadata: { name: a }\nspec: { value: ${value} }\n`;
    const args = ['label', '--local', '--filename', '-', '--output', 'json', 'x=y'];
    const { stdout, stderr } = spawnSync(kubectl ?? '', args, { input: manifest, encoding: 'utf8', timeout: 20_000 });
    expect(stderr).toBe('');
    const sent = at(JSON.parse(stdout), 'spec', 'value');
    const stream = parseStrictYaml(manifest, { characters: 10_000, documents: 1 }, 'kubectl');
    const [document] = stream.ok ? stream.documents : [];
    expect(document?.ok === true && at(document.value, 'spec', 'value')).toStrictEqual(sent);
  });
});
