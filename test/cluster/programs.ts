import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import {
  cacheFolder,
  ensureDns,
  ensureHelm,
  ensureKube,
  ensurePolicyController,
  ensureTekton,
  ensureTools,
  hasGo,
  kubePrograms,
  tektonPrograms,
  toolPrograms,
} from './builds.ts';

type KubeProgram = (typeof kubePrograms)[number];
type ToolProgram = (typeof toolPrograms)[number];
type TektonProgram = (typeof tektonPrograms)[number];
export type KubePrograms = Readonly<Record<KubeProgram, string>>;
export type ToolPrograms = Readonly<Record<ToolProgram, string>>;
export type TektonPrograms = Readonly<Record<TektonProgram, string>>;

/** Undefined when they are nowhere and cannot be built here. */
export async function findKubePrograms(): Promise<KubePrograms | undefined> {
  return (
    findInstalled(kubePrograms) ?? fromFolder(kubePrograms, hasGo() ? await ensureKube() : join(cacheFolder, 'kube'))
  );
}

export async function findToolPrograms(): Promise<ToolPrograms | undefined> {
  return (
    findInstalled(toolPrograms) ?? fromFolder(toolPrograms, hasGo() ? await ensureTools() : join(cacheFolder, 'tools'))
  );
}

/** Go is needed even when they are built: Tekton's manifests are in its sources. */
export async function findTektonPrograms(): Promise<TektonPrograms | undefined> {
  return hasGo() ? fromFolder(tektonPrograms, await ensureTekton()) : undefined;
}

/** Go is needed even when it is built: its manifests are in its sources. */
export async function findPolicyController(): Promise<string | undefined> {
  return hasGo() ? join(await ensurePolicyController(), 'webhook') : undefined;
}

export async function findDns(): Promise<string | undefined> {
  return onPath('coredns') ?? (hasGo() ? join(await ensureDns(), 'coredns') : undefined);
}

export async function findHelm(): Promise<string | undefined> {
  return onPath('helm') ?? (hasGo() ? join(await ensureHelm(), 'helm') : undefined);
}

/** All of them from KUBEBUILDER_ASSETS or all of them from PATH: versions of different sources may not fit together. */
function findInstalled<T extends string>(names: readonly T[]): Readonly<Record<T, string>> | undefined {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  const fromAssets = assets === undefined ? undefined : fromFolder(names, assets);
  return fromAssets ?? paths(names, onPath);
}

const fromFolder = <T extends string>(names: readonly T[], folder: string): Readonly<Record<T, string>> | undefined =>
  paths(names, (name) => [join(folder, name)].find(isExecutable));

function paths<T extends string>(
  names: readonly T[],
  find: (name: T) => string | undefined,
): Readonly<Record<T, string>> | undefined {
  const found: Partial<Record<T, string>> = {};
  for (const name of names) {
    const path = find(name);
    if (path === undefined) return undefined;
    found[name] = path;
  }
  // Every name has been set above; the type system does not follow the loop.
  return found as Readonly<Record<T, string>>;
}

export function onPath(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
