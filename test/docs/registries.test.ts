import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { write } from '../adapters/registry/files.ts';
import { parseRegistryFile } from '../../src/adapters/registry/registry-file.ts';

const text = readFileSync(new URL('../../docs/registries.md', import.meta.url), 'utf8');
const files = [...text.matchAll(/^```yaml\n(.*?)^```/gms)]
  .map(([, yaml = '']) => yaml)
  .filter((yaml) => /^(?:registries|rewrite):/.test(yaml));

test('the page on registries shows files', () => {
  expect(files.length).toBeGreaterThanOrEqual(5);
});

test.each(files)('can be used as it stands there: %#', (yaml) => {
  const { any } = write({ any: 'a file' });
  const parsed = parseRegistryFile(yaml.replaceAll(/\/etc\/countersign\/registries\/[\w.-]+/g, any));
  expect(parsed.ok ? [] : parsed.failure).toEqual([]);
});
