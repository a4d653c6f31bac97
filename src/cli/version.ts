import { readFileSync } from 'node:fs';

/** Of the package that this file belongs to, as source and when compiled. */
export function versionOfPackage(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  // Our own package.json: npm refuses one without a version.
  return (JSON.parse(text) as { version: string }).version;
}
