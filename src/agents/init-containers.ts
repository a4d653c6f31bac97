/**
 * Init containers of Tasks and servers: opencode-init brings the program, those of the system image fill the workspace.
 * Names and variables are those that the images of KubeOpenCode know; what only ours reads is ignored by them. Pure.
 */
import type { Agent, SystemConfig, Workspace, WorkspaceClone, WorkspaceDownload } from './model.ts';
import { secretVariable, variable, type Container, type EnvVar, type VolumeMount } from './pod-members.ts';
import { contextFilesDir, contextFolderDir, gitLink, gitRoot, insideRepository, toolsDir } from './pod-paths.ts';

export function openCodeInit({ agentImage }: Pick<Agent, 'agentImage'>): Container {
  return {
    name: 'opencode-init',
    image: agentImage,
    imagePullPolicy: 'IfNotPresent',
    env: [variable('TOOLS_DIR', toolsDir)],
    volumeMounts: [{ name: 'tools', mountPath: toolsDir }],
  };
}

function systemContainer(
  { systemImage }: SystemConfig,
  command: 'context-init' | 'git-init' | 'url-fetch',
  { name, env, volumeMounts }: Pick<Container, 'name' | 'env' | 'volumeMounts'>,
): Container {
  return {
    name,
    ...systemImage,
    command: ['/kubeopencode', command],
    env,
    volumeMounts,
    // They say why they have failed, and never a secret.
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
}

export interface ContextInit {
  readonly workspace: Workspace;
  readonly workspaceDir: string;
  /** Keys in the context ConfigMap, by path. */
  readonly keys: ReadonlyMap<string, string>;
  /** Sources and places of what is copied. */
  readonly volumeMounts: readonly VolumeMount[];
}

export function contextInit(
  config: SystemConfig,
  { workspace, workspaceDir, keys, volumeMounts }: ContextInit,
): Container {
  const { files, folders } = workspace;
  return systemContainer(config, 'context-init', {
    name: 'context-init',
    env: [
      variable('WORKSPACE_DIR', workspaceDir),
      variable('CONFIGMAP_PATH', contextFilesDir),
      ...(files.length > 0 ? [variable('FILE_MAPPINGS', fileMappings(workspace, keys))] : []),
      ...(folders.length > 0 ? [variable('DIR_MAPPINGS', folderMappings(workspace))] : []),
    ],
    volumeMounts,
  });
}

/** Modes are numbers as JSON has them: decimal. */
function fileMappings({ files }: Pick<Workspace, 'files'>, keys: ReadonlyMap<string, string>): string {
  return JSON.stringify(
    files.map(({ path, mode }) => ({ key: keys.get(path) ?? '', targetPath: path, fileMode: mode })),
  );
}

function folderMappings({ folders }: Pick<Workspace, 'folders'>): string {
  return JSON.stringify(
    folders.map(({ path, mode }, index) => ({ sourcePath: contextFolderDir(index), targetPath: path, fileMode: mode })),
  );
}

/** A clone at the workspace itself is copied into it: a mount would hide what else is there. */
export function gitInit(
  config: SystemConfig,
  { git, path, optional }: WorkspaceClone,
  { index, workspaceDir }: { readonly index: number; readonly workspaceDir: string },
): Container {
  const isWorkspace = path === workspaceDir;
  const inside = insideRepository(git.path);
  return systemContainer(config, 'git-init', {
    name: `git-init-${index}`,
    env: [
      variable('GIT_REPO', git.repository),
      variable('GIT_REF', git.ref),
      variable('GIT_DEPTH', String(git.depth)),
      variable('GIT_ROOT', gitRoot),
      variable('GIT_LINK', gitLink),
      ...(git.recurseSubmodules ? [variable('GIT_RECURSE_SUBMODULES', 'true')] : []),
      ...(isWorkspace ? [variable('GIT_WORKSPACE_DIR', workspaceDir)] : []),
      ...(inside === '' ? [] : [variable('GIT_REPO_SUBPATH', inside)]),
      ...(optional ? [variable('GIT_OPTIONAL', 'true')] : []),
      ...secretVariables(git.secretRef, gitSecrets),
    ],
    volumeMounts: [
      { name: `git-context-${index}`, mountPath: gitRoot },
      ...(isWorkspace ? [{ name: 'workspace', mountPath: workspaceDir }] : []),
    ],
  });
}

export function urlFetch(
  config: SystemConfig,
  { url, path, mode, optional }: WorkspaceDownload,
  { index, volumeMounts }: { readonly index: number; readonly volumeMounts: readonly VolumeMount[] },
): Container {
  const headers = Object.fromEntries(url.headers.map(({ name, value }) => [name, value]));
  return systemContainer(config, 'url-fetch', {
    name: `url-fetch-${index}`,
    env: [
      variable('URL_SOURCE', url.source),
      variable('URL_TARGET', path),
      ...(url.headers.length > 0 ? [variable('URL_HEADERS', JSON.stringify(headers))] : []),
      variable('URL_TIMEOUT', String(url.timeoutSeconds)),
      ...(url.insecureSkipTlsVerify ? [variable('URL_INSECURE', 'true')] : []),
      ...(mode === undefined ? [] : [variable('URL_FILE_MODE', String(mode))]),
      ...(config.allowedUrlHosts.length > 0 ? [variable('URL_ALLOW', config.allowedUrlHosts.join(','))] : []),
      ...(optional ? [variable('URL_OPTIONAL', 'true')] : []),
      ...secretVariables(url.secretRef, urlSecrets),
    ],
    volumeMounts,
  });
}

const gitSecrets = {
  GIT_USERNAME: 'username',
  GIT_PASSWORD: 'password',
  GIT_SSH_KEY: 'ssh-privatekey',
  GIT_SSH_KNOWN_HOSTS: 'ssh-known-hosts',
};
const urlSecrets = { URL_AUTH_TOKEN: 'token', URL_AUTH_USERNAME: 'username', URL_AUTH_PASSWORD: 'password' };

/** Which of its keys a Secret has decides how to prove who asks. */
function secretVariables(secret: string | undefined, keys: Readonly<Record<string, string>>): readonly EnvVar[] {
  if (secret === undefined) return [];
  return Object.entries(keys).map(([name, key]) => secretVariable(name, secret, key, true));
}
