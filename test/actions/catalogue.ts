/** The catalogue under manifests/actions, as its files say. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { ApiObject } from '../cluster/gate/api.ts';
import type { Tool } from './tools.ts';

export const catalogueFolder = join(import.meta.dirname, '../../manifests/actions');

export interface CatalogueAction {
  /** Of its folder, its image and its contract, e.g. "scale-deployment". */
  readonly name: string;
  /** As in a step, e.g. "kubernetes/scale_deployment". */
  readonly actionType: string;
  /** Its script. */
  readonly script: string;
  /** Its script only says why it cannot be done. */
  readonly implemented: boolean;
  /** YAML. */
  readonly contract: string;
  readonly tools: readonly Tool[];
}

export const catalogue: readonly CatalogueAction[] = readdirSync(catalogueFolder)
  .filter((name) => existsSync(join(catalogueFolder, name, 'action-contract.yaml')))
  .map(readAction);

export function fileOf(...path: readonly string[]): string {
  return readFileSync(join(catalogueFolder, ...path), 'utf8');
}

/** What rbac.yaml of an action makes; none for those without permissions. */
export function rightsOf({ name }: Pick<CatalogueAction, 'name'>): readonly ApiObject[] {
  if (!existsSync(join(catalogueFolder, name, 'rbac.yaml'))) return [];
  return documentsOf(fileOf(name, 'rbac.yaml'));
}

/** Lets the actions act on the namespace that they are applied to. */
export function targetBindings(): readonly ApiObject[] {
  return documentsOf(fileOf('targets', 'role-bindings.yaml'));
}

const documentsOf = (text: string): readonly ApiObject[] =>
  parseAllDocuments(text).map((document): ApiObject => document.toJS());

function readAction(name: string): CatalogueAction {
  const script = fileOf(name, 'action.sh');
  return {
    name,
    actionType: name.startsWith('git-') ? `git/${name.slice(4)}` : `kubernetes/${name.replaceAll('-', '_')}`,
    script,
    implemented: !script.startsWith("die 'not implemented"),
    contract: fileOf(name, 'action-contract.yaml'),
    tools: toolsOf(script),
  };
}

/** The rule of the Dockerfile. */
function toolsOf(script: string): readonly Tool[] {
  const text = script.includes('/action-git') ? `${script}\n${fileOf('action-git')}` : script;
  const used = (['kubectl', 'curl', 'git', 'yq'] as const).filter((tool) =>
    new RegExp(String.raw`(^|[^/\w.-])${tool} `, 'm').test(text),
  );
  return ['busybox', 'jq', ...used];
}
