import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { kubeTaskConfigMap } from '../../src/agents/kube-task-config-map.ts';
import { kubeTaskJob } from '../../src/agents/kube-task-job.ts';
import { kubeTaskConfigMapName, kubeTaskJobName } from '../../src/agents/kube-task-names.ts';
import type { KubeTask, KubeTaskAgent, Workspace } from '../../src/agents/model.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';

const task: KubeTask = {
  namespace: 'team',
  name: 'update',
  uid: 'uid-1',
  generation: 1,
  createdAt: '2026-01-01T00:00:00Z',
  deleted: false,
  contexts: [],
};
const agent: KubeTaskAgent = {
  namespace: 'team',
  name: 'default',
  uid: 'uid-a',
  apiVersion: 'kubetask.io/v1alpha1',
  contexts: [],
  credentials: [],
  pod: { labels: {} },
  serviceAccountName: 'kubetask-agent',
  agentImage: 'registry.example/agent:v1',
};
const empty: Workspace = { files: [], folders: [], clones: [], downloads: [], hasContextFile: false };
const workspace: Workspace = {
  ...empty,
  files: [
    { path: '/workspace/task.md', content: { text: 'Do $(TASK_NAME).' } },
    { path: '/workspace/guidelines.md', content: { text: 'Be kind.' } },
  ],
  folders: [
    { path: '/workspace/configs', configMap: 'my-configs', optional: false },
    { path: '/workspace/more', configMap: 'more', optional: true },
  ],
};

/** The members of an object, by path. */
function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (found, step) => (Array.isArray(found) ? found[Number(step)] : asRecord(found)?.[step]),
    value,
  );
}

const podSpec = (job: object): unknown => at(job, 'spec', 'template', 'spec');
const container = (job: object): unknown => at(podSpec(job), 'containers', 0);

const owner = {
  apiVersion: 'kubetask.io/v1alpha1',
  kind: 'Task',
  name: 'update',
  uid: 'uid-1',
  controller: true,
  blockOwnerDeletion: true,
};
const labels = { app: 'kubetask', 'kubetask.io/task': 'update' };
const annotations = { 'countersign.dev/task-uid': 'uid-1', 'countersign.dev/task': 'team/update' };

describe('the Job of a Task', () => {
  test('has one Pod, which runs the agent once', () => {
    const job = kubeTaskJob(task, agent, empty);
    expect(job).toMatchObject({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'update-job', namespace: 'team', labels, annotations, ownerReferences: [owner] },
      spec: { backoffLimit: 0, template: { metadata: { labels, annotations } } },
    });
    expect(podSpec(job)).toEqual({
      serviceAccountName: 'kubetask-agent',
      restartPolicy: 'Never',
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'agent',
          image: 'registry.example/agent:v1',
          imagePullPolicy: 'IfNotPresent',
          env: [
            { name: 'TASK_NAME', value: 'update' },
            { name: 'TASK_NAMESPACE', value: 'team' },
          ],
          volumeMounts: [],
          securityContext: {
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'] },
            runAsNonRoot: true,
            seccompProfile: { type: 'RuntimeDefault' },
          },
        },
      ],
      volumes: [],
    });
    expect(at(job, 'spec', 'activeDeadlineSeconds')).toBeUndefined();
  });

  test('mounts each file at its path and each folder as a volume', () => {
    const job = kubeTaskJob(task, agent, workspace);
    expect(at(container(job), 'volumeMounts')).toEqual([
      { name: 'context-files', mountPath: '/workspace/task.md', subPath: 'workspace-task.md' },
      { name: 'context-files', mountPath: '/workspace/guidelines.md', subPath: 'workspace-guidelines.md' },
      { name: 'dir-mount-0', mountPath: '/workspace/configs' },
      { name: 'dir-mount-1', mountPath: '/workspace/more' },
    ]);
    expect(at(podSpec(job), 'volumes')).toEqual([
      { name: 'context-files', configMap: { name: 'update-context' } },
      { name: 'dir-mount-0', configMap: { name: 'my-configs', optional: false } },
      { name: 'dir-mount-1', configMap: { name: 'more', optional: true } },
    ]);
  });

  test('gives files their modes where any is asked for', () => {
    const files = [
      { path: '/workspace/run.sh', mode: 0o755, content: { text: '#!' } },
      { path: '/workspace/task.md', content: { text: 'x' } },
    ];
    expect(at(podSpec(kubeTaskJob(task, agent, { ...empty, files })), 'volumes', 0, 'configMap', 'items')).toEqual([
      { key: 'workspace-run.sh', path: 'workspace-run.sh', mode: 0o755 },
      { key: 'workspace-task.md', path: 'workspace-task.md' },
    ]);
  });

  test('copies the tools of another image in first', () => {
    const job = kubeTaskJob(task, { ...agent, toolsImage: 'registry.example/tools:v1' }, empty);
    expect(at(podSpec(job), 'initContainers')).toMatchObject([
      {
        name: 'copy-tools',
        image: 'registry.example/tools:v1',
        command: ['sh', '-c', 'cp -RP /tools/. /shared-tools/'],
        volumeMounts: [{ name: 'tools-volume', mountPath: '/shared-tools' }],
        securityContext: { runAsNonRoot: true },
      },
    ]);
    expect(at(container(job), 'env')).toEqual([
      { name: 'TASK_NAME', value: 'update' },
      { name: 'TASK_NAMESPACE', value: 'team' },
      { name: 'PATH', value: '/tools/bin:/usr/local/bin:/usr/bin:/bin' },
      { name: 'NODE_PATH', value: '/tools/lib/node_modules' },
      { name: 'LD_LIBRARY_PATH', value: '/tools/lib' },
    ]);
    expect(at(container(job), 'volumeMounts')).toEqual([{ name: 'tools-volume', mountPath: '/tools' }]);
    expect(at(podSpec(job), 'volumes')).toEqual([{ name: 'tools-volume', emptyDir: {} }]);
  });

  test('hands credentials out as a variable and as a file that the agent may read', () => {
    const credentials = [
      { name: 'github', secret: 'github-creds', key: 'token', env: 'GITHUB_TOKEN' },
      { name: 'ssh', secret: 'ssh-keys', key: 'id_rsa', mountPath: '/home/agent/.ssh/id_rsa', fileMode: 0o400 },
    ];
    const job = kubeTaskJob(task, { ...agent, credentials }, empty);
    expect(at(container(job), 'env', 2)).toEqual({
      name: 'GITHUB_TOKEN',
      valueFrom: { secretKeyRef: { name: 'github-creds', key: 'token' } },
    });
    expect(at(container(job), 'volumeMounts', 0)).toMatchObject({
      mountPath: '/home/agent/.ssh/id_rsa',
      subPath: 'secret-file',
    });
    expect(at(podSpec(job), 'volumes', 0, 'secret')).toMatchObject({
      secretName: 'ssh-keys',
      items: [{ key: 'id_rsa', path: 'secret-file', mode: 0o400 }],
    });
    expect(at(podSpec(job), 'securityContext', 'fsGroup')).toEqual(expect.any(Number));
  });

  test('has what its Agent says of Pods, and the ActionPolicy that it names', () => {
    const pod = {
      labels: { app: 'mine', 'network-policy': 'agent-restricted' },
      nodeSelector: { 'kubernetes.io/os': 'linux' },
      tolerations: [{ key: 'dedicated', operator: 'Exists' }],
      affinity: { nodeAffinity: {} },
      resources: { limits: { memory: '1Gi' } },
      securityContext: { privileged: true },
      podSecurityContext: { runAsUser: 0 },
    };
    const job = kubeTaskJob({ ...task, timeoutSeconds: 90 }, { ...agent, pod, actionPolicy: 'agents' }, empty);
    const { nodeSelector, tolerations, affinity } = pod;
    expect(podSpec(job)).toMatchObject({ nodeSelector, tolerations, affinity, securityContext: { runAsUser: 0 } });
    expect(container(job)).toMatchObject({ resources: pod.resources, securityContext: { privileged: true } });
    expect(at(job, 'spec')).toMatchObject({ activeDeadlineSeconds: 90 });
    expect(at(job, 'spec', 'template', 'metadata')).toEqual({
      labels: { ...labels, ...pod.labels },
      annotations: { ...annotations, 'countersign.dev/action-policy': 'agents' },
    });
    expect(job.metadata.labels).toEqual(labels);
  });
});

describe('the ConfigMap of a Task', () => {
  test('has its files under keys that are their paths', () => {
    expect(kubeTaskConfigMap(task, workspace)).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'update-context', namespace: 'team', labels, annotations, ownerReferences: [owner] },
      data: { 'workspace-task.md': 'Do $(TASK_NAME).', 'workspace-guidelines.md': 'Be kind.' },
    });
  });

  test('is not made for folders alone', () => {
    expect(kubeTaskConfigMap(task, { ...workspace, files: [] })).toBeUndefined();
  });
});

test('names and labels keep to their limits, and names are different where Tasks are', () => {
  const name = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,230}[a-z0-9])?$/);
  fc.assert(
    fc.property(name, name, (one, other) => {
      const job = kubeTaskJob({ ...task, name: one }, agent, empty);
      expect(job.metadata.name).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
      expect(job.metadata.labels?.['kubetask.io/task']).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
      expect(kubeTaskConfigMapName({ name: one }).length).toBeLessThanOrEqual(253);
      expect(kubeTaskJobName({ name: one }) === kubeTaskJobName({ name: other })).toBe(one === other);
    }),
  );
});
