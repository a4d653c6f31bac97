/** What the tests of KubeOpenCode's own controller ask of Pods, servers and their files, for Tasks and Agents as those tests write them. */
import { describe, expect, test } from 'vitest';
import { defaultImages } from '../../src/agents/model.ts';
import type { NewObject } from '../../src/kernel/kube-object.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { containerOf, environmentOf, expectGoodPodSpec, items } from './pod-laws.ts';
import { madeForServer, madeForTask, Refused, type Given } from './upstream-made.ts';

const images = { agentImage: 'test-opencode:v1.0.0', executorImage: 'test-executor:v1.0.0' };
const description = '# Test Task\n\nThis is a test task.';

const specOf = (object: NewObject) => asRecord(object['spec']) ?? {};
const templateOf = (deployment: NewObject) => asRecord(specOf(deployment)['template']) ?? {};
const initNames = (pod: NewObject) => items(specOf(pod)['initContainers']).map(({ name }) => name);
const mountsOf = (object: NewObject, container = 'agent') => items(containerOf(object, container)['volumeMounts']);
const envOf = (object: NewObject, container = 'agent') => environmentOf(containerOf(object, container));

function podOf(given: Given): NewObject {
  const { pod } = madeForTask(given);
  expectGoodPodSpec(pod['spec']);
  return pod;
}

describe('the Pod of a Task', () => {
  const pod = podOf({ agent: images, task: { description } });

  test('has its names, labels and one owner', () => {
    expect(pod.metadata).toMatchObject({
      name: 'test-task-pod',
      namespace: 'default',
      labels: { app: 'kubeopencode', 'kubeopencode.io/task': 'test-task' },
      ownerReferences: [{ kind: 'Task', name: 'test-task', blockOwnerDeletion: true }],
    });
    expect(pod.metadata.ownerReferences).toHaveLength(1);
    expect(pod.metadata.labels).not.toHaveProperty('kubeopencode.io/agent');
  });

  test('brings the program with the agent image, and runs it in the executor', () => {
    expect(initNames(pod)[0]).toBe('opencode-init');
    expect(containerOf(pod, 'opencode-init')['image']).toBe('test-opencode:v1.0.0');
    expect(items(specOf(pod)['containers']).map(({ name, image }) => [name, image])).toEqual([
      ['agent', 'test-executor:v1.0.0'],
    ]);
    for (const container of ['opencode-init', 'agent']) {
      expect(mountsOf(pod, container)).toContainEqual({ name: 'tools', mountPath: '/tools' });
    }
    expect(envOf(pod)).toMatchObject({
      TASK_NAME: 'test-task',
      TASK_NAMESPACE: 'default',
      WORKSPACE_DIR: '/workspace',
    });
    expect(specOf(pod)).toMatchObject({ serviceAccountName: 'test-sa', restartPolicy: 'Never' });
  });

  test('runs images of its own where the Agent names none', () => {
    const plain = podOf({ task: { description } });
    expect(containerOf(plain, 'agent')['image']).toBe(defaultImages.executor);
    expect(containerOf(plain, 'opencode-init')['image']).toBe(defaultImages.agent);
  });

  test('of another namespace than its Agent has both in its name, and says where its Task is', () => {
    const { metadata } = podOf({ agent: images, agentNamespace: 'agents', task: { description } });
    expect(metadata).toMatchObject({
      name: 'default-test-task-pod',
      namespace: 'agents',
      labels: { 'kubeopencode.io/task': 'test-task', 'kubeopencode.io/task-namespace': 'default' },
    });
    expect(metadata.ownerReferences).toBeUndefined();
  });
});

describe('the command of a Task', () => {
  const command = ['sh', '-c', '/tools/opencode run --format json "$(cat /workspace/task.md)"'];
  test.each<[string, object, readonly string[]]>([
    ['by default', {}, ['sh', '-c', '/tools/opencode run "$(cat /workspace/task.md)"']],
    ['of the Agent', { command }, command],
    [
      'of an Agent with a server',
      { serverConfig: { port: 4096 } },
      [
        'sh',
        '-c',
        '/tools/opencode run --attach http://test-agent.default.svc.cluster.local:4096 "$(cat /workspace/task.md)"',
      ],
    ],
  ])('%s', (_, agent, expected) => {
    expect(containerOf(podOf({ agent, task: { description } }), 'agent')['command']).toEqual(expected);
  });

  test('attaches with the attach image', () => {
    const attached = podOf({ agent: { ...images, attachImage: 'attach:1', serverConfig: {} }, task: { description } });
    expect(containerOf(attached, 'agent')['image']).toBe('attach:1');
  });
});

describe('credentials of an Agent', () => {
  const one = { name: 'api-token', secretRef: { name: 'my-secret', key: 'token' }, env: 'API_TOKEN' };
  const file = {
    name: 'ssh-key',
    secretRef: { name: 'ssh-secret', key: 'private-key' },
    mountPath: '/home/agent/.ssh/id_rsa',
  };
  const all = { name: 'api-keys', secretRef: { name: 'api-credentials' } };
  const folder = {
    name: 'tls',
    secretRef: { name: 'tls-certificates' },
    mountPath: '/etc/ssl/client',
    fileMode: 0o400,
  };

  // The same for the server, which has what the Pods of its Tasks would have.
  describe.each([
    ['in the Pod', (credentials: readonly object[]) => containersOf(podOf({ agent: { credentials } }), 'agent')],
    [
      'in the server',
      (credentials: readonly object[]) =>
        containersOf(madeForServer({ agent: { credentials, serverConfig: {} } }).deployment, 'opencode-server'),
    ],
  ])('%s', (_, made) => {
    test('a key is a variable', () => {
      expect(made([one]).container['env']).toContainEqual({
        name: 'API_TOKEN',
        valueFrom: { secretKeyRef: { name: 'my-secret', key: 'token' } },
      });
    });

    test('a key is a file, 0600 unless said otherwise', () => {
      const { container, volumes } = made([file]);
      const volume = volumes.find((found) => asRecord(found['secret'])?.['secretName'] === 'ssh-secret');
      expect(volume?.['secret']).toMatchObject({ items: [{ key: 'private-key', path: 'secret-file', mode: 0o600 }] });
      expect(items(container['volumeMounts'])).toContainEqual({
        name: volume?.['name'],
        mountPath: '/home/agent/.ssh/id_rsa',
        subPath: 'secret-file',
      });
    });

    test('a Secret is variables, beside a key of another', () => {
      const { container } = made([all, one]);
      expect(container['envFrom']).toEqual([{ secretRef: { name: 'api-credentials' } }]);
      expect(items(container['env']).map(({ name }) => name)).toContain('API_TOKEN');
    });

    test('a Secret is a folder', () => {
      const { container, volumes } = made([folder]);
      const volume = volumes.find((found) => asRecord(found['secret'])?.['secretName'] === 'tls-certificates');
      expect(volume?.['secret']).toMatchObject({ defaultMode: 0o400 });
      expect(asRecord(volume?.['secret'])).not.toHaveProperty('items');
      expect(container['envFrom']).toBeUndefined();
      const mount = items(container['volumeMounts']).find(({ mountPath }) => mountPath === '/etc/ssl/client');
      expect(mount).toMatchObject({ name: volume?.['name'] });
      expect(mount).not.toHaveProperty('subPath');
    });
  });
});

function containersOf(object: NewObject, name: string) {
  const pod = asRecord(templateOf(object)['spec']) ?? specOf(object);
  return { container: containerOf(object, name), volumes: items(pod['volumes']) };
}

test('podSpec of an Agent: labels, where it runs, its runtime and its resources', () => {
  const tolerations = [{ key: 'dedicated', operator: 'Equal', value: 'ai-workload', effect: 'NoSchedule' }];
  const resources = { requests: { cpu: '500m', memory: '512Mi' }, limits: { cpu: '2', memory: '2Gi' } };
  const scheduling = { nodeSelector: { 'node-type': 'gpu' }, tolerations };
  const podSpec = { labels: { 'custom-label': 'custom-value' }, scheduling, runtimeClassName: 'gvisor', resources };
  const pod = podOf({ agent: { ...images, podSpec } });
  expect(pod.metadata.labels).toMatchObject({ 'custom-label': 'custom-value', app: 'kubeopencode' });
  expect(specOf(pod)).toMatchObject({ ...scheduling, runtimeClassName: 'gvisor' });
  expect(containerOf(pod, 'agent')['resources']).toEqual(resources);
});

describe('contexts', () => {
  const contextKey = 'workspace-.kubeopencode-context.md';
  const standards = '# Coding Standards\n\nFollow these guidelines.';

  test('the description and a text with a place are files of their own', () => {
    const contexts = [{ type: 'Text', text: standards, mountPath: '/workspace/guides/standards.md' }];
    const { data, configMap, pod } = madeForTask({ task: { description, contexts } });
    expect(configMap?.metadata.name).toBe('test-task-context');
    expect(data).toEqual({ 'workspace-task.md': description, 'workspace-guides-standards.md': standards });
    expect(specOf(pod)['volumes']).toContainEqual({ name: 'context-files', configMap: { name: 'test-task-context' } });
    expect(mountsOf(pod, 'context-init')).toEqual(
      expect.arrayContaining([
        { name: 'context-files', mountPath: '/configmap-files', readOnly: true },
        { name: 'workspace', mountPath: '/workspace' },
      ]),
    );
    expect(mountsOf(pod)).toContainEqual({ name: 'workspace', mountPath: '/workspace' });
    expect(envOf(pod)).not.toHaveProperty('OPENCODE_CONFIG_CONTENT');
  });

  test('a text without a place is a block of the context file, of which the program is told', () => {
    const { data, pod } = madeForTask({ task: { description, contexts: [{ type: 'Text', text: standards }] } });
    expect(data['workspace-task.md']).toBe(description);
    expect(data[contextKey]).toMatch(/^<context [^>]*>\n[^]*<\/context>\s*$/);
    expect(data[contextKey]).toContain(standards);
    expect(envOf(pod)['OPENCODE_CONFIG_CONTENT']).toBe('{"instructions":[".kubeopencode/context.md"]}');
  });

  test('all keys of a ConfigMap are files in one block, in their order', () => {
    const guides = { 'style-guide.md': '# Style Guide', 'security-guide.md': '# Security Guide' };
    const { data } = madeForTask({
      task: { description, contexts: [{ type: 'ConfigMap', configMap: { name: 'guides' } }] },
      configMaps: { 'default/guides': guides },
    });
    const text = data[contextKey] ?? '';
    expect(text).toMatch(/^<context /);
    const [security, style] = ['security-guide.md', 'style-guide.md'].map((key) =>
      text.indexOf(`<file name="${key}">`),
    );
    expect(security).toBeGreaterThan(0);
    expect(style).toBeGreaterThan(security ?? 0);
    expect(text).toContain('# Security Guide');
    expect(text).toContain('</file>');
  });

  test('those of the Agent, the template and the Task come together, the description of the Task wins', () => {
    const block = (text: string) => ({ contexts: [{ type: 'Text', text }] });
    const { data } = madeForTask({
      agent: block('# Agent'),
      template: { ...block('# Template'), description: 'of the template' },
      task: { ...block('# Own'), description: 'of the Task' },
    });
    expect(data['workspace-task.md']).toBe('of the Task');
    const found = ['# Agent', '# Template', '# Own'].map((text) => (data[contextKey] ?? '').indexOf(text));
    expect(found.every((at) => at > 0)).toBe(true);
    expect(found.toSorted((a, b) => a - b)).toEqual(found);
    const { data: other } = madeForTask({ template: { description: 'of the template' }, task: {} });
    expect(other['workspace-task.md']).toBe('of the template');
  });

  test('Runtime says where the Task is', () => {
    const { data } = madeForTask({ task: { description, contexts: [{ type: 'Runtime', runtime: {} }] } });
    for (const said of ['KubeOpenCode Runtime Context', 'TASK_NAME', 'TASK_NAMESPACE', 'kubectl get task']) {
      expect(data[contextKey]).toContain(said);
    }
  });

  test.each([
    ['/workspace/task.md', 'workspace-task.md'],
    ['/workspace/guides/standards.md', 'workspace-guides-standards.md'],
    ['/home/agent/.config/settings.json', 'home-agent-.config-settings.json'],
    ['guides/readme.md', 'workspace-guides-readme.md'],
    ['./guides/readme.md', 'workspace-guides-readme.md'],
    ['a/b/c/d/file.txt', 'workspace-a-b-c-d-file.txt'],
  ])('%s is key %s', (mountPath, key) => {
    expect(Object.keys(madeForTask({ task: { contexts: [{ type: 'Text', text: 'x', mountPath }] } }).data)).toEqual([
      key,
    ]);
  });

  test('files in another workspace, and what context-init is told of them', () => {
    const { pod, data } = madeForTask({
      agent: { workspaceDir: '/home/agent/work' },
      task: { description, contexts: [{ type: 'Text', text: 'x', mountPath: 'config/settings.yaml' }] },
    });
    expect(Object.keys(data)).toContain('home-agent-work-task.md');
    const { FILE_MAPPINGS = '', ...env } = envOf(pod, 'context-init');
    expect(env).toEqual({ WORKSPACE_DIR: '/home/agent/work', CONFIGMAP_PATH: '/configmap-files' });
    expect(JSON.parse(FILE_MAPPINGS)).toEqual(
      expect.arrayContaining([
        { key: 'home-agent-work-task.md', targetPath: '/home/agent/work/task.md' },
        { key: 'home-agent-work-config-settings.yaml', targetPath: '/home/agent/work/config/settings.yaml' },
      ]),
    );
    expect(containerOf(pod, 'context-init')).toMatchObject({
      image: defaultImages.system,
      imagePullPolicy: 'IfNotPresent',
      command: ['/kubeopencode', 'context-init'],
    });
  });

  test('a ConfigMap with a place is a folder of its own', () => {
    const { pod } = madeForTask({
      task: { contexts: [{ type: 'ConfigMap', configMap: { name: 'guides' }, mountPath: '/workspace/guides' }] },
      configMaps: { 'default/guides': { 'a.md': 'A' } },
    });
    const volume = items(specOf(pod)['volumes']).find(({ name }) => name === 'dir-mount-0');
    expect(volume).toMatchObject({ configMap: { name: 'guides' } });
    expect(mountsOf(pod, 'context-init')).toContainEqual(
      expect.objectContaining({ name: 'dir-mount-0', mountPath: '/configmap-dir-0' }),
    );
    const env = envOf(pod, 'context-init');
    expect(JSON.parse(env['DIR_MAPPINGS'] ?? '')).toEqual([
      { sourcePath: '/configmap-dir-0', targetPath: '/workspace/guides' },
    ]);
    expect(env).not.toHaveProperty('FILE_MAPPINGS');
  });

  test('a file elsewhere is in a volume that both containers have', () => {
    const mountPath = '/etc/github-app/github-app-iat.sh';
    const pod = podOf({ task: { description, contexts: [{ type: 'Text', text: '#!/bin/bash', mountPath }] } });
    const volume = items(specOf(pod)['volumes']).find(({ name }) => String(name).startsWith('ctx-'));
    expect(volume).toEqual({ name: 'ctx-etc-github-app', emptyDir: {} });
    for (const container of ['context-init', 'agent']) {
      expect(mountsOf(pod, container)).toContainEqual({ name: 'ctx-etc-github-app', mountPath: '/etc/github-app' });
    }
  });
});

describe('Git', () => {
  const git = { repository: 'https://github.com/org/repo.git', ref: 'main', depth: 1 };

  test('a folder of a repository', () => {
    const contexts = [{ type: 'Git', git: { ...git, path: '.claude/' }, mountPath: '/workspace/.claude' }];
    const pod = podOf({ agent: images, task: { contexts } });
    expect(initNames(pod)).toEqual(['opencode-init', 'git-init-0']);
    expect(containerOf(pod, 'git-init-0')).toMatchObject({
      image: defaultImages.system,
      command: ['/kubeopencode', 'git-init'],
    });
    expect(envOf(pod, 'git-init-0')).toMatchObject({
      GIT_REPO: git.repository,
      GIT_REF: 'main',
      GIT_DEPTH: '1',
      GIT_ROOT: '/git',
      GIT_LINK: 'repo',
    });
    expect(mountsOf(pod, 'git-init-0')).toEqual([{ name: 'git-context-0', mountPath: '/git' }]);
    expect(specOf(pod)['volumes']).toContainEqual({ name: 'git-context-0', emptyDir: {} });
    expect(mountsOf(pod)).toContainEqual({
      name: 'git-context-0',
      mountPath: '/workspace/.claude',
      subPath: 'repo/.claude',
    });
    expect(envOf(pod)['GIT_CONFIG_GLOBAL']).toBe('/git/.gitconfig');
  });

  test('a repository for those who have its Secret', () => {
    const contexts = [
      { type: 'Git', git: { ...git, secretRef: { name: 'git-credentials' } }, mountPath: '/workspace/private' },
    ];
    const pod = podOf({ task: { contexts } });
    for (const [name, key] of [
      ['GIT_USERNAME', 'username'],
      ['GIT_PASSWORD', 'password'],
    ]) {
      expect(containerOf(pod, 'git-init-0')['env']).toContainEqual({
        name,
        valueFrom: { secretKeyRef: { name: 'git-credentials', key, optional: true } },
      });
    }
    expect(mountsOf(pod)).toContainEqual({ name: 'git-context-0', mountPath: '/workspace/private', subPath: 'repo' });
  });

  test('HEAD and one commit unless said otherwise', () => {
    const contexts = [{ type: 'Git', git: { repository: git.repository }, mountPath: 'src' }];
    expect(envOf(podOf({ task: { contexts } }), 'git-init-0')).toMatchObject({ GIT_REF: 'HEAD', GIT_DEPTH: '1' });
  });
});

describe('config of an Agent', () => {
  const config = '{"model": "google/gemini-2.5-pro", "small_model": "google/gemini-2.5-flash"}';

  test('is a file, which the program is told of', () => {
    const { pod, data } = madeForTask({ agent: { ...images, config }, task: { description } });
    expect(envOf(pod)['OPENCODE_CONFIG']).toBe('/tools/opencode.json');
    expect(data['tools-opencode.json']).toBe(config);
    expect(mountsOf(pod, 'context-init')).toContainEqual({ name: 'tools', mountPath: '/tools' });
  });

  test('is not spoken of where there is none', () => {
    expect(envOf(podOf({ task: { description } }))).not.toHaveProperty('OPENCODE_CONFIG');
  });
});

describe('what a Task fails with', () => {
  const text = { type: 'Text', text: 'x', mountPath: '/workspace/config.yaml' };
  const missing = { type: 'ConfigMap', configMap: { name: 'non-existent-configmap', key: 'key1' } };
  test.each<[string, Given, RegExp]>([
    [
      'Git without a place',
      { task: { contexts: [{ type: 'Git', git: { repository: 'https://github.com/example/repo' } }] } },
      /^ContextError: .*git context requires mountPath/,
    ],
    ['two contexts in one place', { task: { contexts: [text, text] } }, /^ContextError: .*mount path conflict/],
    ['a ConfigMap that is not there', { task: { contexts: [missing] } }, /^ContextError: .*not found/],
    [
      'a config that is no JSON',
      { agent: { config: '{"model": "google/gemini-2.5-pro", invalid json}' } },
      /^AgentError: .*invalid JSON in Agent config/,
    ],
  ])('%s', (_, given, message) => {
    expect(() => madeForTask(given)).toThrow(Refused);
    expect(() => madeForTask(given)).toThrow(message);
  });
});

describe('the server of an Agent', () => {
  const agent = { ...images, serverConfig: { port: 4096 } };
  const { deployment, service } = madeForServer({ agent });

  test('has its names and labels', () => {
    expect(deployment.metadata).toMatchObject({
      name: 'test-agent-server',
      namespace: 'default',
      labels: { 'kubeopencode.io/agent': 'test-agent' },
      ownerReferences: [{ kind: 'Agent', name: 'test-agent' }],
    });
    expect(specOf(deployment)).toMatchObject({
      replicas: 1,
      selector: { matchLabels: { 'kubeopencode.io/agent': 'test-agent' } },
    });
    expect(service).toMatchObject({
      metadata: { name: 'test-agent', namespace: 'default' },
      spec: { type: 'ClusterIP', selector: { 'kubeopencode.io/agent': 'test-agent' }, ports: [{ port: 4096 }] },
    });
  });

  test('is one container, in the executor', () => {
    const { containers } = asRecord(templateOf(deployment)['spec']) ?? {};
    expect(items(containers)).toHaveLength(1);
    const server = containerOf(deployment, 'opencode-server');
    expect(server).toMatchObject({ image: 'test-executor:v1.0.0', ports: [{ name: 'http', containerPort: 4096 }] });
    expect(environmentOf(server)).toMatchObject({ HOME: '/tmp', SHELL: '/bin/bash', WORKSPACE_DIR: '/workspace' });
  });

  test.each([
    [{ port: 8080 }, 8080],
    [{}, 4096],
  ])('with %j it listens at %d', (serverConfig, port) => {
    const made = madeForServer({ agent: { ...images, serverConfig } });
    expect(containerOf(made.deployment, 'opencode-server')['ports']).toMatchObject([{ containerPort: port }]);
    expect(specOf(made.service)['ports']).toMatchObject([{ port }]);
  });

  test('has the contexts of its Agent', () => {
    const contexts = [
      { type: 'Text', text: 'known' },
      { type: 'ConfigMap', configMap: { name: 'guides' }, mountPath: '/workspace/guides' },
      {
        type: 'Git',
        git: { repository: 'https://github.com/org/repo.git', ref: 'main' },
        mountPath: '/workspace/repo',
      },
    ];
    const made = madeForServer({ agent: { ...agent, contexts }, configMaps: { 'default/guides': { a: 'A' } } });
    expect(made.configMap?.metadata.name).toBe('test-agent-server-context');
    expect(made.data['workspace-.kubeopencode-context.md']).toContain('known');
    const volumes = items(asRecord(templateOf(made.deployment)['spec'])?.['volumes']).map(({ name }) => name);
    expect(volumes).toEqual(expect.arrayContaining(['context-files', 'dir-mount-0', 'git-context-0']));
    expect(environmentOf(containerOf(made.deployment, 'git-init-0'))).toMatchObject({ GIT_REF: 'main' });
    expect(environmentOf(containerOf(made.deployment, 'opencode-server'))).toMatchObject({
      OPENCODE_CONFIG_CONTENT: '{"instructions":[".kubeopencode/context.md"]}',
      GIT_CONFIG_GLOBAL: '/git/.gitconfig',
    });
  });
});
