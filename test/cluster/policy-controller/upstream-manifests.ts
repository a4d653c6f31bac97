/** Manifests of policy-controller's repository, as they are there: test/fixtures/policy-controller. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../fixtures/policy-controller');

export const manifest = (name: string): string => join(root, name);
export const text = (name: string): string => readFileSync(manifest(name), 'utf8');

/** Paths of the YAML files in a folder. */
export function manifestsIn(folder: string): readonly string[] {
  const names = readdirSync(manifest(folder)).filter((name) => name.endsWith('.yaml'));
  return names.toSorted().map((name) => `${folder}/${name}`);
}

/** With the values that its own scripts put into a template. */
export function filled(name: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values).reduce((filling, [mark, value]) => filling.replaceAll(mark, value), text(name));
}
