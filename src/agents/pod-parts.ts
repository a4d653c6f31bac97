/** What Pods of Tasks and Pods of servers have in common: the program, the workspace with what is in it, credentials. Pure. */
import type { NewObject } from '../kernel/kube-object.ts';
import { contextData } from './context-config-map.ts';
import { credentialMembers } from './credentials.ts';
import { contextInit, gitInit, openCodeInit, urlFetch } from './init-containers.ts';
import { names, type Agent, type SystemConfig, type Workspace, type WorkspaceDownload } from './model.ts';
import { foldersAround, isInside } from './mount-path.ts';
import { outsideVolumes } from './outside-workspace.ts';
import { scheduling, variable, type Container, type EnvVar, type Volume, type VolumeMount } from './pod-members.ts';
import {
  contextFilesDir,
  contextFolderDir,
  gitConfig,
  gitLink,
  gitRoot,
  insideRepository,
  toolsDir,
} from './pod-paths.ts';
import { containerSecurity, podSecurity } from './restricted.ts';
import { openCodeConfig } from './workspace.ts';

export interface PodMaterial {
  readonly agent: Agent;
  readonly workspace: Workspace;
  /** The ConfigMap with the files of the workspace. */
  readonly configMap: string;
  readonly config: SystemConfig;
}

type Worker = Pick<Container, 'name' | 'image' | 'env'> & Readonly<Record<string, unknown>>;

/** core/v1 PodSpec around the container that does the work. */
export function podSpec(material: PodMaterial, restartPolicy: 'Never' | 'Always', worker: Worker): NewObject['spec'] {
  const { agent, workspace } = material;
  const credentials = credentialMembers(agent.credentials);
  const outside = outsideVolumes(workspace, agent.workspaceDir);
  const shared: readonly VolumeMount[] = [{ name: 'workspace', mountPath: agent.workspaceDir }, ...outside.mounts];
  const container = {
    ...worker,
    imagePullPolicy: 'IfNotPresent',
    workingDir: agent.workspaceDir,
    env: [...worker.env, ...gitVariables(workspace), ...credentials.env],
    ...(credentials.envFrom.length > 0 && { envFrom: credentials.envFrom }),
    ...(agent.pod.resources !== undefined && { resources: agent.pod.resources }),
    volumeMounts: [{ name: 'tools', mountPath: toolsDir }, ...shared, ...cloneMounts(material), ...credentials.mounts],
  };
  const securityContext = containerSecurity(agent.pod);
  return {
    serviceAccountName: agent.serviceAccountName,
    restartPolicy,
    securityContext: podSecurity(agent.pod, credentials.volumes.length > 0),
    ...scheduling(agent.pod),
    initContainers: initContainers(material, shared).map((one) => ({ ...one, securityContext })),
    containers: [{ ...container, securityContext }],
    volumes: [...ownVolumes(material), ...outside.volumes, ...credentials.volumes],
  };
}

/** Of the program, wherever it runs. */
export function programVariables({ config, workspaceDir }: Agent, { hasContextFile }: Workspace): readonly EnvVar[] {
  const instructions = JSON.stringify({ instructions: [names.contextFile] });
  return [
    variable('WORKSPACE_DIR', workspaceDir),
    variable('OPENCODE_PERMISSION', JSON.stringify({ '*': 'allow' })),
    ...(config === undefined ? [] : [variable('OPENCODE_CONFIG', openCodeConfig)]),
    ...(hasContextFile ? [variable('OPENCODE_CONFIG_CONTENT', instructions)] : []),
  ];
}

// ---- what is in it

function ownVolumes({ workspace, configMap }: PodMaterial): readonly Volume[] {
  return [
    { name: 'tools', emptyDir: {} },
    { name: 'workspace', emptyDir: {} },
    ...(workspace.files.length > 0 ? [{ name: 'context-files', configMap: { name: configMap } }] : []),
    ...workspace.folders.map(({ configMap: name, optional }, index) => ({
      name: `dir-mount-${index}`,
      configMap: { name, optional },
    })),
    ...workspace.clones.map((_, index) => ({ name: `git-context-${index}`, emptyDir: {} })),
  ];
}

function initContainers(material: PodMaterial, shared: readonly VolumeMount[]): readonly Container[] {
  const { agent, workspace, config } = material;
  const { workspaceDir } = agent;
  const clones = workspace.clones.map((clone, index) => ({
    isWorkspace: clone.path === workspaceDir,
    container: gitInit(config, clone, { index, workspaceDir }),
  }));
  const mountAt = new Map(shared.map((mount) => [mount.mountPath, mount]));
  return [
    openCodeInit(agent),
    // Files are put upon the clone, not the other way round.
    ...clones.filter(({ isWorkspace }) => isWorkspace).map(({ container }) => container),
    ...contextInits(material, shared),
    ...clones.filter(({ isWorkspace }) => !isWorkspace).map(({ container }) => container),
    ...workspace.downloads.map((download, index) =>
      urlFetch(config, download, { index, volumeMounts: mountsFor(download, mountAt) }),
    ),
  ];
}

/** And no other: it may hold a Secret of the Agent, and files of a Task could change what its program does. */
function mountsFor({ path }: WorkspaceDownload, mountAt: ReadonlyMap<string, VolumeMount>): readonly VolumeMount[] {
  const folder = foldersAround(path).find((around) => mountAt.has(around));
  const mount = folder === undefined ? undefined : mountAt.get(folder);
  return mount === undefined ? [] : [mount];
}

function contextInits({ agent, workspace, config }: PodMaterial, shared: readonly VolumeMount[]): readonly Container[] {
  const { files, folders } = workspace;
  if (files.length === 0 && folders.length === 0) return [];
  const hasTools = files.some(({ path }) => isInside(path, toolsDir));
  const volumeMounts: readonly VolumeMount[] = [
    ...(files.length > 0 ? [{ name: 'context-files', mountPath: contextFilesDir, readOnly: true }] : []),
    ...folders.map((_, index) => ({
      name: `dir-mount-${index}`,
      mountPath: contextFolderDir(index),
      readOnly: true,
    })),
    ...shared,
    ...(hasTools ? [{ name: 'tools', mountPath: toolsDir }] : []),
  ];
  const { keys } = contextData(workspace);
  return [contextInit(config, { workspace, workspaceDir: agent.workspaceDir, keys, volumeMounts })];
}

// ---- clones

function cloneMounts({ agent, workspace }: PodMaterial): readonly VolumeMount[] {
  const mounts = workspace.clones.map(({ path, git }, index) => {
    const inside = insideRepository(git.path);
    return {
      name: `git-context-${index}`,
      mountPath: path,
      subPath: inside === '' ? gitLink : `${gitLink}/${inside}`,
    };
  });
  const settings = { name: 'git-context-0', mountPath: `${gitRoot}/${gitConfig}`, subPath: gitConfig };
  return [
    ...mounts.filter(({ mountPath }) => mountPath !== agent.workspaceDir),
    ...(workspace.clones.length > 0 ? [settings] : []),
  ];
}

/** Clones belong to the user of git-init: git is told that it may work in them. */
function gitVariables({ clones }: Workspace): readonly EnvVar[] {
  return clones.length > 0 ? [variable('GIT_CONFIG_GLOBAL', `${gitRoot}/${gitConfig}`)] : [];
}
