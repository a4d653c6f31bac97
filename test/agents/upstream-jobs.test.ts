/** What the tests of KubeTask's own controller ask of Jobs and their files, for Tasks and Agents as those tests write them. */
import { describe, expect, test } from 'vitest';
import { defaultImages } from '../../src/agents/model.ts';
import type { NewObject } from '../../src/kernel/kube-object.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { containerOf, environmentOf, expectGoodPodSpec, items } from './pod-laws.ts';
import { madeForKubeTask, Refused, type Given } from './upstream-made.ts';

const file = (filePath: string, source: object) => ({ type: 'File', file: { filePath, source } });
const inline = (text: string, path = '/workspace/task.md') => file(path, { inline: text });
const content = '# Test Task\n\nThis is a test task.';

const templateOf = (job: NewObject) => asRecord(asRecord(job['spec'])?.['template']) ?? {};
const podSpecOf = (job: NewObject) => asRecord(templateOf(job)['spec']) ?? {};
const mountsOf = (job: NewObject) => items(containerOf(job, 'agent')['volumeMounts']);

function jobOf(given: Given): NewObject {
  const { job } = madeForKubeTask(given);
  expectGoodPodSpec(podSpecOf(job));
  return job;
}

describe('the Job of a Task', () => {
  const job = jobOf({ task: { contexts: [inline(content)] } });

  test('has its names, labels and one owner', () => {
    expect(job.metadata).toMatchObject({
      name: 'test-task-job',
      namespace: 'default',
      labels: { app: 'kubetask', 'kubetask.io/task': 'test-task' },
      ownerReferences: [{ kind: 'Task', name: 'test-task', controller: true }],
    });
    expect(job.metadata.ownerReferences).toHaveLength(1);
    expect(templateOf(job)['metadata']).toMatchObject({ labels: { app: 'kubetask', 'kubetask.io/task': 'test-task' } });
  });

  test('runs the agent once', () => {
    expect(job['spec']).toMatchObject({ backoffLimit: 0 });
    expect(podSpecOf(job)).toMatchObject({ serviceAccountName: 'test-sa', restartPolicy: 'Never' });
    expect(items(podSpecOf(job)['containers'])).toHaveLength(1);
    const agent = containerOf(job, 'agent');
    expect(agent).toMatchObject({ image: defaultImages.kubeTask, imagePullPolicy: 'IfNotPresent' });
    expect(environmentOf(agent)).toMatchObject({ TASK_NAME: 'test-task', TASK_NAMESPACE: 'default' });
  });

  test('runs the image of its Agent', () => {
    const own = jobOf({ agent: { agentImage: 'custom-agent:v1.0.0' }, task: { contexts: [inline(content)] } });
    expect(containerOf(own, 'agent')['image']).toBe('custom-agent:v1.0.0');
  });

  test('has the tools of its Agent, copied in before', () => {
    const own = jobOf({ agent: { toolsImage: 'tools-image:v1.0.0' }, task: { contexts: [inline(content)] } });
    expect(items(podSpecOf(own)['initContainers'])).toMatchObject([
      { name: 'copy-tools', image: 'tools-image:v1.0.0' },
    ]);
    expect(environmentOf(containerOf(own, 'agent'))['PATH']).toContain('/tools/bin');
    expect(mountsOf(own)).toContainEqual({ name: 'tools-volume', mountPath: '/tools' });
  });

  test('has the credentials of its Agent', () => {
    const credentials = [
      { name: 'api-token', secretRef: { name: 'test-secret', key: 'token' }, env: 'API_TOKEN' },
      { name: 'ssh-key', secretRef: { name: 'test-secret', key: 'key' }, mountPath: '/home/agent/.ssh/id_rsa' },
    ];
    const own = jobOf({ agent: { credentials }, task: { contexts: [inline(content)] } });
    expect(containerOf(own, 'agent')['env']).toContainEqual({
      name: 'API_TOKEN',
      valueFrom: { secretKeyRef: { name: 'test-secret', key: 'token' } },
    });
    expect(mountsOf(own).map(({ mountPath }) => mountPath)).toContain('/home/agent/.ssh/id_rsa');
    expect(items(podSpecOf(own)['volumes']).map(({ secret }) => asRecord(secret)?.['secretName'])).toContain(
      'test-secret',
    );
  });

  test('has the labels and the place that its Agent asks for', () => {
    const tolerations = [{ key: 'dedicated', operator: 'Equal', value: 'ai-workload', effect: 'NoSchedule' }];
    const scheduling = { nodeSelector: { 'kubernetes.io/os': 'linux', 'node-type': 'gpu' }, tolerations };
    const podLabels = { 'network-policy': 'agent-restricted', team: 'platform' };
    const own = jobOf({ agent: { podLabels, scheduling }, task: { contexts: [inline(content)] } });
    expect(templateOf(own)['metadata']).toMatchObject({ labels: { ...podLabels, app: 'kubetask' } });
    expect(podSpecOf(own)).toMatchObject(scheduling);
  });
});

describe('its files', () => {
  test('are in one ConfigMap, each mounted at its path', () => {
    const { job, data, configMap } = madeForKubeTask({
      task: { contexts: [inline(content), inline('{"debug": true}', '/workspace/config/settings.json')] },
    });
    expect(configMap?.metadata).toMatchObject({
      name: 'test-task-context',
      labels: { app: 'kubetask', 'kubetask.io/task': 'test-task' },
      ownerReferences: [{ kind: 'Task', name: 'test-task', controller: true }],
    });
    expect(data).toEqual({ 'workspace-task.md': content, 'workspace-config-settings.json': '{"debug": true}' });
    for (const [mountPath, subPath] of [
      ['/workspace/task.md', 'workspace-task.md'],
      ['/workspace/config/settings.json', 'workspace-config-settings.json'],
    ]) {
      expect(mountsOf(job)).toContainEqual(expect.objectContaining({ mountPath, subPath }));
    }
  });

  test('may come from a key of a ConfigMap', () => {
    const { data } = madeForKubeTask({
      task: {
        contexts: [file('/workspace/task.md', { configMapKeyRef: { name: 'test-task-content', key: 'task-content' } })],
      },
      configMaps: { 'default/test-task-content': { 'task-content': '# Task from ConfigMap' } },
    });
    expect(data['workspace-task.md']).toBe('# Task from ConfigMap');
  });

  test('may be a whole ConfigMap', () => {
    const { job, configMap } = madeForKubeTask({
      task: {
        contexts: [
          { type: 'File', file: { dirPath: '/workspace/configs', source: { configMapRef: { name: 'project' } } } },
        ],
      },
      configMaps: { 'default/project': { a: 'A' } },
    });
    expect(configMap).toBeUndefined();
    expect(podSpecOf(job)['volumes']).toContainEqual(
      expect.objectContaining({ name: 'dir-mount-0', configMap: expect.objectContaining({ name: 'project' }) }),
    );
    expect(mountsOf(job)).toContainEqual({ name: 'dir-mount-0', mountPath: '/workspace/configs' });
  });

  test('are those of the Agent as well', () => {
    const { data } = madeForKubeTask({
      agent: { defaultContexts: [inline('# Default Guidelines', '/workspace/guidelines.md')] },
      task: { contexts: [inline(content)] },
    });
    expect(data).toEqual({ 'workspace-guidelines.md': '# Default Guidelines', 'workspace-task.md': content });
  });

  test('of one path are blocks of one file, those of the Agent first', () => {
    const { data } = madeForKubeTask({
      agent: { defaultContexts: [inline('first')] },
      task: { contexts: [inline('second')] },
    });
    const text = data['workspace-task.md'] ?? '';
    expect(text).toMatch(/^<context index="0">\nfirst\n<\/context>/);
    expect(text).toContain('<context index="1">\nsecond\n</context>');
  });

  test.each([
    ['configMapKeyRef', { type: 'File', file: { filePath: '/a/b', source: { configMapKeyRef: ref('key') } } }],
    ['configMapRef', { type: 'File', file: { dirPath: '/a', source: { configMapRef: ref() } } }],
  ])('may be missing where %s says so', (_, context) => {
    expect(madeForKubeTask({ task: { contexts: [context] } }).configMap).toBeUndefined();
  });

  test('cannot come from a ConfigMap that is not there', () => {
    const contexts = [file('/workspace/task.md', { configMapKeyRef: { name: 'nowhere', key: 'x' } })];
    expect(() => madeForKubeTask({ task: { contexts } })).toThrow(Refused);
    expect(() => madeForKubeTask({ task: { contexts } })).toThrow(/^ContextError: .*nowhere/);
  });
});

function ref(key?: string): object {
  return { name: 'nowhere', optional: true, ...(key !== undefined && { key }) };
}
