/**
 * The Job of a Task of KubeTask: one Pod, which runs the agent once, with the files of its contexts mounted where they were
 * asked for. Pure: equal Tasks and Agents give equal Jobs.
 */
import { defined } from '../kernel/defined.ts';
import type { NewObject } from '../kernel/kube-object.ts';
import { actionPolicyAnnotation } from '../policy/action-policy.ts';
import { contextData } from './context-config-map.ts';
import { credentialMembers } from './credentials.ts';
import { agentKinds } from './kinds.ts';
import {
  kubeTaskAnnotations,
  kubeTaskConfigMapName,
  kubeTaskJobName,
  kubeTaskLabels,
  kubeTaskMetadata,
} from './kube-task-names.ts';
import { names, type KubeTask, type KubeTaskAgent, type Workspace, type WorkspaceFolder } from './model.ts';
import { scheduling, variable, type Container, type Volume, type VolumeMount } from './pod-members.ts';
import { toolsDir } from './pod-paths.ts';
import { containerSecurity, podSecurity } from './restricted.ts';

const sharedTools = '/shared-tools';
const toolsVolume = 'tools-volume';
const filesVolume = 'context-files';

export function kubeTaskJob(task: KubeTask, agent: KubeTaskAgent, workspace: Workspace): NewObject {
  const { apiVersion, kind } = agentKinds.job;
  return {
    apiVersion,
    kind,
    metadata: kubeTaskMetadata(task, kubeTaskJobName(task)),
    spec: {
      // Half a task done twice may do harm: whoever wants it again creates it again.
      backoffLimit: 0,
      podFailurePolicy: {
        rules: [{ action: 'FailJob', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }],
      },
      ...defined('activeDeadlineSeconds', task.timeoutSeconds),
      template: {
        metadata: {
          labels: { ...kubeTaskLabels(task), ...agent.pod.labels },
          annotations: {
            ...kubeTaskAnnotations(task),
            ...defined(actionPolicyAnnotation, agent.actionPolicy),
          },
        },
        spec: podSpec(task, agent, workspace),
      },
    },
  };
}

function podSpec(task: KubeTask, agent: KubeTaskAgent, workspace: Workspace): object {
  const { volumes, mounts, env, envFrom } = credentialMembers(agent.credentials);
  const files = filesOf(task, workspace);
  const folders = workspace.folders.map(folderVolume);
  const tools = toolsOf(agent);
  const container: Container = {
    name: names.agentContainer,
    image: agent.agentImage,
    imagePullPolicy: 'IfNotPresent',
    env: [variable('TASK_NAME', task.name), variable('TASK_NAMESPACE', task.namespace), ...tools.env, ...env],
    ...(envFrom.length > 0 && { envFrom }),
    volumeMounts: [...tools.mounts, ...mounts, ...files.mounts, ...workspace.folders.map(folderMount)],
    ...defined('resources', agent.pod.resources),
    securityContext: containerSecurity(agent.pod),
  };
  return {
    serviceAccountName: agent.serviceAccountName,
    restartPolicy: 'Never',
    securityContext: podSecurity(agent.pod, volumes.length > 0),
    ...scheduling(agent.pod),
    ...(tools.init.length > 0 && { initContainers: tools.init }),
    containers: [container],
    volumes: [...tools.volumes, ...volumes, ...files.volumes, ...folders],
  };
}

// ---- contexts

interface Mounted {
  readonly volumes: readonly Volume[];
  readonly mounts: readonly VolumeMount[];
}

/** Each by itself, so that what the image has next to it stays visible. */
function filesOf(task: KubeTask, workspace: Workspace): Mounted {
  const { files } = workspace;
  if (files.length === 0) return { volumes: [], mounts: [] };
  const { keys } = contextData(workspace);
  const keyOf = (path: string): string => keys.get(path) ?? '';
  const hasModes = files.some(({ mode }) => mode !== undefined);
  const items = files.map(({ path, mode }) => ({ key: keyOf(path), path: keyOf(path), ...defined('mode', mode) }));
  return {
    volumes: [{ name: filesVolume, configMap: { name: kubeTaskConfigMapName(task), ...(hasModes && { items }) } }],
    mounts: files.map(({ path }) => ({ name: filesVolume, mountPath: path, subPath: keyOf(path) })),
  };
}

function folderName(index: number): string {
  return `dir-mount-${index}`;
}

function folderVolume({ configMap, optional, mode }: WorkspaceFolder, index: number): Volume {
  return { name: folderName(index), configMap: { name: configMap, optional, ...defined('defaultMode', mode) } };
}

function folderMount({ path }: WorkspaceFolder, index: number): VolumeMount {
  return { name: folderName(index), mountPath: path };
}

// ---- tools

interface Tools extends Mounted {
  readonly env: Container['env'];
  readonly init: readonly object[];
}

const noTools: Tools = { env: [], init: [], volumes: [], mounts: [] };

/** Command line tools of another image, copied in before the agent starts. */
function toolsOf({ toolsImage, pod }: KubeTaskAgent): Tools {
  if (toolsImage === undefined) return noTools;
  return {
    env: [
      { name: 'PATH', value: `${toolsDir}/bin:/usr/local/bin:/usr/bin:/bin` },
      { name: 'NODE_PATH', value: `${toolsDir}/lib/node_modules` },
      { name: 'LD_LIBRARY_PATH', value: `${toolsDir}/lib` },
    ],
    init: [
      {
        name: 'copy-tools',
        image: toolsImage,
        imagePullPolicy: 'IfNotPresent',
        // Not -a: it fails for whoever is not root, because the times of the volume itself are not theirs to set.
        command: ['sh', '-c', `cp -RP ${toolsDir}/. ${sharedTools}/`],
        volumeMounts: [{ name: toolsVolume, mountPath: sharedTools }],
        securityContext: containerSecurity(pod),
      },
    ],
    volumes: [{ name: toolsVolume, emptyDir: {} }],
    mounts: [{ name: toolsVolume, mountPath: toolsDir }],
  };
}
