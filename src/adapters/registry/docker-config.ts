/** Credentials in docker's config.json, which Kubernetes' pull secrets hold as well. */
import { defined } from '../../kernel/defined.ts';
import { failure, quoted } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { asRecord, parseStrictJson } from '../../kernel/strict-json.ts';
import type { BasicCredentials, Credentials } from '../../ports/registry.ts';

export interface DockerConfig {
  /** Most specific path first. */
  readonly entries: readonly { readonly host: string; readonly path: string; readonly credentials: BasicCredentials }[];
}

const hubNames = ['index.docker.io', 'docker.io', 'registry-1.docker.io'];

/** `{"auths": {…}}`, or the older form that is the map itself. */
export function parseDockerConfig(text: string): Result<DockerConfig> {
  const json = parseStrictJson(text);
  const record = asRecord(json.ok ? json.value : undefined);
  if (record === undefined)
    return fail(failure('SECRET_UNAVAILABLE', 'the registry credentials are not a docker config.json'));
  const auths = asRecord(record['auths']) ?? ('auths' in record || 'credsStore' in record ? {} : record);
  const entries = Object.entries(auths).flatMap(([key, value]) => {
    const credentials = readCredentials(asRecord(value) ?? {});
    return credentials === undefined ? [] : [{ ...splitKey(key), credentials }];
  });
  return ok({ entries: entries.sort((a, b) => b.path.length - a.path.length) });
}

function readCredentials(entry: Readonly<Record<string, unknown>>): BasicCredentials | undefined {
  const { auth, username, password } = entry;
  if (typeof auth === 'string' && auth !== '') {
    const decoded = Buffer.from(auth, 'base64').toString('utf8');
    const colon = decoded.indexOf(':');
    return colon === -1 ? undefined : { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
  }
  return typeof username === 'string' && typeof password === 'string' ? { username, password } : undefined;
}

/** Keys are hosts, URLs (docker.io's is https://index.docker.io/v1/) or, in Kubernetes, host and path. */
function splitKey(key: string): { readonly host: string; readonly path: string } {
  const [host = '', ...path] = key.replace(/^https?:\/\//, '').split('/');
  const rest = path.join('/').replace(/\/$/, '');
  return { host: canonicalHost(host), path: rest === 'v1' || rest === 'v2' ? '' : rest };
}

export function canonicalHost(host: string): string {
  return hubNames.includes(host) ? 'index.docker.io' : host;
}

export function canonicalRepository(name: string): string {
  const [host = '', ...path] = name.split('/');
  return [canonicalHost(host), ...path].join('/');
}

export function findCredentials(config: DockerConfig, host: string, repository: string): BasicCredentials | undefined {
  const wanted = canonicalHost(host);
  return config.entries.find(({ host: own, path }) => {
    return fitsHost(own, wanted) && (path === '' || repository === path || repository.startsWith(`${path}/`));
  })?.credentials;
}

/** As in Kubernetes, "*.azurecr.io" stands for every host with one more part; a star is a whole part, never a piece. */
export function fitsHost(pattern: string, host: string): boolean {
  if (!pattern.includes('*')) return pattern === host;
  // A port is a part of its own.
  const separator = /\.|(?=:)/;
  const parts = pattern.split(separator);
  const wanted = host.split(separator);
  return parts.length === wanted.length && parts.every((part, at) => part === '*' || part === wanted[at]);
}

export function dockerConfigCredentials(id: string, config: DockerConfig): Credentials {
  return { id, forHost: async (host, repository) => ok(findCredentials(config, host, repository)) };
}

export const anonymous: Credentials = { id: '', forHost: async () => ok(undefined) };

/** Helpers are programs on the machine of whoever logged in; they are not run. The sentence says so where it matters. */
export function unusedHelpers(text: string): string | undefined {
  const json = parseStrictJson(text);
  const { credsStore, credHelpers } = asRecord(json.ok ? json.value : undefined) ?? {};
  const named = defined(
    'helper',
    typeof credsStore === 'string' ? credsStore : Object.keys(asRecord(credHelpers) ?? {})[0],
  );
  return named.helper === undefined
    ? undefined
    : `credential helper "${quoted(named.helper)}" is not run; put credentials into "auths"`;
}
