/**
 * The environment in which git runs: nothing of what this process was given but what finds the network, no settings of the
 * machine, no helpers, no questions, no hooks, and only the protocols that were asked for. git(1) §Environment Variables
 */
import type { Surroundings } from '../command.ts';
import type { GitSettings } from './git-settings.ts';
import type { PrivateFiles } from './private-files.ts';

const taken = [
  'PATH',
  'TZ',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'NO_PROXY',
  'no_proxy',
  'HTTPS_PROXY',
  'https_proxy',
  'http_proxy',
  'ALL_PROXY',
  'all_proxy',
];

export function gitEnvironment(
  env: Surroundings['env'],
  { git }: GitSettings,
  files: PrivateFiles,
): Readonly<Record<string, string>> {
  const kept = taken.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const]));
  // A repository over https has nothing to say over http, neither by a redirect nor by a submodule.
  const protocols = /^http:/i.test(git.repository) ? 'https:http:ssh' : 'https:ssh';
  return {
    ...Object.fromEntries(kept),
    HOME: files.folder,
    LC_ALL: 'C.UTF-8',
    GIT_ALLOW_PROTOCOL: protocols,
    GIT_ASKPASS: '',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_SSH_COMMAND: `ssh -F '${files.sshConfig.replaceAll("'", String.raw`'\''`)}'`,
    GIT_SSH_VARIANT: 'ssh',
    GIT_TERMINAL_PROMPT: '0',
    ...numbered(configuration(files)),
  };
}

/** Stronger than what a repository says of itself. */
function configuration({ credentials, authorities }: PrivateFiles): readonly (readonly [string, string])[] {
  return [
    ['advice.detachedHead', 'false'],
    ['core.fsmonitor', 'false'],
    ['core.hooksPath', '/dev/null'],
    // An empty one removes those before it.
    ['credential.helper', ''],
    ...(credentials === undefined ? [] : [['credential.helper', `store --file='${credentials}'`] as const]),
    ...(authorities === undefined ? [] : [['http.sslCAInfo', authorities] as const]),
    // Only the first request may be sent elsewhere; git asks again for the credentials of the new place, and has none.
    ['http.followRedirects', 'initial'],
    ['http.lowSpeedLimit', '100'],
    ['http.lowSpeedTime', '60'],
    ['init.defaultBranch', 'main'],
    ['maintenance.auto', 'false'],
    ['safe.directory', '*'],
    ['submodule.recurse', 'false'],
  ];
}

function numbered(entries: readonly (readonly [string, string])[]): Readonly<Record<string, string>> {
  const pairs = entries.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key] as const,
    [`GIT_CONFIG_VALUE_${index}`, value] as const,
  ]);
  return { GIT_CONFIG_COUNT: String(entries.length), ...Object.fromEntries(pairs) };
}
