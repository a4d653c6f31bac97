import { describe, expect, test } from 'vitest';
import type { Agent, ContextItem, SystemConfig, TaskNames, Work } from '../../src/agents/model.ts';
import { taskConfigMap } from '../../src/agents/task-config-map.ts';
import { taskNames } from '../../src/agents/task-names.ts';
import { taskPod } from '../../src/agents/task-pod.ts';
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
import { clone, configMaps, download, fromConfigMap, text, workWith } from './workspace-work.ts';

const config: SystemConfig = {
  systemImage: { image: 'system:1', imagePullPolicy: 'Always' },
  allowedUrlHosts: ['127.0.0.0/8', 'git.local'],
};
const maps = configMaps({ 'agents/guides': { data: { 'a.md': 'A' } } });

function made(work: Work): { readonly pod: NewObject; readonly names: TaskNames; readonly configMap?: NewObject } {
  const workspace = layOut(work, maps, config.allowedUrlHosts);
  if (!workspace.ok) throw new Error(workspace.failure.message);
  const names = taskNames(work, 'plain');
  const configMap = taskConfigMap(work, workspace.value, names);
  return { pod: taskPod(work, workspace.value, names, config), names, ...(configMap !== undefined && { configMap }) };
}

function podOf(contexts: readonly ContextItem[] = [], change: Partial<Agent> = {}): NewObject {
  const { pod } = made(workWith(contexts, change, 'Fix it'));
  expectGoodMetadata(pod.metadata);
  expectGoodPodSpec(pod['spec']);
  return pod;
}

const specOf = (pod: NewObject) => asRecord(pod['spec']) ?? {};
const initNames = (pod: NewObject) => items(specOf(pod)['initContainers']).map(({ name }) => name);
const volumesOf = (pod: NewObject) => items(specOf(pod)['volumes']);
const mountsOf = (pod: NewObject, name = 'agent') => items(containerOf(pod, name)['volumeMounts']);

describe('the Pod of a Task', () => {
  test('says whose it is, and is not behind the Service of a server', () => {
    const { metadata } = podOf([], { server: { port: 4096 }, pod: { labels: { team: 'a', app: 'mine' } } });
    expect(metadata).toEqual({
      name: 'team-fix-pod',
      namespace: 'agents',
      labels: {
        app: 'mine',
        'kubeopencode.io/task': 'fix',
        'kubeopencode.io/task-namespace': 'team',
        team: 'a',
      },
      annotations: { 'countersign.dev/task-uid': 'task-uid', 'countersign.dev/task': 'team/fix' },
    });
  });

  test('belongs to its Task in the same namespace, without the label of another', () => {
    const { metadata } = podOf([], { namespace: 'team' });
    expect(metadata.name).toBe('fix-pod');
    expect(metadata.labels).toEqual({ app: 'kubeopencode', 'kubeopencode.io/task': 'fix' });
    expect(metadata.ownerReferences).toMatchObject([{ kind: 'Task', uid: 'task-uid', controller: true }]);
  });

  test('keeps its own labels whatever its Agent writes', () => {
    const labels = { 'kubeopencode.io/task': 'other', 'kubeopencode.io/task-namespace': 'other' };
    expect(podOf([], { pod: { labels } }).metadata.labels).toMatchObject({
      'kubeopencode.io/task': 'fix',
      'kubeopencode.io/task-namespace': 'team',
    });
  });

  test('is under the ActionPolicy of its Agent', () => {
    const { metadata } = podOf([], { actionPolicy: 'agents-of-team' });
    expect(metadata.annotations).toMatchObject({ 'countersign.dev/action-policy': 'agents-of-team' });
  });

  test('runs the program on the description, once', () => {
    const pod = podOf();
    expect(specOf(pod)).toMatchObject({ restartPolicy: 'Never', serviceAccountName: 'runner' });
    expect(containerOf(pod, 'agent')).toMatchObject({
      image: 'executor:1',
      imagePullPolicy: 'IfNotPresent',
      workingDir: '/workspace',
      command: ['sh', '-c', '/tools/opencode run "$(cat /workspace/task.md)"'],
    });
    expect(environmentOf(containerOf(pod, 'agent'))).toEqual({
      HOME: '/tmp',
      SHELL: '/bin/bash',
      TASK_NAME: 'fix',
      TASK_NAMESPACE: 'team',
      WORKSPACE_DIR: '/workspace',
      OPENCODE_PERMISSION: '{"*":"allow"}',
    });
    expect(containerOf(pod, 'opencode-init')).toMatchObject({
      image: 'agent:1',
      imagePullPolicy: 'IfNotPresent',
      env: [{ name: 'TOOLS_DIR', value: '/tools' }],
      volumeMounts: [{ name: 'tools', mountPath: '/tools' }],
    });
  });

  test('attaches to the server of its Agent', () => {
    const pod = podOf([], { server: { port: 8080 } });
    expect(containerOf(pod, 'agent')).toMatchObject({
      image: 'attach:1',
      command: [
        'sh',
        '-c',
        '/tools/opencode run --attach http://default.agents.svc.cluster.local:8080 "$(cat /workspace/task.md)"',
      ],
    });
  });

  test.each([[undefined], [{ port: 8080 }]])('runs a command as it was written, with server %j', (server) => {
    const command = ['bash', '-c', 'echo $(HOME) $$ "$(cat ${WORKSPACE_DIR}/task.md)"'];
    const container = containerOf(podOf([], { command, ...(server !== undefined && { server }) }), 'agent');
    expect(container).toMatchObject({ command, image: 'executor:1' });
    expect(environmentOf(container)['OPENCODE_SERVER_URL']).toBe(
      server === undefined ? undefined : 'http://default.agents.svc.cluster.local:8080',
    );
  });

  test('reads its description wherever the workspace is', () => {
    const pod = podOf([], { workspaceDir: "/my $(HOME) d'ir" });
    const [, , script] = (containerOf(pod, 'agent')['command'] as readonly string[]) ?? [];
    expect(script).toBe(`/tools/opencode run "$(cat '/my $$(HOME) d'\\''ir/task.md')"`);
    expect(environmentOf(containerOf(pod, 'agent'))['WORKSPACE_DIR']).toBe("/my $(HOME) d'ir");
  });

  test('has the settings of its Agent', () => {
    const pod = podOf([], {
      pod: {
        labels: {},
        nodeSelector: { disk: 'ssd' },
        tolerations: [{ operator: 'Exists' }],
        affinity: { nodeAffinity: {} },
        runtimeClassName: 'gvisor',
        imagePullSecrets: [{ name: 'pull' }],
        resources: { limits: { memory: '1Gi' } },
      },
    });
    expect(specOf(pod)).toMatchObject({
      nodeSelector: { disk: 'ssd' },
      tolerations: [{ operator: 'Exists' }],
      affinity: { nodeAffinity: {} },
      runtimeClassName: 'gvisor',
      imagePullSecrets: [{ name: 'pull' }],
    });
    expect(containerOf(pod, 'agent')['resources']).toEqual({ limits: { memory: '1Gi' } });
    expect(containerOf(pod, 'opencode-init')['resources']).toBeUndefined();
  });

  test('is restricted, with a group for the files of Secrets', () => {
    const everything = [text('a', '/etc/app/a'), clone('repo'), download('a.md')];
    const pod = podOf(everything, { credentials: [{ name: 'k', secret: 's', key: 'k', mountPath: '/home/k' }] });
    expectRestricted(specOf(pod));
    expect(specOf(pod)['securityContext']).toHaveProperty('fsGroup', 65_532);
    expect(specOf(podOf())['securityContext']).not.toHaveProperty('fsGroup');
  });

  test('is what its Agent says instead, as a whole', () => {
    const securityContext = { runAsUser: 0, runAsNonRoot: false };
    const podSecurityContext = { fsGroup: 1 };
    const pod = podOf([text('a', 'a')], { pod: { labels: {}, securityContext, podSecurityContext } });
    expect(specOf(pod)['securityContext']).toEqual(podSecurityContext);
    for (const name of ['agent', 'opencode-init', 'context-init']) {
      expect(containerOf(pod, name)['securityContext']).toEqual(securityContext);
    }
  });
});

describe('what is in the workspace of a Task', () => {
  test('comes from its ConfigMap', () => {
    const { pod, configMap } = made(workWith([text('a', 'docs/a.md')], { config: '{}' }, 'Fix it'));
    expect(configMap).toMatchObject({
      metadata: {
        name: 'team-fix-context',
        namespace: 'agents',
        labels: {
          app: 'kubeopencode',
          'kubeopencode.io/task': 'fix',
          'kubeopencode.io/task-namespace': 'team',
        },
        annotations: { 'countersign.dev/task-uid': 'task-uid' },
      },
      data: { 'workspace-task.md': 'Fix it', 'workspace-docs-a.md': 'a', 'tools-opencode.json': '{}' },
    });
    expect(volumesOf(pod)).toContainEqual({ name: 'context-files', configMap: { name: 'team-fix-context' } });
    const init = containerOf(pod, 'context-init');
    expect(init).toMatchObject({
      image: 'system:1',
      imagePullPolicy: 'Always',
      command: ['/kubeopencode', 'context-init'],
    });
    const { FILE_MAPPINGS = '', ...env } = environmentOf(init);
    expect(env).toEqual({ WORKSPACE_DIR: '/workspace', CONFIGMAP_PATH: '/configmap-files' });
    expect(JSON.parse(FILE_MAPPINGS)).toContainEqual({ key: 'workspace-task.md', targetPath: '/workspace/task.md' });
    expect(mountsOf(pod, 'context-init')).toEqual([
      { name: 'context-files', mountPath: '/configmap-files', readOnly: true },
      { name: 'workspace', mountPath: '/workspace' },
      { name: 'tools', mountPath: '/tools' },
    ]);
    expect(environmentOf(containerOf(pod, 'agent'))['OPENCODE_CONFIG']).toBe('/tools/opencode.json');
  });

  test('needs no ConfigMap when there is nothing', () => {
    const { pod, configMap } = made(workWith([]));
    expect(configMap).toBeUndefined();
    expect(initNames(pod)).toEqual(['opencode-init']);
  });

  test('has modes as decimal numbers', () => {
    const pod = podOf([{ ...text('a', 'run.sh'), fileMode: 0o755 }]);
    const mappings: unknown = JSON.parse(environmentOf(containerOf(pod, 'context-init'))['FILE_MAPPINGS'] ?? '');
    expect(mappings).toContainEqual({ key: 'workspace-run.sh', targetPath: '/workspace/run.sh', fileMode: 493 });
  });

  test('tells the program of the contexts without a place', () => {
    const env = environmentOf(containerOf(podOf([text('a')]), 'agent'));
    expect(env['OPENCODE_CONFIG_CONTENT']).toBe('{"instructions":[".kubeopencode/context.md"]}');
  });

  test('may be a whole ConfigMap of the namespace of the Agent', () => {
    const pod = podOf([], { contexts: [fromConfigMap({ name: 'guides' }, 'guides', true)] });
    expect(volumesOf(pod)).toContainEqual({ name: 'dir-mount-0', configMap: { name: 'guides', optional: true } });
    expect(JSON.parse(environmentOf(containerOf(pod, 'context-init'))['DIR_MAPPINGS'] ?? '')).toEqual([
      { sourcePath: '/configmap-dir-0', targetPath: '/workspace/guides' },
    ]);
    expect(mountsOf(pod, 'context-init')).toContainEqual({
      name: 'dir-mount-0',
      mountPath: '/configmap-dir-0',
      readOnly: true,
    });
  });

  test('may be elsewhere, in volumes that those have which write there, and the agent', () => {
    const pod = podOf([text('a', '/etc/GitHub_app/a'), text('b', '/etc/GitHub_app/sub/b'), download('/opt/x/y.md')]);
    const outside = [
      { name: 'ctx-etc-github-app', mountPath: '/etc/GitHub_app' },
      { name: 'ctx-opt-x', mountPath: '/opt/x' },
    ];
    for (const container of ['agent', 'context-init']) {
      expect(mountsOf(pod, container)).toEqual(expect.arrayContaining(outside));
    }
    expect(mountsOf(pod, 'url-fetch-0')).toEqual([{ name: 'ctx-opt-x', mountPath: '/opt/x' }]);
    for (const { name } of outside) expect(volumesOf(pod)).toContainEqual({ name, emptyDir: {} });
  });

  test('has one volume for a folder and those inside it, whatever is beside it', () => {
    const pod = podOf(
      ['/opt/a/f', '/opt/a-b/f', '/opt/a/b/f', '/opt/a/b/c/d/f', '/opt/ab/c/f'].map((path) => text('a', path)),
    );
    const outside = mountsOf(pod).flatMap(({ mountPath }) => (String(mountPath).startsWith('/opt') ? [mountPath] : []));
    expect(outside).toEqual(['/opt/a', '/opt/a-b', '/opt/ab/c']);
  });

  test('has a volume for each folder, also where their names would be the same or too long', () => {
    const long = 'x'.repeat(200);
    const pod = podOf(['/opt/a-b/f', '/opt/a/b/f', `/opt/${long}/f`, '/opt/é/f'].map((path) => text('a', path)));
    const names = volumesOf(pod).flatMap(({ name }) => (String(name).startsWith('ctx-') ? [name] : []));
    expect(names).toHaveLength(4);
  });
});

describe('clones and downloads', () => {
  test('a repository is cloned into a volume, and a folder of it mounted', () => {
    const item = clone('repo');
    if (item.type !== 'Git') throw new Error('it is a clone');
    const git = { ...item.git, path: 'docs/./guides/', ref: 'v1', depth: 0, recurseSubmodules: true, secretRef: 's' };
    const pod = podOf([{ ...item, git, optional: true }], { namespace: 'team' });
    const init = containerOf(pod, 'git-init-0');
    expect(init).toMatchObject({ image: 'system:1', command: ['/kubeopencode', 'git-init'] });
    expect(environmentOf(init)).toEqual({
      GIT_REPO: 'https://github.com/org/repo',
      GIT_REF: 'v1',
      GIT_DEPTH: '0',
      GIT_ROOT: '/git',
      GIT_LINK: 'repo',
      GIT_RECURSE_SUBMODULES: 'true',
      GIT_REPO_SUBPATH: 'docs/guides',
      GIT_OPTIONAL: 'true',
    });
    expect(init['env']).toContainEqual({
      name: 'GIT_SSH_KEY',
      valueFrom: { secretKeyRef: { name: 's', key: 'ssh-privatekey', optional: true } },
    });
    expect(mountsOf(pod, 'git-init-0')).toEqual([{ name: 'git-context-0', mountPath: '/git' }]);
    expect(mountsOf(pod)).toEqual(
      expect.arrayContaining([
        { name: 'git-context-0', mountPath: '/workspace/repo', subPath: 'repo/docs/guides' },
        { name: 'git-context-0', mountPath: '/git/.gitconfig', subPath: '.gitconfig' },
      ]),
    );
    expect(environmentOf(containerOf(pod, 'agent'))['GIT_CONFIG_GLOBAL']).toBe('/git/.gitconfig');
  });

  test('the clone of the workspace is copied there before the files are', () => {
    const pod = podOf([clone('repo'), clone('.'), text('a', 'a.md'), download('b.md')]);
    expect(initNames(pod)).toEqual(['opencode-init', 'git-init-1', 'context-init', 'git-init-0', 'url-fetch-0']);
    expect(environmentOf(containerOf(pod, 'git-init-1'))['GIT_WORKSPACE_DIR']).toBe('/workspace');
    expect(environmentOf(containerOf(pod, 'git-init-0'))['GIT_WORKSPACE_DIR']).toBeUndefined();
    expect(mountsOf(pod, 'git-init-1')).toContainEqual({ name: 'workspace', mountPath: '/workspace' });
    expect(mountsOf(pod).filter(({ mountPath }) => mountPath === '/workspace')).toHaveLength(1);
  });

  test('a URL is fetched with what it asks for, and never with a variable of somebody else', () => {
    const item = download('a.md', 'https://example.com/a?x=$(HOME)$$');
    if (item.type !== 'URL') throw new Error('it is a download');
    const headers = [{ name: 'Accept', value: '$(URL_AUTH_TOKEN)' }];
    const url = { ...item.url, headers, timeoutSeconds: 5, insecureSkipTlsVerify: true, secretRef: 's' };
    const pod = podOf([{ ...item, url, fileMode: 0o600, optional: true }], { namespace: 'team' });
    const init = containerOf(pod, 'url-fetch-0');
    expect(init['command']).toEqual(['/kubeopencode', 'url-fetch']);
    expect(environmentOf(init)).toEqual({
      URL_SOURCE: 'https://example.com/a?x=$(HOME)$$',
      URL_TARGET: '/workspace/a.md',
      URL_HEADERS: '{"Accept":"$(URL_AUTH_TOKEN)"}',
      URL_TIMEOUT: '5',
      URL_INSECURE: 'true',
      URL_FILE_MODE: '384',
      URL_ALLOW: '127.0.0.0/8,git.local',
      URL_OPTIONAL: 'true',
    });
    expect(init['env']).toContainEqual({
      name: 'URL_AUTH_TOKEN',
      valueFrom: { secretKeyRef: { name: 's', key: 'token', optional: true } },
    });
  });
});

test('what fetches with a Secret of the Agent has no files of a Task beside its own program', () => {
  const item = download('/opt/guides/a.md');
  if (item.type !== 'URL') throw new Error('it is a download');
  const ofAgent = { ...item, url: { ...item.url, secretRef: 'token' } };
  const pod = podOf([text('openssl_conf = x', '/etc/ssl/openssl.cnf'), text('x', 'x')], { contexts: [ofAgent] });
  expect(mountsOf(pod, 'url-fetch-0')).toEqual([{ name: 'ctx-opt-guides', mountPath: '/opt/guides' }]);
});

test('credentials are in the container of the agent alone', () => {
  const credentials = [
    { name: 'all', secret: 'all' },
    { name: 'one', secret: 'one', key: 'k', env: 'TOKEN' },
    { name: 'file', secret: 'file', key: 'k', mountPath: '/home/k' },
  ];
  const pod = podOf([text('a', 'a'), clone('r'), download('b')], { credentials });
  expect(containerOf(pod, 'agent')['envFrom']).toEqual([{ secretRef: { name: 'all' } }]);
  expect(mountsOf(pod)).toContainEqual({ name: 'credential-2', mountPath: '/home/k', subPath: 'secret-file' });
  expect(JSON.stringify(specOf(pod)['initContainers'])).not.toMatch(/secretRef|secretKeyRef|credential-/);
});

test('the same work is the same Pod, byte for byte', () => {
  const items = [text('a', '/etc/x/a'), text('b', '/opt/y/b'), clone('r'), download('d')];
  const once = JSON.stringify(made(workWith(items, { contexts: [text('c')] }, 'x')));
  expect(JSON.stringify(made(structuredClone(workWith(items, { contexts: [text('c')] }, 'x'))))).toBe(once);
});
