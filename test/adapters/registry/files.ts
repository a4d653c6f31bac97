import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { parseRegistryFile, type RegistryFile } from '../../../src/adapters/registry/registry-file.ts';

/** A folder with these files, until the test ends; gives their paths. */
export function write<Name extends string>(files: Readonly<Record<Name, string>>): Readonly<Record<Name, string>> {
  const folder = mkdtempSync(join(tmpdir(), 'registries-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  const paths: Partial<Record<Name, string>> = {};
  // Object.entries forgets which names there are.
  for (const [name, text] of Object.entries(files) as [Name, string][]) {
    const path = join(folder, name);
    writeFileSync(path, text);
    paths[name] = path;
  }
  // Every name has been set.
  return paths as Record<Name, string>;
}

export function registryFile(text: string): RegistryFile {
  const parsed = parseRegistryFile(text);
  if (!parsed.ok) throw new Error(parsed.failure.join('; '));
  return parsed.value;
}
