/**
 * The Pod of a Task of KubeOpenCode: its names, labels, variables and mounts are what users, their agents' images and
 * tools for KubeOpenCode rely upon. Pure: equal work gives equal Pods, so that making one again finds the one that is there.
 */
import { defined } from '../kernel/defined.ts';
import type { NewObject } from '../kernel/kube-object.ts';
import { actionPolicyAnnotation } from '../policy/action-policy.ts';
import { agentKinds } from './kinds.ts';
import { names, type Agent, type SystemConfig, type TaskNames, type Work, type Workspace } from './model.ts';
import { variable, type EnvVar } from './pod-members.ts';
import { podSpec, programVariables } from './pod-parts.ts';
import { serverUrl } from './server-names.ts';
import { taskAnnotations, taskLabels } from './task-labels.ts';

/** What may be wrong with it is asked before: `layOut` and `workProblem`. */
export function taskPod(work: Work, workspace: Workspace, taskNames: TaskNames, config: SystemConfig): NewObject {
  const { task, agent } = work;
  const { apiVersion, kind } = agentKinds.pod;
  const material = { agent, workspace, configMap: taskNames.configMap, config };
  return {
    apiVersion,
    kind,
    metadata: {
      name: taskNames.pod,
      namespace: taskNames.namespace,
      // What is ours is not for an Agent to change, but for `app`, as ever.
      labels: { app: 'kubeopencode', ...agent.pod.labels, ...taskLabels(work) },
      annotations: { ...taskAnnotations(task), ...defined(actionPolicyAnnotation, agent.actionPolicy) },
      ...(taskNames.owner !== undefined && { ownerReferences: [taskNames.owner] }),
    },
    spec: podSpec(material, 'Never', {
      name: names.agentContainer,
      image: imageOf(agent),
      command: commandOf(agent),
      env: [...variablesOf(work), ...programVariables(agent, workspace), ...serverVariables(agent)],
    }),
  };
}

/** What attaches to a server needs no more than the program; a command of somebody's own may need what it runs in. */
function imageOf({ server, command, attachImage, executorImage }: Agent): string {
  return server !== undefined && command === undefined ? attachImage : executorImage;
}

/** As written, in both modes. */
function commandOf(agent: Agent): readonly string[] {
  if (agent.command !== undefined) return agent.command;
  const attach = agent.server === undefined ? '' : ` --attach ${serverUrl(agent)}`;
  const taskFile = shellWord(`${agent.workspaceDir}/${names.taskFile}`);
  return ['sh', '-c', `/tools/opencode run${attach} "$(cat ${taskFile})"`];
}

/** For a shell, and before that for the kubelet. */
function shellWord(text: string): string {
  if (/^[\w./@%+=:,-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`).replaceAll('$', '$$$$')}'`;
}

function variablesOf({ task }: Work): readonly EnvVar[] {
  return [
    variable('HOME', '/tmp'),
    variable('SHELL', '/bin/bash'),
    variable('TASK_NAME', task.name),
    variable('TASK_NAMESPACE', task.namespace),
  ];
}

/** A command of somebody's own has to find the server by itself. */
function serverVariables(agent: Agent): readonly EnvVar[] {
  return agent.server === undefined ? [] : [variable('OPENCODE_SERVER_URL', serverUrl(agent))];
}
