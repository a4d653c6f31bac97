/** Roles of people and programs that use the product, as they are installed. */
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import type { ApiObject } from './api.ts';

export function userRole(name: string): ApiObject {
  const text = readFileSync(new URL('../../../manifests/base/user-roles.yaml', import.meta.url), 'utf8');
  // Our own manifests.
  const objects = parseAllDocuments(text).map((document) => document.toJS() as ApiObject);
  const role = objects.find(({ metadata }) => metadata.name === name);
  if (role === undefined) throw new Error(`user-roles.yaml has no ${name}`);
  return role;
}
