/** Laws of everything that is installed, in whatever way. */
import { describe, expect, test } from 'vitest';
import type { ApiObject } from '../cluster/gate/api.ts';
import { at, listAt, membersAt, type Members } from './objects.ts';
import { idOf, installations, kubectl, kustomized } from './render.ts';

const namespace = 'countersign-system';
const clusterWide = [
  'Namespace',
  'CustomResourceDefinition',
  'ClusterRole',
  'ClusterRoleBinding',
  'PriorityClass',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
  'ValidatingWebhookConfiguration',
  'MutatingWebhookConfiguration',
];
const labels = { 'app.kubernetes.io/name': 'countersign', 'app.kubernetes.io/part-of': 'countersign' };

describe.runIf(kubectl !== undefined).each(installations)('%s', (folder) => {
  const objects = kubectl === undefined ? [] : kustomized(folder);
  const of = (...kinds: readonly string[]): readonly ApiObject[] => objects.filter(({ kind }) => kinds.includes(kind));
  const deployments = of('Deployment');

  test('has each object once, in the namespace or for the whole cluster, under the labels of all', () => {
    expect(new Set(objects.map(idOf)).size).toBe(objects.length);
    for (const { kind, metadata } of objects) {
      const { name } = metadata;
      const place = clusterWide.includes(kind) ? {} : { namespace };
      expect({ namespace: undefined, ...metadata }).toMatchObject({
        name,
        namespace: undefined,
        ...place,
        labels,
      });
    }
  });

  test('does not judge the namespace of its own Pods, and keeps unsafe Pods out of it', () => {
    expect(of('Namespace').map(({ metadata }) => metadata)).toMatchObject([
      {
        name: namespace,
        labels: { 'policy.sigstore.dev/exclude': 'true', 'pod-security.kubernetes.io/enforce': 'restricted' },
      },
    ]);
  });

  test('runs containers that can do nothing but their work', () => {
    for (const deployment of deployments) {
      const pod = membersAt(deployment, 'spec', 'template', 'spec');
      expect(pod).toMatchObject({
        priorityClassName: 'countersign',
        serviceAccountName: 'countersign',
        securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
      });
      for (const forbidden of ['hostNetwork', 'hostPID', 'hostIPC', 'initContainers']) {
        expect(pod).not.toHaveProperty(forbidden);
      }
      expect(listAt(pod, 'containers')).toHaveLength(1);
      expect(at(pod, 'containers', 0, 'securityContext')).toStrictEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      const volumes = listAt(pod, 'volumes').flatMap((volume) => Object.keys(membersAt(volume)));
      expect(volumes.filter((kind) => !['name', 'emptyDir', 'secret'].includes(kind))).toStrictEqual([]);
    }
  });

  test('asks for resources, is probed, and is given the time that a drain takes', () => {
    for (const deployment of deployments) {
      const pod = membersAt(deployment, 'spec', 'template', 'spec');
      expect(pod['terminationGracePeriodSeconds']).toBeGreaterThan(20 + 5);
      const container = membersAt(pod, 'containers', 0);
      expect(at(container, 'resources')).toMatchObject({
        requests: { cpu: expect.anything(), memory: expect.anything() },
        // Whoever stores records evaluates no policies.
        limits: { memory: deployment.metadata.name === 'countersign-records' ? '512Mi' : '1Gi' },
      });
      expect(at(container, 'resources', 'limits')).not.toHaveProperty('cpu');
      const [healthy, ready] = ['/healthz', '/readyz'].map((path) => ({ httpGet: { path, scheme: 'HTTPS' } }));
      expect(container).toMatchObject({ startupProbe: healthy, livenessProbe: healthy, readinessProbe: ready });
      expect(container['image']).toMatch(/:\d+\.\d+\.\d+$/);
    }
  });

  test('has more than one replica of everything, and keeps enough of them while nodes are drained', () => {
    for (const deployment of deployments) expect(at(deployment, 'spec', 'replicas')).toBeGreaterThan(1);
    const [budget] = of('PodDisruptionBudget');
    const [judge] = deployments.filter(({ metadata }) => metadata.name === 'countersign');
    expect(at(budget, 'spec', 'minAvailable')).toBeGreaterThanOrEqual(1);
    expect(at(budget, 'spec', 'minAvailable')).toBeLessThan(Number(at(judge, 'spec', 'replicas')));
    expect(selectedBy(at(budget, 'spec', 'selector', 'matchLabels'))).toContain('countersign');
  });

  test('has Services and selectors that find their Pods, and ports that are there', () => {
    for (const service of of('Service')) {
      const found = selectedBy(at(service, 'spec', 'selector'));
      expect(found).not.toStrictEqual([]);
      const ports = deployments
        .filter(({ metadata }) => found.includes(metadata.name))
        .map((deployment) =>
          listAt(deployment, 'spec', 'template', 'spec', 'containers', 0, 'ports').map((port) => at(port, 'name')),
        );
      for (const port of listAt(service, 'spec', 'ports')) {
        for (const names of ports) expect(names).toContain(at(port, 'targetPort'));
      }
    }
    for (const { metadata, ...deployment } of deployments) {
      expect(selectedBy(at(deployment, 'spec', 'selector', 'matchLabels'))).toStrictEqual([metadata.name]);
    }
    const all = selectedBy(at(of('NetworkPolicy')[0], 'spec', 'podSelector', 'matchLabels'));
    expect(all).toStrictEqual(deployments.map(({ metadata }) => metadata.name));
  });

  /** Names of the Deployments whose Pods have these labels. */
  function selectedBy(wanted: unknown): readonly string[] {
    const entries = Object.entries(membersAt(wanted));
    return deployments
      .filter((deployment) => {
        const has = membersAt(deployment, 'spec', 'template', 'metadata', 'labels');
        return entries.every(([name, value]) => has[name] === value);
      })
      .map(({ metadata }) => metadata.name);
  }

  const configurations = of('ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration');
  const webhooks = configurations.flatMap((configuration) =>
    listAt(configuration, 'webhooks').map((webhook) => [String(at(webhook, 'name')), membersAt(webhook)] as const),
  );

  test('has the webhooks called at the Service, in good time, without effects of a dry run', () => {
    expect(webhooks.map(([name]) => name)).toStrictEqual([
      'mutate.countersign.dev',
      'validate.countersign.dev',
      'policies.countersign.dev',
      'workflows.countersign.dev',
    ]);
    for (const [name, webhook] of webhooks) {
      expect(webhook).toMatchObject({
        timeoutSeconds: name === 'workflows.countersign.dev' ? 5 : 10,
        sideEffects: 'NoneOnDryRun',
        clientConfig: { service: { namespace, name: 'countersign', port: 443 } },
      });
    }
  });

  test.each(webhooks.filter(([name]) => ['validate.countersign.dev', 'mutate.countersign.dev'].includes(name)))(
    '%s fails closed, but never for the system or for itself',
    (_name, webhook) => {
      expect(webhook['failurePolicy']).toBe('Fail');
      const selector = listAt(webhook, 'namespaceSelector', 'matchExpressions');
      expect(selector).toContainEqual({
        key: 'kubernetes.io/metadata.name',
        operator: 'NotIn',
        values: ['kube-system', namespace],
      });
      expect(selector).toContainEqual({ key: 'policy.sigstore.dev/exclude', operator: 'DoesNotExist' });
      const includes = selector.filter((part) => at(part, 'key') === 'policy.sigstore.dev/include');
      expect(includes).toHaveLength(folder.endsWith('enforce-everything') ? 0 : 1);
      for (const rule of listAt(webhook, 'rules')) expect(membersAt(rule)['scope']).toBe('Namespaced');
    },
  );

  test('grants nothing by wildcard, lists no Secrets, and lets nobody become more than he is', () => {
    for (const role of of('Role', 'ClusterRole')) {
      for (const rule of listAt(role, 'rules').map((one) => membersAt(one))) {
        const { apiGroups, resources, verbs } = granted(rule);
        for (const granting of [apiGroups, resources, verbs]) expect(granting).not.toContain('*');
        expect(verbs).not.toContain('deletecollection');
        for (const verb of ['escalate', 'bind', 'impersonate', 'approve']) expect(verbs).not.toContain(verb);
        if (!resources.includes('secrets')) continue;
        for (const verb of ['list', 'watch', 'delete']) expect(verbs).not.toContain(verb);
      }
    }
  });

  test('binds roles to its own service account alone', () => {
    for (const binding of of('RoleBinding', 'ClusterRoleBinding')) {
      expect(binding).toMatchObject({
        roleRef: { name: expect.stringMatching(/^countersign(-runs|-conversion)?$/) as string },
        subjects: [{ kind: 'ServiceAccount', name: 'countersign', namespace }],
      });
    }
  });
});

function granted(rule: Members) {
  return { apiGroups: listAt(rule['apiGroups']), resources: listAt(rule['resources']), verbs: listAt(rule['verbs']) };
}
