/**
 * The server of an Agent, to which the Pods of its Tasks attach: a Deployment, its Service, and the ConfigMap with the
 * Agent's own contexts. Pure: equal Agents give equal objects, and `made-from` tells whether one that is there is such.
 */
import { defined } from '../kernel/defined.ts';
import { digestOf, hexOf } from '../kernel/digest.ts';
import type { NewObject } from '../kernel/kube-object.ts';
import { stableJson } from '../kernel/stable-json.ts';
import { actionPolicyAnnotation } from '../policy/action-policy.ts';
import { controllerReference } from '../workflow/controller-reference.ts';
import { labelValue } from '../workflow/label-value.ts';
import { contextData } from './context-config-map.ts';
import { agentKinds } from './kinds.ts';
import { names, type Agent, type SystemConfig, type Work, type Workspace } from './model.ts';
import { variable } from './pod-members.ts';
import { podSpec, programVariables } from './pod-parts.ts';
import { serverConfigMapName, serverDeploymentName, serverLabels, serverServiceName } from './server-names.ts';

export { serverUrl } from './server-names.ts';

type Texts = Readonly<Record<string, string>>;

/** The Agent's own contexts alone, for `neededConfigMaps`, `layOut` and `workProblem`. */
export function serverWork(agent: Agent): Work {
  const { namespace, name, uid, contexts } = agent;
  return {
    task: { namespace, name, uid, createdAt: '' },
    agent,
    contexts: contexts.map((item) => ({ item, namespace })),
  };
}

export function serverDeployment(agent: Agent, workspace: Workspace, config: SystemConfig): NewObject {
  const { apiVersion, kind } = agentKinds.deployment;
  const labels = { ...agent.pod.labels, ...labelsOf(agent) };
  const spec = {
    replicas: 1,
    selector: { matchLabels: serverLabels(agent) },
    template: {
      metadata: {
        labels,
        // Contexts are copied when a Pod begins: others need another Pod.
        annotations: {
          [names.madeFromAnnotation]: hashOf(contextData(workspace)),
          ...defined(actionPolicyAnnotation, agent.actionPolicy),
        },
      },
      spec: podSpec(
        { agent, workspace, configMap: serverConfigMapName(agent), config },
        'Always',
        container(agent, workspace),
      ),
    },
  };
  const metadata = metadataOf(agent, serverDeploymentName(agent), labels);
  return withMadeFrom({ apiVersion, kind, metadata, spec });
}

export function serverService(agent: Agent): NewObject {
  const { apiVersion, kind } = agentKinds.service;
  const port = portOf(agent);
  const spec = {
    type: 'ClusterIP',
    selector: serverLabels(agent),
    ports: [{ name: 'http', port, targetPort: port, protocol: 'TCP' }],
  };
  return withMadeFrom({
    apiVersion,
    kind,
    metadata: metadataOf(agent, serverServiceName(agent), labelsOf(agent)),
    spec,
  });
}

/** Undefined: the Agent has nothing to be put anywhere. */
export function serverConfigMap(agent: Agent, workspace: Workspace): NewObject | undefined {
  if (workspace.files.length === 0) return undefined;
  const { apiVersion, kind } = agentKinds.configMap;
  const { data, binaryData } = contextData(workspace);
  const metadata = metadataOf(agent, serverConfigMapName(agent), labelsOf(agent));
  return withMadeFrom({ apiVersion, kind, metadata, data, binaryData });
}

// ---- members

function container(agent: Agent, workspace: Workspace) {
  const port = portOf(agent);
  return {
    name: 'opencode-server',
    image: agent.executorImage,
    command: ['sh', '-c', `/tools/opencode serve --port ${port} --hostname 0.0.0.0`],
    env: [variable('HOME', '/tmp'), variable('SHELL', '/bin/bash'), ...programVariables(agent, workspace)],
    ports: [{ name: 'http', containerPort: port, protocol: 'TCP' }],
    livenessProbe: probe({ tcpSocket: { port } }, { initialDelaySeconds: 10, periodSeconds: 30 }),
    readinessProbe: probe(
      { httpGet: { path: '/session/status', port, scheme: 'HTTP' } },
      { initialDelaySeconds: 5, periodSeconds: 10 },
    ),
  };
}

function probe(
  handler: object,
  times: { readonly initialDelaySeconds: number; readonly periodSeconds: number },
): object {
  return { ...handler, ...times, timeoutSeconds: 5, failureThreshold: 3 };
}

function portOf({ server }: Agent): number {
  return server?.port ?? 4096;
}

function labelsOf(agent: Agent): Texts {
  return {
    'app.kubernetes.io/name': 'kubeopencode-server',
    'app.kubernetes.io/instance': labelValue(agent.name),
    'app.kubernetes.io/component': 'server',
    'app.kubernetes.io/managed-by': 'kubeopencode',
    ...serverLabels(agent),
  };
}

function metadataOf(agent: Agent, name: string, labels: Texts): NewObject['metadata'] {
  const { namespace, apiVersion, uid } = agent;
  const owner = controllerReference({ apiVersion, kind: agentKinds.agent.kind, name: agent.name, uid });
  return { name, namespace, labels, ownerReferences: [owner] };
}

function withMadeFrom(object: NewObject): NewObject {
  const annotations = { [names.madeFromAnnotation]: hashOf(object) };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function hashOf(value: unknown): string {
  return hexOf(digestOf(stableJson(value)));
}
