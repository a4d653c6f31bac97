import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Locked {
  readonly version: string;
  readonly dev?: true;
}

/** Names with versions of what the lockfile installs for production, each once. */
export function productionPackages(): readonly string[] {
  const file = join(import.meta.dirname, '..', '..', 'package-lock.json');
  // npm wrote it: lockfile version 3.
  const { packages } = JSON.parse(readFileSync(file, 'utf8')) as { packages: Readonly<Record<string, Locked>> };
  const production = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true);
  return [...new Set(production.map(([path, { version }]) => `${path.split('node_modules/').at(-1)}@${version}`))];
}
