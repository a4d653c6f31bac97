/** Secrets of an Agent in the container that does its work: as variables, as a file, or as a folder. Pure. */
import { quoted } from '../kernel/failure.ts';
import { fail, type Result } from '../kernel/result.ts';
import type { Credential, TaskProblem, Workspace } from './model.ts';
import { isInside, resolveMountPath } from './mount-path.ts';
import { secretVariable, type EnvVar, type Volume, type VolumeMount } from './pod-members.ts';

export interface CredentialMembers {
  readonly env: readonly EnvVar[];
  readonly envFrom: readonly object[];
  readonly volumes: readonly Volume[];
  readonly mounts: readonly VolumeMount[];
}

const secretFile = 'secret-file';
const usualMode = 0o600;

export function credentialMembers(credentials: readonly Credential[]): CredentialMembers {
  const members = credentials.map(membersOf);
  return {
    env: members.flatMap(({ env }) => env),
    envFrom: members.flatMap(({ envFrom }) => envFrom),
    volumes: members.flatMap(({ volumes }) => volumes),
    mounts: members.flatMap(({ mounts }) => mounts),
  };
}

function membersOf(credential: Credential, index: number): CredentialMembers {
  const { secret, key, env, mountPath } = credential;
  const hasVariable = key !== undefined && env !== undefined;
  const mounted = mountPath === undefined ? { volumes: [], mounts: [] } : mountedAt(mountPath, credential, index);
  return {
    env: hasVariable ? [secretVariable(env, secret, key, false)] : [],
    envFrom: key === undefined && mountPath === undefined ? [{ secretRef: { name: secret } }] : [],
    ...mounted,
  };
}

function mountedAt(
  written: string,
  { secret, key, fileMode = usualMode }: Credential,
  index: number,
): Pick<CredentialMembers, 'volumes' | 'mounts'> {
  const name = `credential-${index}`;
  const resolved = resolve(written);
  const items = key === undefined ? {} : { items: [{ key, path: secretFile, mode: fileMode }] };
  const subPath = key === undefined ? {} : { subPath: secretFile };
  return {
    volumes: [{ name, secret: { secretName: secret, ...items, defaultMode: fileMode } }],
    mounts: [{ name, mountPath: resolved.ok ? resolved.value : written, ...subPath }],
  };
}

const secretFolders = /^\/(?:var\/)?run\/secrets(?=\/)/;

/** Of a container, not of the workspace. Where Secrets usually are is no place for contexts, but for credentials. */
function resolve(mountPath: string): Result<string, string> {
  const [folder = ''] = secretFolders.exec(mountPath) ?? [];
  const inFolder = mountPath.slice(folder.length);
  if (folder === '') return resolveMountPath(mountPath, '');
  if (/^\/+kubernetes\.io(?:\/|$)/.test(inFolder)) {
    return fail(`is "${quoted(mountPath)}", which belongs to the service account; choose another place`);
  }
  const resolved = resolveMountPath(`/secrets${inFolder}`, '');
  return resolved.ok ? { ok: true, value: `${folder}${resolved.value.slice('/secrets'.length)}` } : resolved;
}

/** What is mounted hides what else is at its place: credentials may be in nobody's way, and not in one another's. */
export function credentialProblem(
  credentials: readonly Credential[],
  workspaceDir: string,
  { files, folders, clones, downloads }: Workspace,
): TaskProblem | undefined {
  const contents = [...files, ...folders, ...clones, ...downloads].map(({ path }) => path);
  const places = new Map<string, string>();
  for (const { name, mountPath } of credentials) {
    if (mountPath === undefined) continue;
    const field = `mountPath of credential ${quoted(name, 100)}`;
    const resolved = resolve(mountPath);
    if (!resolved.ok) return agentError(`${field} ${resolved.failure}`);
    const path = resolved.value;
    if (path.includes(':')) return agentError(`${field} has a ":" in it; choose a path without it`);
    const earlier = places.get(path);
    if (earlier !== undefined)
      return agentError(conflict(field, path, `that of credential ${quoted(earlier, 100)} too`));
    const hidden = [workspaceDir, ...contents].find((place) => isInside(place, path));
    if (hidden !== undefined) return agentError(conflict(field, path, `which would hide ${quoted(hidden, 200)}`));
    places.set(path, name);
  }
  return undefined;
}

function conflict(field: string, path: string, why: string): string {
  return `mount path conflict: ${field} is ${quoted(path, 200)}, ${why}; give it a place of its own`;
}

function agentError(message: string): TaskProblem {
  return { reason: 'AgentError', message };
}
