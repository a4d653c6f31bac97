/** A server that the controller before us has made is taken over; its Pod is started anew only where the Agent asks for something else. */
import { describe, expect, test } from 'vitest';
import { agentKinds } from '../../../src/agents/kinds.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import { World } from './world.ts';

const labels = {
  'app.kubernetes.io/name': 'kubeopencode-server',
  'app.kubernetes.io/instance': 'helper',
  'app.kubernetes.io/component': 'server',
  'app.kubernetes.io/managed-by': 'kubeopencode',
};
const images = { agentImage: 'opencode:1', executorImage: 'devbox:1' };
const times = { timeoutSeconds: 5, failureThreshold: 3, successThreshold: 1 };
const ended = { terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File' };

/** With what the API server has written into it. */
const template = {
  metadata: { labels: { ...labels, 'kubeopencode.io/agent': 'helper' } },
  spec: {
    serviceAccountName: 'runner',
    serviceAccount: 'runner',
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    schedulerName: 'default-scheduler',
    securityContext: {},
    initContainers: [
      {
        name: 'opencode-init',
        image: 'opencode:1',
        imagePullPolicy: 'IfNotPresent',
        env: [{ name: 'TOOLS_DIR', value: '/tools' }],
        volumeMounts: [{ name: 'tools', mountPath: '/tools' }],
        resources: {},
        ...ended,
      },
    ],
    containers: [
      {
        name: 'opencode-server',
        image: 'devbox:1',
        imagePullPolicy: 'IfNotPresent',
        command: ['sh', '-c', '/tools/opencode serve --port 4096 --hostname 0.0.0.0'],
        env: [
          { name: 'WORKSPACE_DIR', value: '/workspace' },
          { name: 'OPENCODE_PERMISSION', value: '{"*":"allow"}' },
        ],
        volumeMounts: [
          { name: 'tools', mountPath: '/tools' },
          { name: 'workspace', mountPath: '/workspace' },
        ],
        ports: [{ name: 'http', containerPort: 4096, protocol: 'TCP' }],
        livenessProbe: { tcpSocket: { port: 4096 }, initialDelaySeconds: 10, periodSeconds: 30, ...times },
        readinessProbe: {
          httpGet: { path: '/session/status', port: 4096, scheme: 'HTTP' },
          initialDelaySeconds: 5,
          periodSeconds: 10,
          ...times,
        },
        resources: {},
        ...ended,
      },
    ],
    volumes: [
      { name: 'tools', emptyDir: {} },
      { name: 'workspace', emptyDir: {} },
    ],
  },
};

/** Deployment and Service as they were left. */
function left(spec: object): World {
  const world = new World();
  const { metadata } = world.apply({ serverConfig: {}, ...images, ...spec });
  const owner = { ...agentKinds.agent, name: 'helper', uid: metadata.uid, controller: true, blockOwnerDeletion: true };
  const { plural: _, ...ownerReference } = owner;
  const ownerReferences = [ownerReference];
  const selector = { 'kubeopencode.io/agent': 'helper' };
  world.put(agentKinds.deployment, 'helper-server', {
    metadata: {
      name: 'helper-server',
      namespace: 'agents',
      labels: { ...labels, ...selector },
      annotations: { 'deployment.kubernetes.io/revision': '3' },
      ownerReferences,
    },
    spec: { replicas: 1, selector: { matchLabels: selector }, template },
  });
  world.put(agentKinds.service, 'helper', {
    metadata: { name: 'helper', namespace: 'agents', labels, ownerReferences },
    spec: { type: 'ClusterIP', clusterIP: '10.0.0.7', selector, ports: [{ name: 'http', port: 4096 }] },
  });
  return world;
}

const uids = ({ deployment, service }: World) => [deployment?.metadata.uid, service?.metadata.uid];
const templateOf = ({ deployment }: World) => asRecord(deployment?.['spec'])?.['template'];

function replaceTemplate({ cluster, deployment }: World, other: object): void {
  const spec = asRecord(deployment?.['spec']);
  cluster.put({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: deployment?.metadata ?? { name: '' },
    spec: { ...spec, template: other },
  });
}

async function settle(world: World): Promise<void> {
  for (let round = 0; round < 4; round += 1) await world.reconcile();
}

test('it stays as it is, Pod and all, and is ours from now on', async () => {
  const world = left({});
  const before = uids(world);
  await settle(world);
  expect(uids(world)).toEqual(before);
  expect(templateOf(world)).toEqual(template);
  expect(world.deployment?.metadata.annotations).toHaveProperty(['countersign.dev/made-from']);
  expect(world.service?.metadata.labels).toMatchObject({ 'kubeopencode.io/agent': 'helper' });
  expect(world.service?.['spec']).toMatchObject({ clusterIP: '10.0.0.7' });
  const { resourceVersion } = world.deployment?.metadata ?? {};
  await settle(world);
  expect(world.deployment?.metadata.resourceVersion).toBe(resourceVersion);
});

test('so it is when a webhook has added digests to its images', async () => {
  const world = left({ agentImage: 'r.example/opencode:1', executorImage: 'r.example/devbox' });
  const digest = `sha256:${'a'.repeat(64)}`;
  const pinned = JSON.stringify(template)
    .replace('"opencode:1"', `"r.example/opencode:1@${digest}"`)
    .replace('"devbox:1"', `"r.example/devbox:latest@${digest}"`);
  replaceTemplate(world, JSON.parse(pinned));
  await settle(world);
  expect(templateOf(world)).toEqual(JSON.parse(pinned));
});

test('the next change of its Agent makes it like any other', async () => {
  const world = left({});
  const before = uids(world);
  await settle(world);
  world.apply({ serverConfig: {}, ...images, executorImage: 'devbox:2' });
  await settle(world);
  expect(uids(world)).toEqual(before);
  expect(templateOf(world)).toMatchObject({
    spec: { containers: [{ image: 'devbox:2', securityContext: { runAsNonRoot: true } }] },
  });
});

test('without serverConfig it goes, its Service too, which is watched by no label', async () => {
  const world = left({});
  const [agent] = world.cluster.all(agentKinds.agent);
  const { apiVersion, kind } = agentKinds.agent;
  world.cluster.put({
    apiVersion,
    kind,
    metadata: agent?.metadata ?? { name: '' },
    spec: { serviceAccountName: 'runner', ...images },
    status: { serverStatus: { deploymentName: 'helper-server', serviceName: 'helper', readyReplicas: 1 } },
  });
  await settle(world);
  expect(uids(world)).toEqual([undefined, undefined]);
  expect(world.cluster.all(agentKinds.agent)[0]?.['status']).not.toHaveProperty('serverStatus');
});

describe('it is made anew in its place where its Agent says otherwise', () => {
  test.each<[string, object]>([
    ['port', { serverConfig: { port: 8080 } }],
    ['executor', { executorImage: 'devbox:2' }],
    ['program', { agentImage: 'opencode:2' }],
    ['workspace', { workspaceDir: '/work' }],
    ['contexts', { contexts: [{ type: 'Text', text: 'known' }] }],
    ['config', { config: '{}' }],
    ['credentials', { credentials: [{ name: 'c', secretRef: { name: 's', key: 'k' }, env: 'TOKEN' }] }],
    ['account', { serviceAccountName: 'other' }],
    ['labels', { podSpec: { labels: { team: 'a' } } }],
    ['place', { podSpec: { scheduling: { nodeSelector: { disk: 'ssd' } } } }],
    ['resources', { podSpec: { resources: { limits: { cpu: '1' } } } }],
  ])('%s', async (_, spec) => {
    const world = left(spec);
    const before = uids(world);
    await settle(world);
    expect(uids(world)).toEqual(before);
    expect(templateOf(world)).not.toEqual(template);
    expect(templateOf(world)).toMatchObject({ spec: { securityContext: { runAsNonRoot: true } } });
  });

  test('and where it does not say any more what was said once', async () => {
    const world = left({});
    replaceTemplate(world, { ...template, spec: { ...template.spec, nodeSelector: { disk: 'ssd' } } });
    await settle(world);
    expect(asRecord(asRecord(templateOf(world))?.['spec'])).not.toHaveProperty('nodeSelector');
  });
});
