import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultImages, type Agent } from '../../src/agents/model.ts';
import { parseAgent } from '../../src/agents/parse-agent.ts';
import { sampleOf, samplesOf } from './documents.ts';

const agent = (spec: object = {}, annotations: object = {}): unknown => ({
  apiVersion: 'kubeopencode.io/v1alpha1',
  kind: 'Agent',
  metadata: { namespace: 'platform', name: 'a', annotations },
  spec: { serviceAccountName: 'runner', ...spec },
});

function taken(object: unknown): Agent {
  const read = parseAgent(object);
  if (!read.ok) throw new Error(read.failure.message);
  return read.value;
}

function messageOf(object: unknown): string {
  const read = parseAgent(object);
  if (read.ok) throw new Error('it was taken');
  expect(read.failure.reason).toBe('AgentError');
  return read.failure.message;
}

describe('what the design document shows', () => {
  test.each(samplesOf('kubeopencode').filter(({ kind }) => kind === 'Agent'))('$title is taken', ({ object }) => {
    expect(parseAgent(object)).toMatchObject({ ok: true });
  });

  test('an Agent with all that there is', () => {
    expect(taken(sampleOf('kubeopencode', 'agent.yaml Agent'))).toEqual({
      namespace: 'kubeopencode-system',
      name: 'default',
      uid: '',
      generation: 0,
      deleted: false,
      apiVersion: 'kubeopencode.io/v1alpha1',
      agentImage: 'quay.io/kubeopencode/kubeopencode-agent-opencode:latest',
      executorImage: 'quay.io/kubeopencode/kubeopencode-agent-devbox:latest',
      attachImage: defaultImages.attach,
      workspaceDir: '/workspace',
      command: ['sh', '-c', '/tools/opencode run --format json "$(cat /workspace/task.md)"'],
      contexts: [
        {
          type: 'Text',
          optional: false,
          text: '# Coding Standards\n- Use descriptive variable names\n- Write unit tests for all functions\n',
        },
        { type: 'ConfigMap', optional: false, configMap: { name: 'org-security-policy' } },
      ],
      credentials: [
        { name: 'api-keys', secret: 'api-credentials' },
        { name: 'github-token', secret: 'github-creds', key: 'token', env: 'GITHUB_TOKEN' },
        { name: 'ssh-key', secret: 'ssh-keys', key: 'id_rsa', mountPath: '/home/agent/.ssh/id_rsa', fileMode: 0o400 },
      ],
      pod: {
        labels: { 'network-policy': 'agent-restricted' },
        nodeSelector: { 'kubernetes.io/os': 'linux' },
        tolerations: [{ key: 'dedicated', operator: 'Equal', value: 'ai-workload', effect: 'NoSchedule' }],
        runtimeClassName: 'gvisor',
      },
      serviceAccountName: 'kubeopencode-agent',
      allowedNamespaces: [],
      maxConcurrentTasks: 3,
    });
  });

  test('a quota', () => {
    expect(taken(sampleOf('kubeopencode', 'rate-limited-agent.yaml Agent')).quota).toEqual({
      maxTaskStarts: 10,
      windowSeconds: 3600,
    });
  });

  test('a server', () => {
    expect(taken(sampleOf('kubeopencode', 'server-agent.yaml Agent'))).toMatchObject({
      server: { port: 4096 },
      pod: { resources: { requests: { memory: '512Mi', cpu: '500m' } } },
      maxConcurrentTasks: 10,
    });
  });

  test('namespaces that may use it', () => {
    expect(taken(sampleOf('kubeopencode', 'cross-namespace.yaml Agent')).allowedNamespaces).toEqual([
      'dev-*',
      'staging',
    ]);
  });
});

describe('images', () => {
  const { agent: opencode, executor, attach } = defaultImages;
  const cases: readonly (readonly [object, readonly [string, string, string]])[] = [
    [{}, [opencode, executor, attach]],
    // The rule of the design document for Agents of the time when there was but one container.
    [{ agentImage: 'a' }, [opencode, 'a', attach]],
    [{ executorImage: 'e' }, [opencode, 'e', attach]],
    [{ agentImage: 'a', executorImage: 'e' }, ['a', 'e', attach]],
    [{ agentImage: 'a', executorImage: '' }, [opencode, 'a', attach]],
    [{ attachImage: 't' }, [opencode, executor, 't']],
  ];
  test.each(cases)('of %j are those', (spec, [agentImage, executorImage, attachImage]) => {
    expect(taken(agent(spec))).toMatchObject({ agentImage, executorImage, attachImage });
  });

  test.each(['a b', 'a\nb', 'a\u202eb', 5])('%j is refused', (executorImage) => {
    expect(messageOf(agent({ executorImage }))).toContain('spec.executorImage: is ');
  });
});

describe('workspaceDir', () => {
  test.each([
    [undefined, '/workspace'],
    ['', '/workspace'],
    ['/work', '/work'],
    ['/work/', '/work'],
    ['//work/./deep//', '/work/deep'],
  ])('%j is %j', (workspaceDir, wanted) => {
    expect(taken(agent({ workspaceDir })).workspaceDir).toBe(wanted);
  });

  test.each([
    'work',
    './work',
    '/',
    '//',
    '/.',
    '/work/../..',
    '/..',
    '~',
    '/a\nb',
    '/tools',
    '/proc/self',
    '/var/run/secrets/kubernetes.io',
    '/etc',
    '/usr/bin/',
    5,
  ])('%j is refused', (workspaceDir) => {
    expect(messageOf(agent({ workspaceDir }))).toMatch(/spec\.workspaceDir: is .*; (?:write|name|choose) /);
  });
});

describe('numbers', () => {
  test('no limit is none, and so is 0', () => {
    expect(taken(agent())).not.toHaveProperty('maxConcurrentTasks');
    expect(taken(agent({ maxConcurrentTasks: 0 }))).not.toHaveProperty('maxConcurrentTasks');
  });

  test('a server has port 4096 unless told', () => {
    expect(taken(agent({ serverConfig: {} })).server).toEqual({ port: 4096 });
    expect(taken(agent({ serverConfig: { port: 80 } })).server).toEqual({ port: 80 });
    expect(taken(agent({ serverConfig: null }))).not.toHaveProperty('server');
  });

  const quota = { maxTaskStarts: 5, windowSeconds: 60 };
  const bad: readonly (readonly [object, string])[] = [
    [{ maxConcurrentTasks: -1 }, 'spec.maxConcurrentTasks: is -1; write a whole number from 0'],
    [{ maxConcurrentTasks: '3' }, 'spec.maxConcurrentTasks: is "3"'],
    [{ maxConcurrentTasks: 1.5 }, 'spec.maxConcurrentTasks: is 1.5'],
    [{ maxConcurrentTasks: 2 ** 31 }, 'spec.maxConcurrentTasks: is 2147483648'],
    [{ serverConfig: { port: 0 } }, 'spec.serverConfig.port: is 0; write a whole number from 1 to 65535'],
    [{ serverConfig: { port: 65_536 } }, 'spec.serverConfig.port: is 65536'],
    [{ serverConfig: 4096 }, 'spec.serverConfig: is no object; write a mapping'],
    [{ quota: {} }, 'spec.quota.maxTaskStarts: is missing; a quota has maxTaskStarts and windowSeconds'],
    [{ quota: { maxTaskStarts: 5 } }, 'spec.quota.windowSeconds: is missing'],
    [{ quota: { ...quota, maxTaskStarts: 0 } }, 'spec.quota.maxTaskStarts: is 0; write a whole number from 1'],
    [
      { quota: { ...quota, windowSeconds: 59 } },
      'spec.quota.windowSeconds: is 59; write a whole number from 60 to 86400',
    ],
    [{ quota: { ...quota, windowSeconds: 86_401 } }, 'spec.quota.windowSeconds: is 86401'],
  ];
  test.each(bad)('%j is refused', (spec, message) => {
    expect(messageOf(agent(spec))).toContain(`Agent "platform/a": ${message}`);
  });
});

describe('config', () => {
  test('is kept as text as it was written', () => {
    const config = '{ "model": "a", "b": [1] }\n';
    expect(taken(agent({ config })).config).toBe(config);
  });

  test('may be an object', () => {
    expect(taken(agent({ config: { model: 'a', b: [1] } })).config).toBe('{"model":"a","b":[1]}');
  });

  test('is left out', () => {
    expect(taken(agent({ config: '' }))).not.toHaveProperty('config');
  });

  test.each(['{', '{a: 1}', 'model: a', "{'a': 1}", '{"a": 1} x', 5, true])('%j is refused', (config) => {
    expect(messageOf(agent({ config }))).toBe(
      'Agent "platform/a": spec.config: invalid JSON in Agent config; write the JSON of opencode.json, as text or as a mapping',
    );
  });
});

describe('the service account', () => {
  test.each([undefined, null, ''])('%j is missing', (serviceAccountName) => {
    expect(messageOf(agent({ serviceAccountName }))).toBe(
      'Agent "platform/a": spec.serviceAccountName: is missing; name a ServiceAccount of namespace platform',
    );
  });

  test.each(['Runner', 'a/b', 'a b', 5, {}])('%j is no name of one', (serviceAccountName) => {
    expect(messageOf(agent({ serviceAccountName }))).toContain('spec.serviceAccountName: is ');
  });

  test('is missing where there is no spec', () => {
    expect(messageOf({ metadata: { namespace: 'n', name: 'a' } })).toContain('serviceAccountName: is missing');
  });
});

describe('credentials', () => {
  const credential = (members: object): unknown =>
    agent({ credentials: [{ name: 'c', secretRef: { name: 's' }, ...members }] });
  const key = { secretRef: { name: 's', key: 'k' } };

  const good: readonly (readonly [string, object, object])[] = [
    ['all keys as variables', {}, { name: 'c', secret: 's' }],
    ['all keys as a folder', { mountPath: '/creds' }, { name: 'c', secret: 's', mountPath: '/creds' }],
    ['one key as a variable', { ...key, env: 'TOKEN' }, { name: 'c', secret: 's', key: 'k', env: 'TOKEN' }],
    [
      'one key as a file',
      { ...key, mountPath: '/t', fileMode: 256 },
      { name: 'c', secret: 's', key: 'k', mountPath: '/t', fileMode: 0o400 },
    ],
    [
      'one key as both',
      { ...key, env: 'T', mountPath: '/t' },
      { name: 'c', secret: 's', key: 'k', env: 'T', mountPath: '/t' },
    ],
  ];
  test.each(good)('%s', (_, members, wanted) => {
    expect(taken(credential(members)).credentials).toEqual([wanted]);
  });

  const bad: readonly (readonly [string, object, string])[] = [
    ['no name', { name: '' }, '.name: is missing; give the credential one'],
    ['no Secret', { secretRef: undefined }, '.secretRef.name: is missing; name a Secret'],
    ['a Secret elsewhere', { secretRef: { name: 'other/s' } }, '.secretRef.name: is "other/s"'],
    [
      'a variable of all keys',
      { env: 'T' },
      '.env: names one variable, and the Secret has many keys; name one in secretRef.key',
    ],
    ['a key that goes nowhere', key, '.secretRef.key: goes nowhere; write env for a variable or mountPath for a file'],
    ['a variable with a space', { ...key, env: 'A B' }, '.env: is "A B"; write the name of a variable'],
    ['a variable with =', { ...key, env: 'A=B' }, '.env: is "A=B"'],
    ['a variable that begins with a digit', { ...key, env: '1A' }, '.env: is "1A"'],
    ['a key with ..', { secretRef: { name: 's', key: '../k' }, env: 'A' }, '.secretRef.key: is "../k"; write a key'],
    ['a mode beyond 0777', { mountPath: '/t', fileMode: 0o4755 }, '.fileMode: is 2541; write a mode'],
  ];
  test.each(bad)('%s is refused', (_, members, message) => {
    expect(messageOf(credential(members))).toContain(`spec.credentials[0]${message}`);
  });
});

describe('labels of Pods', () => {
  test.each(['app', 'app.kubernetes.io/part-of', 'example.com/kubeopencode.io', 'kubeopencode.io', 'team'])(
    'may be %s',
    (key) => {
      expect(taken(agent({ podSpec: { labels: { [key]: 'x' } } })).pod.labels).toEqual({ [key]: 'x' });
    },
  );

  test.each([
    'kubeopencode.io/task',
    'kubeopencode.io/agent',
    'kubeopencode.io/whatever',
    'kubetask.io/task',
    'countersign.dev/engine',
    'batch.kubernetes.io/job-name',
    'batch.kubernetes.io/controller-uid',
    'controller-uid',
    'job-name',
    'app.kubernetes.io/name',
    'app.kubernetes.io/instance',
    'app.kubernetes.io/component',
    'app.kubernetes.io/managed-by',
  ])('may not be %s, by which Pods are found', (key) => {
    expect(messageOf(agent({ podSpec: { labels: { [key]: 'x', ok: 'y' } } }))).toBe(
      `Agent "platform/a": spec.podSpec.labels: has ${key}, by which Pods are found; leave it out, or take a label of your own`,
    );
  });

  test.each([
    [{ a: 5 }, 'spec.podSpec.labels: has "a" with 5; write its value in quotes'],
    ['a=b', 'is "a=b"; write a mapping'],
    [['a'], 'is a list; write a mapping'],
  ])('are not %j', (labels, message) => {
    expect(messageOf(agent({ podSpec: { labels } }))).toContain(message);
  });
});

describe('what goes into Pods as it is', () => {
  test('is all there', () => {
    const podSpec = {
      scheduling: { nodeSelector: { a: 'b' }, tolerations: [{ key: 'x' }], affinity: { nodeAffinity: {} } },
      runtimeClassName: 'kata',
      resources: { limits: { cpu: 2 } },
      securityContext: { runAsUser: 1 },
      podSecurityContext: { fsGroup: 2 },
    };
    expect(taken(agent({ podSpec, imagePullSecrets: [{ name: 'pull' }] })).pod).toEqual({
      labels: {},
      nodeSelector: { a: 'b' },
      tolerations: [{ key: 'x' }],
      affinity: { nodeAffinity: {} },
      runtimeClassName: 'kata',
      resources: { limits: { cpu: 2 } },
      securityContext: { runAsUser: 1 },
      podSecurityContext: { fsGroup: 2 },
      imagePullSecrets: [{ name: 'pull' }],
    });
  });

  test.each([
    { securityContext: 'none' },
    { podSecurityContext: [] },
    { scheduling: 'any' },
    { runtimeClassName: 'a/b' },
  ])('%j is refused', (podSpec) => {
    expect(messageOf(agent({ podSpec }))).toContain(`spec.podSpec.${Object.keys(podSpec)[0]}: is `);
  });
});

describe('the annotation of an ActionPolicy', () => {
  test('is read', () => {
    expect(taken(agent({}, { 'countersign.dev/action-policy': 'agents' })).actionPolicy).toBe('agents');
    expect(taken(agent())).not.toHaveProperty('actionPolicy');
  });

  test.each(['', 'A', 'a/b', '*', ' a', 'a'.repeat(254)])('is refused as %j, rather than taken for none', (name) => {
    expect(messageOf(agent({}, { 'countersign.dev/action-policy': name }))).toMatch(
      /metadata\.annotations\[countersign\.dev\/action-policy\]: is ".*"; write the name of an ActionPolicy, or leave it out$/,
    );
  });
});

test('whatever is written, it is taken or refused in a sentence', () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.constantFrom('config', 'credentials', 'podSpec', 'contexts', 'command', 'quota', 'serverConfig'),
        fc.anything(),
      ),
      (spec) => {
        const read = parseAgent(agent(spec));
        expect(read.ok ? 'Agent "platform/a": spec is taken' : read.failure.message).toMatch(
          /^Agent "platform\/a": spec.+$/,
        );
      },
    ),
  );
});
