/** What Tasks and Agents have to come to so that the program uses each of its rights to run them. */
import { isDeepStrictEqual } from 'node:util';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import { at } from '../../manifests/objects.ts';
import type { ApiObject } from '../gate/api.ts';
import { runnableImage, signed } from '../gate/images.ts';
import { until } from '../processes.ts';
import type { Permission } from './granted.ts';
import type { Installation } from './installation.ts';

/** Only asked about by the admission plugin OwnerReferencesPermissionEnforcement, which is off here, and no request of its own. */
export const askedOfTasks: readonly Permission[] = [
  'update kubeopencode.io/tasks/finalizers',
  'update kubeopencode.io/agents/finalizers',
  'update kubetask.io/tasks/finalizers',
];

const openCode = 'kubeopencode.io/v1alpha1';

interface Scene {
  readonly api: Installation['api'];
  readonly object: (apiVersion: string, kind: string, name: string, rest: object) => ApiObject;
  /** Signed; of both systems. */
  readonly image: string;
  /** Of an Agent whose Tasks take their time. */
  readonly spec: object;
}

export async function tryOutTasks(
  { api, registry, key }: Pick<Installation, 'api' | 'registry' | 'key'>,
  namespace: string,
): Promise<void> {
  const programs = ['opencode', 'kubeopencode'].map((path) => ({
    kind: 'file' as const,
    path,
    content: Buffer.from('#!/bin/sh\n'),
    executable: true,
  }));
  const additions = { user: '1000', entries: programs };
  const command = ['sh', '-c', 'cp /opencode "$TOOLS_DIR"'];
  const image = signed(
    registry,
    'rights-of-tasks',
    runnableImage(registry, 'rights-of-tasks', command, additions),
    key,
  );
  const scene: Scene = {
    api,
    object: (apiVersion, kind, name, rest) => ({ apiVersion, kind, metadata: { name, namespace }, ...rest }),
    image: image.tagged,
    spec: {
      agentImage: image.tagged,
      executorImage: image.tagged,
      command: ['sh', '-c', 'echo working; exec sleep 300'],
      serviceAccountName: 'default',
    },
  };
  const config = scene.object(openCode, 'KubeOpenCodeConfig', 'default', {
    spec: { systemImage: { image: image.tagged } },
  });
  await api.create(config);
  const quota = { maxTaskStarts: 1_000, windowSeconds: 60 };
  await api.create(scene.object(openCode, 'Agent', 'default', { spec: { ...scene.spec, quota } }));
  await Promise.all([isStoppedAndRemoved(scene), findsNamesTaken(scene), serves(scene), hasNoAgent(scene)]);
  await goesWhenFinished(scene, config);
}

async function isStoppedAndRemoved({ api, object }: Scene): Promise<void> {
  const task = object(openCode, 'Task', 'stopped', { spec: { description: 'take your time' } });
  await api.create(task);
  await comesTo(api, task, ['status', 'phase'], 'Running');
  const pod = object('v1', 'Pod', 'stopped-pod', {});
  await comesTo(api, pod, ['status', 'phase'], 'Running');
  await api.merge(task, { metadata: { annotations: { 'kubeopencode.io/stop': 'true' } } });
  await comesTo(api, task, ['status', 'phase'], 'Completed');
  await api.remove(task);
  await isGone(api, task);
  await isGone(api, object('v1', 'ConfigMap', 'stopped-context', {}));
}

/** Looks at what is there already, of each kind that it makes, and leaves it alone. */
async function findsNamesTaken({ api, object, image, spec }: Scene): Promise<void> {
  const template = { metadata: { labels: { app: 'foreign' } }, spec: { containers: [{ name: 'main', image }] } };
  const foreign = [
    object('v1', 'Pod', 'taken-pod', { spec: template.spec }),
    object('v1', 'Service', 'taken-service', { spec: { ports: [{ port: 80 }] } }),
    object('apps/v1', 'Deployment', 'taken-deployment-server', {
      spec: { replicas: 0, selector: { matchLabels: template.metadata.labels }, template },
    }),
  ];
  for (const one of foreign) await api.create(one);
  const task = object(openCode, 'Task', 'taken', { spec: { description: 'find another name' } });
  await api.create(task);
  const serverConfig = {};
  const agents = ['taken-service', 'taken-deployment'].map((name) =>
    object(openCode, 'Agent', name, { spec: { ...spec, serverConfig } }),
  );
  for (const agent of agents) {
    await api.create(agent);
    await comesTo(api, agent, ['status', 'conditions', 0, 'reason'], 'NameTaken');
  }
  await comesTo(api, task, ['status', 'phase'], 'Running');
  await api.remove(task);
  await isGone(api, task);
  for (const one of [...foreign, ...agents]) await api.remove(one);
}

/** A server is made, changed and taken away. */
async function serves({ api, object, spec }: Scene): Promise<void> {
  const agent = object(openCode, 'Agent', 'served', { spec: { ...spec, config: '{"a":1}', serverConfig: {} } });
  await api.create(agent);
  const service = object('v1', 'Service', 'served', {});
  const deployment = object('apps/v1', 'Deployment', 'served-server', {});
  await comesTo(api, service, ['spec', 'ports', 0, 'port'], 4096);
  await comesTo(api, deployment, ['spec', 'replicas'], 1);
  const configMaps = async (): Promise<string> => {
    const { text } = await api.get(`/api/v1/namespaces/${agent.metadata.namespace}/configmaps`);
    return text;
  };
  await api.merge(agent, { spec: { config: '{"a":2}', serverConfig: { port: 4097 } } });
  await comesTo(api, service, ['spec', 'ports', 0, 'port'], 4097);
  if (!(await until(async () => (await configMaps()).includes('{\\"a\\":2}'), 30_000)))
    throw new Error('the configuration of the server stays as it was');
  await api.merge(agent, { spec: { serverConfig: null } });
  for (const one of [service, deployment]) await isGone(api, one);
  await api.remove(agent);
}

async function hasNoAgent({ api, object }: Scene): Promise<void> {
  const task = object('kubetask.io/v1alpha1', 'Task', 'without-agent', { spec: { contexts: [], agentRef: 'nobody' } });
  await api.create(task);
  await comesTo(api, task, ['status', 'phase'], 'Failed');
}

async function goesWhenFinished({ api, object }: Scene, config: ApiObject): Promise<void> {
  const task = object(openCode, 'Task', 'finished', { spec: { agentRef: 'nobody' } });
  await api.create(task);
  await comesTo(api, task, ['status', 'phase'], 'Failed');
  await api.merge(config, { spec: { cleanup: { ttlSecondsAfterFinished: 1 } } });
  await isGone(api, task);
}

async function comesTo(
  api: Installation['api'],
  object: ApiObject,
  path: readonly (string | number)[],
  wanted: unknown,
): Promise<void> {
  const found = async (): Promise<unknown> => at(await api.read(object), ...path);
  if (await until(async () => isDeepStrictEqual(await found(), wanted), 60_000)) return;
  const status = JSON.stringify(asRecord(await api.read(object))?.['status']);
  throw new Error(`${object.kind} ${object.metadata.name}: ${path.join('.')} is not ${String(wanted)}: ${status}`);
}

async function isGone(api: Installation['api'], object: ApiObject): Promise<void> {
  if (await until(async () => (await api.read(object)) === undefined, 60_000)) return;
  throw new Error(`${object.kind} ${object.metadata.name} stays`);
}
