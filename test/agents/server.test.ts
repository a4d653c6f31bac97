import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Agent, SystemConfig } from '../../src/agents/model.ts';
import { serverConfigMap, serverDeployment, serverService, serverUrl, serverWork } from '../../src/agents/server.ts';
import {
  serverConfigMapName,
  serverDeploymentName,
  serverLabels,
  serverServiceName,
} from '../../src/agents/server-names.ts';
import { layOut } from '../../src/agents/workspace.ts';
import type { NewObject } from '../../src/kernel/kube-object.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import {
  containerOf,
  environmentOf,
  expectGoodMetadata,
  expectGoodPodSpec,
  expectRestricted,
  items,
} from './pod-laws.ts';
import { agent, clone, text } from './workspace-work.ts';

const config: SystemConfig = {
  systemImage: { image: 'system:1', imagePullPolicy: 'IfNotPresent' },
  allowedUrlHosts: [],
};

function deploymentOf(change: Partial<Agent> = {}): NewObject {
  const changed: Agent = { ...agent, server: { port: 4096 }, ...change };
  const workspace = layOut(serverWork(changed), new Map());
  if (!workspace.ok) throw new Error(workspace.failure.message);
  return serverDeployment(changed, workspace.value, config);
}

const templateOf = (deployment: NewObject) => asRecord(asRecord(deployment['spec'])?.['template']) ?? {};

describe('the server of an Agent', () => {
  test('is a Deployment that serves, and is asked whether it does', () => {
    const deployment = deploymentOf({ server: { port: 8080 } });
    expect(deployment).toMatchObject({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: {
        name: 'default-server',
        namespace: 'agents',
        labels: {
          'app.kubernetes.io/name': 'kubeopencode-server',
          'app.kubernetes.io/instance': 'default',
          'app.kubernetes.io/component': 'server',
          'app.kubernetes.io/managed-by': 'kubeopencode',
          'kubeopencode.io/agent': 'default',
        },
        ownerReferences: [{ kind: 'Agent', name: 'default', uid: 'agent-uid', controller: true }],
      },
      spec: { replicas: 1, selector: { matchLabels: { 'kubeopencode.io/agent': 'default' } } },
    });
    expect(containerOf(deployment, 'opencode-server')).toMatchObject({
      image: 'executor:1',
      command: ['sh', '-c', '/tools/opencode serve --port 8080 --hostname 0.0.0.0'],
      ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
      livenessProbe: {
        tcpSocket: { port: 8080 },
        initialDelaySeconds: 10,
        periodSeconds: 30,
        timeoutSeconds: 5,
        failureThreshold: 3,
      },
      readinessProbe: {
        httpGet: { path: '/session/status', port: 8080, scheme: 'HTTP' },
        initialDelaySeconds: 5,
        periodSeconds: 10,
        timeoutSeconds: 5,
        failureThreshold: 3,
      },
    });
    expect(containerOf(deployment, 'opencode-init')).toMatchObject({ image: 'agent:1' });
    expectRestricted(templateOf(deployment)['spec']);
  });

  test('has what its Agent has: contexts, configuration, credentials, settings', () => {
    const deployment = deploymentOf({
      contexts: [text('a'), clone('repo')],
      config: '{}',
      credentials: [{ name: 'c', secret: 's', key: 'k', env: 'TOKEN' }],
      pod: { labels: { team: 'a', 'kubeopencode.io/agent': 'other' }, nodeSelector: { disk: 'ssd' } },
      actionPolicy: 'agents',
    });
    const template = templateOf(deployment);
    expectGoodPodSpec(template['spec']);
    expect(asRecord(template['spec'])?.['nodeSelector']).toEqual({ disk: 'ssd' });
    expect(asRecord(template['metadata'])).toMatchObject({
      labels: { team: 'a', 'kubeopencode.io/agent': 'default' },
      annotations: { 'countersign.dev/action-policy': 'agents' },
    });
    const inits = items(asRecord(template['spec'])?.['initContainers']).map(({ name }) => name);
    expect(inits).toEqual(['opencode-init', 'context-init', 'git-init-0']);
    const server = containerOf(deployment, 'opencode-server');
    expect(environmentOf(server)).toMatchObject({
      WORKSPACE_DIR: '/workspace',
      OPENCODE_PERMISSION: '{"*":"allow"}',
      OPENCODE_CONFIG: '/tools/opencode.json',
      OPENCODE_CONFIG_CONTENT: '{"instructions":[".kubeopencode/context.md"]}',
    });
    expect(items(server['env']).map(({ name }) => name)).toContain('TOKEN');
  });

  test('has a Service that selects it alone', () => {
    expect(serverService({ ...agent, server: { port: 8080 } })).toMatchObject({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'default', namespace: 'agents', labels: { 'kubeopencode.io/agent': 'default' } },
      spec: {
        type: 'ClusterIP',
        selector: { 'kubeopencode.io/agent': 'default' },
        ports: [{ name: 'http', port: 8080, targetPort: 8080, protocol: 'TCP' }],
      },
    });
  });

  test('begins anew with other contexts, and is the same for the same', () => {
    const one = deploymentOf({ contexts: [text('a')] });
    const same = deploymentOf({ contexts: [text('a')] });
    const other = deploymentOf({ contexts: [text('b')] });
    expect(JSON.stringify(same)).toBe(JSON.stringify(one));
    expect(other.metadata.annotations).not.toEqual(one.metadata.annotations);
    expect(templateOf(other)['metadata']).not.toEqual(templateOf(one)['metadata']);
  });

  test('has no ConfigMap without contexts', () => {
    const bare = { ...agent, server: { port: 4096 } };
    const workspace = { files: [], folders: [], clones: [], downloads: [], hasContextFile: false };
    expect(serverConfigMap(bare, workspace)).toBeUndefined();
  });
});

describe('names of a server', () => {
  test.each([
    ['default', 'default', 'default-server', 'default'],
    ['1a', 'agent-1a', '1a-server', '1a'],
    [`${'a'.repeat(62)}b`, `${'a'.repeat(62)}b`, `${'a'.repeat(62)}b-server`, `${'a'.repeat(62)}b`],
  ])('of Agent %s', (name, service, deployment, label) => {
    const place = { namespace: 'agents', name };
    expect(serverServiceName(place)).toBe(service);
    expect(serverDeploymentName(place)).toBe(deployment);
    expect(serverLabels(place)).toEqual({ 'kubeopencode.io/agent': label });
    expect(serverUrl({ ...agent, ...place, server: { port: 1 } })).toBe(`http://${service}.agents.svc.cluster.local:1`);
  });

  test('are good for any name, and of one Agent alone', () => {
    const part = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
    const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) =>
      parts
        .join('.')
        .slice(0, 253)
        .replace(/[^a-z0-9]+$/, ''),
    );
    fc.assert(
      fc.property(name, name, (one, other) => {
        const place = { namespace: 'agents', name: one };
        expect(serverServiceName(place)).toMatch(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/);
        expect(serverDeploymentName(place).length).toBeLessThanOrEqual(200);
        expectGoodMetadata({ name: serverDeploymentName(place), labels: serverLabels(place) });
        expectGoodMetadata({ name: serverConfigMapName(place) });
        // Beginning alike is what long names do.
        const twins = [`${one}${'x'.repeat(200)}a`, `${one}${'x'.repeat(200)}b`].map((text) => text.slice(0, 253));
        for (const [a = '', b = ''] of [[one, other], twins]) {
          if (a === b) continue;
          expect(serverLabels({ ...place, name: a })).not.toEqual(serverLabels({ ...place, name: b }));
        }
      }),
    );
  });
});
