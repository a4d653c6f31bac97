/** The kinds of KubeOpenCode and KubeTask at a real API server: what it takes, what it refuses by itself, and what it shows. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseStrictYaml } from '../../src/kernel/strict-yaml.ts';
import { helm } from '../manifests/render.ts';
import { clusterFacts, hasCluster, kubeconfig } from './access.ts';
import { connect, type Api, type ApiObject } from './gate/api.ts';
import { define } from './gate/installation.ts';
import { refusal } from './gate/refusal.ts';

const manifests = join(import.meta.dirname, '../../manifests');
const systems = ['kubeopencode', 'kubetask'] as const;
const files = readdirSync(join(manifests, 'crds')).filter((name) => systems.some((system) => name.startsWith(system)));
const samples = systems.flatMap((system) =>
  readdirSync(join(manifests, system, 'samples')).map((file) => [`${system}/samples/${file}`] as const),
);
const openCode = 'kubeopencode.io/v1alpha1';
const kubeTask = 'kubetask.io/v1alpha1';
const account = { serviceAccountName: 'agent' };
const git = { repository: 'https://example.org/r' };

describe.runIf(hasCluster)('the kinds of Tasks', () => {
  let api: Api;
  let namespace: string;

  beforeAll(async () => {
    api = connect(kubeconfig);
    for (const file of files) for (const definition of read(`crds/${file}`)) await define(api, definition);
    namespace = await api.namespace({});
  }, 120_000);
  afterAll(() => api?.close());

  describe.each(samples)('%s', (path) => {
    const applied = (...words: readonly string[]): readonly string[] =>
      kubectlWith(inNamespace(path), 'apply', '--output=name', ...words, '-f', '-')
        .trim()
        .split('\n');

    test('is taken word for word, by every way to apply it', async () => {
      const objects = read(path);
      expect(applied()).toHaveLength(objects.length);
      expect(applied('--server-side', '--force-conflicts')).toHaveLength(objects.length);
      for (const object of objects) {
        const here = { ...object, metadata: { ...object.metadata, namespace } };
        expect(await api.read(here)).toMatchObject({ spec: object['spec'] });
      }
      kubectlWith(inNamespace(path), 'delete', '-f', '-');
    });
  });

  test.runIf(helm !== undefined).each(systems)('three Tasks come of the chart of %s', (system) => {
    const chart = join(manifests, system, 'chart');
    const rendered = execFileSync(helm ?? '', ['template', 'my-tasks', chart], { encoding: 'utf8', timeout: 30_000 });
    const names = kubectlWith(rendered, 'apply', '--output=name', '-f', '-');
    expect(names.trim().split('\n')).toEqual(['a', 'b', 'c'].map((one) => `task.${system}.io/update-service-${one}`));
    kubectl('delete', `tasks.${system}.io`, '--all');
  });

  test.each<[string, object]>([
    ['text', { type: 'Text', mountPath: '/workspace/guides/standards.md', text: '# Coding Standards\n' }],
    [
      'key',
      { type: 'ConfigMap', mountPath: '/workspace/configs', configMap: { name: 'my-configs', key: 'config.md' } },
    ],
    ['git', { type: 'Git', mountPath: '/workspace/repo', git: { ...git, path: 'guides/', ref: 'main' } }],
    ['runtime', { type: 'Runtime', runtime: {} }],
    ['runtime-alone', { type: 'Runtime' }],
    ['url', { type: 'URL', mountPath: 'api.json', url: { source: 'https://example.org/a', headers: { A: 'b' } } }],
    [
      'headers',
      { type: 'URL', mountPath: 'a', url: { source: 'https://e.org', headers: [{ name: 'A', value: 'b' }] } },
    ],
    // Which the controller refuses, with a condition that says why.
    ['git-nowhere', { type: 'Git', git }],
    ['empty', { type: 'Text' }],
  ])('take a context (%s)', async (name, context) => {
    const task = object(openCode, 'Task', `context-${name}`, { contexts: [context] });
    expect(await api.create(task)).toMatchObject({ spec: { contexts: [context] } });
  });

  test('fill in what is left out', async () => {
    const contexts = [
      { type: 'Git', mountPath: 'r', git },
      { type: 'URL', mountPath: 'u', url: { source: 'https://example.org' } },
    ];
    const agent = object(openCode, 'Agent', 'filled', { ...account, contexts, serverConfig: {} });
    expect(await api.create(agent)).toMatchObject({
      spec: {
        workspaceDir: '/workspace',
        serverConfig: { port: 4096 },
        contexts: [{ git: { ref: 'HEAD', depth: 1 } }, { url: { timeout: 30 } }],
      },
    });
    const config = object(openCode, 'KubeOpenCodeConfig', 'default', { systemImage: { image: 'i' } });
    expect(await api.create(config)).toMatchObject({ spec: { systemImage: { imagePullPolicy: 'IfNotPresent' } } });
  });

  test.each<[string, unknown]>([
    ['a name', 'default'],
    ['an object', { name: 'opencode-agent', namespace: 'platform-agents' }],
  ])('take agentRef as %s', async (_name, agentRef) => {
    const task = object(openCode, 'Task', 'refers', { agentRef });
    for (const created of [await api.create(task), await api.apply(task)]) {
      expect(created).toMatchObject({ spec: { agentRef } });
    }
    const template = object(openCode, 'TaskTemplate', 'refers', { agentRef });
    expect(await api.create(template)).toMatchObject({ spec: { agentRef } });
    for (const one of [task, template]) await api.remove(one);
  });

  test.each<[string, unknown]>([
    ['text', '{"model": "a/b"}'],
    ['an object', { model: 'a/b', agent: { list: [1, { deep: true }] } }],
  ])('take the configuration of an Agent as %s', async (_name, config) => {
    const agent = object(openCode, 'Agent', 'configured', { ...account, config });
    expect(await api.create(agent)).toMatchObject({ spec: { config } });
    await api.remove(agent);
  });

  const withContext = (context: object) => ({ contexts: [context] });
  const withFile = (file: object) => ({ contexts: [{ type: 'File', file }] });
  const withQuota = (quota: object) => ({ ...account, quota });
  const withCredential = (credential: object) => ({ ...account, credentials: [credential] });

  test.each<[string, string, string, object, string]>([
    [openCode, 'Task', 'unknown-type', withContext({ type: 'Mcp' }), 'supported values: "Text", "ConfigMap", "Git"'],
    [openCode, 'Task', 'no-type', withContext({ text: 'x' }), 'spec.contexts[0].type: Required value'],
    [openCode, 'Task', 'no-git', withContext({ type: 'Git', mountPath: 'a' }), 'git: is required when type is Git'],
    [openCode, 'Task', 'no-map', withContext({ type: 'ConfigMap' }), 'configMap: is required when type is ConfigMap'],
    [openCode, 'Task', 'no-url', withContext({ type: 'URL', mountPath: 'a' }), 'url: is required when type is URL'],
    [openCode, 'Task', 'no-repository', withContext({ type: 'Git', git: {} }), 'git.repository: Required value'],
    [openCode, 'Task', 'depth', withContext({ type: 'Git', git: { ...git, depth: -1 } }), 'greater than or equal to 0'],
    [openCode, 'Task', 'mode', withContext({ type: 'Text', text: 'x', fileMode: 644 }), 'less than or equal to 511'],
    [openCode, 'Task', 'timeout', withContext({ type: 'URL', url: { source: 'x', timeout: 0 } }), 'equal to 1'],
    [openCode, 'Task', 'description', { description: 'x'.repeat(1_048_577) }, 'may not be more than 1048576'],
    [openCode, 'Task', 'template', { taskTemplateRef: {} }, 'spec.taskTemplateRef.name: Required value'],
    [openCode, 'Agent', 'no-account', {}, 'spec.serviceAccountName: Required value'],
    [openCode, 'Agent', 'port-0', { ...account, serverConfig: { port: 0 } }, 'greater than or equal to 1'],
    [openCode, 'Agent', 'port-65536', { ...account, serverConfig: { port: 65_536 } }, 'less than or equal to 65535'],
    [openCode, 'Agent', 'relative', { ...account, workspaceDir: 'workspace' }, "should match '^/.*'"],
    [openCode, 'Agent', 'nowhere', { ...account, workspaceDir: '' }, 'workspaceDir'],
    [openCode, 'Agent', 'window-59', withQuota({ maxTaskStarts: 1, windowSeconds: 59 }), 'equal to 60'],
    [openCode, 'Agent', 'window-86401', withQuota({ maxTaskStarts: 1, windowSeconds: 86_401 }), 'equal to 86400'],
    [openCode, 'Agent', 'starts-negative', withQuota({ maxTaskStarts: -1, windowSeconds: 60 }), 'equal to 1'],
    [openCode, 'Agent', 'starts-0', withQuota({ maxTaskStarts: 0, windowSeconds: 60 }), 'equal to 1'],
    [openCode, 'Agent', 'no-starts', withQuota({ windowSeconds: 60 }), 'quota.maxTaskStarts: Required value'],
    [openCode, 'Agent', 'no-window', withQuota({ maxTaskStarts: 1 }), 'quota.windowSeconds: Required value'],
    [openCode, 'Agent', 'concurrent', { ...account, maxConcurrentTasks: -1 }, 'equal to 0'],
    [openCode, 'Agent', 'secret', withCredential({ name: 'a' }), 'credentials[0].secretRef: Required value'],
    [openCode, 'Agent', 'secret-name', withCredential({ name: 'a', secretRef: {} }), 'secretRef.name: Required value'],
    [openCode, 'Agent', 'unnamed', withCredential({ secretRef: { name: 'a' } }), 'credentials[0].name: Required value'],
    [openCode, 'KubeOpenCodeConfig', 'pull', { systemImage: { imagePullPolicy: 'Sometimes' } }, 'supported values'],
    [openCode, 'KubeOpenCodeConfig', 'ttl', { cleanup: { ttlSecondsAfterFinished: -1 } }, 'equal to 0'],
    [openCode, 'KubeOpenCodeConfig', 'retained', { cleanup: { maxRetainedTasks: -1 } }, 'equal to 0'],
    [openCode, 'TaskTemplate', 'template-type', withContext({ type: 'File' }), 'supported values'],
    [kubeTask, 'Task', 'no-contexts', {}, 'spec.contexts: Required value'],
    [kubeTask, 'Task', 'other-type', withContext({ type: 'Text' }), 'supported values: "File"'],
    [kubeTask, 'Task', 'no-file', withContext({ type: 'File' }), 'file: is required when type is File'],
    [kubeTask, 'Task', 'no-source', withFile({ filePath: '/workspace/a' }), 'file.source: Required value'],
    [kubeTask, 'Task', 'no-key', withFile({ source: { configMapKeyRef: { name: 'a' } } }), 'key: Required value'],
    [kubeTask, 'Task', 'object-ref', { contexts: [], agentRef: { name: 'a' } }, 'must be of type string'],
    [kubeTask, 'Agent', 'kubetask-account', {}, 'spec.serviceAccountName: Required value'],
  ])('refuse %s %s (%s)', async (apiVersion, kind, name, spec, sentence) => {
    const refused = await refusal(api.create(object(apiVersion, kind, name, spec)));
    expect(refused).toMatchObject({ code: 422, webhook: '' });
    expect(refused.sentence).toContain(sentence);
  });

  test('show a Task of KubeOpenCode under its short names', async () => {
    const task = object(openCode, 'Task', 'shown', { agentRef: 'a' });
    // Of the design document; what a manifest says of the status is not taken.
    await api.create({ ...task, status: { phase: 'Running', podName: 'update-service-a-xyz123' } });
    expect(await api.read(task)).not.toHaveProperty('status');
    const status = {
      phase: 'Failed',
      podName: 'shown-pod',
      podNamespace: 'platform',
      agentRef: { name: 'a', namespace: 'platform' },
      startTime: '2025-01-18T10:00:00Z',
      conditions: [{ type: 'Ready', status: 'False', reason: 'AgentFailed', message: 'm' }],
    };
    report('tasks.kubeopencode.io', 'shown', status);
    expect(await api.read(task)).toMatchObject({ status });
    for (const name of ['tasks.kubeopencode.io', 'task.kubeopencode.io', 'tk']) {
      expect(table(name, 'shown')).toEqual([
        ['NAME', 'PHASE', 'POD', 'AGE'],
        ['shown', 'Failed', 'shown-pod'],
      ]);
    }
    expect(table('tk', 'shown', '--output=wide')).toEqual([
      ['NAME', 'PHASE', 'AGENT-NS', 'AGENT', 'POD', 'POD-NS', 'REASON', 'AGE'],
      ['shown', 'Failed', 'platform', 'a', 'shown-pod', 'platform', 'AgentFailed'],
    ]);
  });

  test('show Agents, templates and settings under their short names', async () => {
    const spec = { ...account, agentImage: 'image:1' };
    const agent = object(openCode, 'Agent', 'shown', spec);
    await api.create(agent);
    const status = {
      taskStartHistory: [{ taskName: 't', taskNamespace: 'n', startTime: '2024-01-15T10:00:00Z' }],
      serverStatus: { deploymentName: 'shown-server', serviceName: 'shown', url: 'http://shown', readyReplicas: 1 },
      conditions: [{ type: 'ServerReady', status: 'True', reason: 'DeploymentReady' }],
    };
    report('agents.kubeopencode.io', 'shown', status);
    expect(await api.read(agent)).toMatchObject({ status });
    expect(table('ag', 'shown')).toEqual([
      ['NAME', 'AGENTIMAGE', 'SERVICEACCOUNT', 'AGE'],
      ['shown', 'image:1', 'agent'],
    ]);
    await api.create(object(openCode, 'TaskTemplate', 'by-object', { agentRef: { name: 'a' } }));
    await api.create(object(openCode, 'TaskTemplate', 'by-name', { agentRef: 'a' }));
    expect(table('tt', 'by-object')).toEqual([
      ['NAME', 'AGENT', 'AGE'],
      ['by-object', 'a'],
    ]);
    expect(table('tt', 'by-name')[1]?.[0]).toBe('by-name');
    await api.create(object(openCode, 'KubeOpenCodeConfig', 'shown', {}));
    expect(table('ktc', 'shown')).toEqual([['NAME', 'AGE'], ['shown']]);
    expect(kubectl('get', 'kubeopencode', '--output=name')).toContain('kubeopencodeconfig.kubeopencode.io/shown');
  });

  test('show Tasks and Agents of KubeTask, which have no short names', async () => {
    const task = object(kubeTask, 'Task', 'shown', { contexts: [] });
    await api.create(task);
    const status = { phase: 'Running', jobName: 'shown-job', startTime: '2025-01-18T10:00:00Z' };
    report('tasks.kubetask.io', 'shown', status);
    expect(await api.read(task)).toMatchObject({ status });
    expect(table('tasks.kubetask.io', 'shown')).toEqual([
      ['NAME', 'PHASE', 'JOB', 'AGE'],
      ['shown', 'Running', 'shown-job'],
    ]);
    await api.create(object(kubeTask, 'Agent', 'shown', account));
    expect(table('agents.kubetask.io', 'shown')).toEqual([['NAME', 'AGE'], ['shown']]);
    expect(kubectl('get', 'kubetask', '--output=name')).toContain('task.kubetask.io/shown');
    for (const [short, group] of [
      ['tasks', /^task\.(kubeopencode|kubetask|tekton)\.(io|dev)\//],
      ['agents', /^agent\.(kubeopencode|kubetask)\.io\//],
    ] as const) {
      expect(kubectl('get', short, '--output=name').split('\n')[0] ?? '').toMatch(group);
    }
  });

  test.each([
    ['tasks.kubeopencode.io', 'spec.contexts.mountPath', 'relative to workspaceDir'],
    ['agents.kubeopencode.io', 'spec.quota.windowSeconds', 'Within how many seconds'],
    ['tasktemplates.kubeopencode.io', 'spec.agentRef', 'The Agent of Tasks that name none'],
    ['kubeopencodeconfigs.kubeopencode.io', 'spec.cleanup.maxRetainedTasks', 'those that ended first go first'],
    ['tasks.kubetask.io', 'spec.contexts.file.dirPath', 'Where the folder is put'],
    ['agents.kubetask.io', 'spec.credentials.fileMode', 'YAML reads 0400 as octal'],
  ])('explain %s %s', (resource, field, sentence) => {
    const [, group = ''] = /^[a-z]+\.(.*)$/.exec(resource) ?? [];
    const explained = kubectl('explain', `--api-version=${group}/v1alpha1`, `${resource.split('.')[0]}.${field}`);
    expect(explained.replaceAll(/\s+/g, ' ')).toContain(sentence);
  });

  function object(apiVersion: string, kind: string, name: string, spec: object): ApiObject {
    return { apiVersion, kind, metadata: { name, namespace }, spec };
  }

  /** A file of ours as it is, but for the namespaces. */
  function inNamespace(path: string): string {
    const text = readFileSync(join(manifests, path), 'utf8');
    return text.replaceAll(/^ {2}namespace: .*$/gm, `  namespace: ${namespace}`);
  }

  function report(resource: string, name: string, status: object): void {
    kubectl('patch', resource, name, '--subresource=status', '--type=merge', '-p', JSON.stringify({ status }));
  }

  /** Words of the header, and of the line without the age. */
  function table(...words: readonly string[]): readonly (readonly string[])[] {
    const [header = '', line = ''] = kubectl('get', ...words)
      .trimEnd()
      .split('\n');
    return [header.trim().split(/\s{2,}/), line.trim().split(/\s+/).slice(0, -1)];
  }

  function kubectl(...words: readonly string[]): string {
    return kubectlWith('', ...words);
  }

  function kubectlWith(input: string, ...words: readonly string[]): string {
    const args = ['--kubeconfig', kubeconfig, '--namespace', namespace, ...words];
    return execFileSync(clusterFacts().kubectl, args, { input, encoding: 'utf8', timeout: 30_000 });
  }
});

function read(path: string): readonly ApiObject[] {
  const text = readFileSync(join(manifests, path), 'utf8');
  const stream = parseStrictYaml(text, { characters: 1_000_000, documents: 10, aliases: 100, depth: 100 }, 'kubectl');
  const documents = stream.ok ? stream.documents : [];
  // Files of ours.
  return documents.map((document) => (document.ok ? document.value : undefined) as ApiObject);
}
