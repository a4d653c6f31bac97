import { describe, expect, test } from 'vitest';
import { defaultImages, type ContextItem, type TaskProblem } from '../../src/agents/model.ts';
import { parseKubeTask } from '../../src/agents/parse-kube-task.ts';
import { parseKubeTaskAgent } from '../../src/agents/parse-kube-task-agent.ts';
import { sampleOf, samplesOf } from './documents.ts';

const task = (spec: object): unknown => ({
  apiVersion: 'kubetask.io/v1alpha1',
  kind: 'Task',
  metadata: { namespace: 'team', name: 't' },
  spec: { contexts: [], ...spec },
});
const agent = (spec: object, annotations: object = {}): unknown => ({
  apiVersion: 'kubetask.io/v1alpha1',
  kind: 'Agent',
  metadata: { namespace: 'team', name: 'a', annotations },
  spec: { serviceAccountName: 'runner', ...spec },
});
const file = (members: object): unknown => task({ contexts: [{ type: 'File', file: members }] });

function contextsOf(object: unknown): readonly ContextItem[] {
  const read = parseKubeTask(object);
  if (!read.ok) throw new Error(read.failure.message);
  return read.value.contexts;
}

function problemOf(object: unknown): TaskProblem {
  const read = parseKubeTask(object);
  if (read.ok) throw new Error('it was taken');
  return read.failure;
}

function problemOfAgent(object: unknown): TaskProblem {
  const read = parseKubeTaskAgent(object);
  if (read.ok) throw new Error('it was taken');
  return read.failure;
}

describe('what the design document shows', () => {
  test.each(samplesOf('kubetask'))('$title is taken', ({ kind, object }) => {
    expect(kind === 'Task' ? parseKubeTask(object) : parseKubeTaskAgent(object)).toMatchObject({ ok: true });
  });

  test('a Task with each kind of file', () => {
    const read = parseKubeTask(sampleOf('kubetask', 'several-sources.yaml Task'));
    expect(read).toEqual({
      ok: true,
      value: {
        namespace: 'kubetask-system',
        name: 'complex-task',
        uid: '',
        generation: 0,
        createdAt: '',
        deleted: false,
        agentRef: 'claude-workspace',
        contexts: [
          {
            type: 'Text',
            optional: false,
            mountPath: '/workspace/task.md',
            text: 'Refactor the authentication module',
          },
          {
            type: 'ConfigMap',
            optional: false,
            mountPath: '/workspace/guide.md',
            configMap: { name: 'guides', key: 'refactoring-guide.md' },
          },
          {
            type: 'ConfigMap',
            optional: false,
            mountPath: '/workspace/configs',
            configMap: { name: 'project-configs' },
          },
        ],
      },
    });
  });

  test('an Agent with all that there is', () => {
    expect(parseKubeTaskAgent(sampleOf('kubetask', 'agent.yaml Agent'))).toEqual({
      ok: true,
      value: {
        namespace: 'kubetask-system',
        name: 'default',
        uid: '',
        apiVersion: 'kubetask.io/v1alpha1',
        agentImage: 'quay.io/myorg/claude-agent:v1.0',
        toolsImage: 'quay.io/myorg/tools:v1.0',
        contexts: [
          {
            type: 'ConfigMap',
            optional: false,
            mountPath: '/workspace/org-guidelines.md',
            configMap: { name: 'org-configs', key: 'guidelines.md' },
          },
        ],
        credentials: [
          { name: 'github-token', secret: 'github-creds', key: 'token', env: 'GITHUB_TOKEN' },
          { name: 'ssh-key', secret: 'ssh-keys', key: 'id_rsa', mountPath: '/home/agent/.ssh/id_rsa', fileMode: 0o400 },
        ],
        pod: {
          labels: { 'network-policy': 'agent-restricted' },
          nodeSelector: { 'kubernetes.io/os': 'linux' },
          tolerations: [{ key: 'dedicated', operator: 'Equal', value: 'ai-workload', effect: 'NoSchedule' }],
        },
        serviceAccountName: 'kubetask-agent',
      },
    });
  });
});

describe('a file', () => {
  test.each([
    { filePath: '/f', source: { configMapKeyRef: { name: 'c', key: 'k', optional: true } } },
    { dirPath: '/d', source: { configMapRef: { name: 'c', optional: true } } },
  ])('%j is optional', (members) => {
    expect(contextsOf(file(members))[0]?.optional).toBe(true);
  });

  test('may be empty', () => {
    expect(contextsOf(file({ filePath: '/f', source: { inline: '' } }))).toMatchObject([{ type: 'Text', text: '' }]);
  });

  const inline = { inline: 'x' };
  const bad: readonly (readonly [string, object, string])[] = [
    [
      'no source',
      { filePath: '/f' },
      '.source: says nothing of the content; write one of inline, configMapKeyRef, configMapRef',
    ],
    ['an empty source', { filePath: '/f', source: {} }, '.source: says nothing of the content'],
    ['an unknown source', { filePath: '/f', source: { secretKeyRef: {} } }, '.source: says nothing of the content'],
    [
      'two sources',
      { filePath: '/f', source: { inline: 'x', configMapRef: { name: 'c' } } },
      '.source: has inline and configMapRef; write one of inline, configMapKeyRef, configMapRef',
    ],
    ['no path', { source: inline }, '.filePath: is missing; say where inline goes'],
    ['no folder', { source: { configMapRef: { name: 'c' } } }, '.dirPath: is missing; say where configMapRef goes'],
    [
      'a text as a folder',
      { dirPath: '/d', source: inline },
      '.dirPath: does not go with source.inline; write filePath instead',
    ],
    [
      'a key as a folder',
      { dirPath: '/d', source: { configMapKeyRef: { name: 'c', key: 'k' } } },
      '.dirPath: does not go with source.configMapKeyRef; write filePath instead',
    ],
    [
      'a ConfigMap as a file',
      { filePath: '/f', source: { configMapRef: { name: 'c' } } },
      '.filePath: does not go with source.configMapRef; write dirPath instead',
    ],
    ['both places', { filePath: '/f', dirPath: '/d', source: inline }, '.dirPath: does not go with source.inline'],
    [
      'no key',
      { filePath: '/f', source: { configMapKeyRef: { name: 'c' } } },
      '.source.configMapKeyRef.key: is missing; name a key',
    ],
    [
      'no ConfigMap',
      { filePath: '/f', source: { configMapKeyRef: { key: 'k' } } },
      '.source.configMapKeyRef.name: is missing',
    ],
    [
      'no name',
      { dirPath: '/d', source: { configMapRef: {} } },
      '.source.configMapRef.name: is missing; name a ConfigMap',
    ],
    ['a number as text', { filePath: '/f', source: { inline: 5 } }, '.source.inline: is 5; write text'],
    ['a line end in its path', { filePath: '/f\n', source: inline }, '.filePath: is "/f\\u{a}"; write a path'],
  ];
  test.each(bad)('is refused with %s', (_, members, message) => {
    const problem = problemOf(file(members));
    expect(problem.reason).toBe('ContextError');
    expect(problem.message).toContain(`spec.contexts[0].file${message}`);
  });

  test.each([
    ['Text', 'is "Text"'],
    [undefined, 'is missing'],
    [5, 'is 5'],
  ])('is not of type %j', (type, found) => {
    expect(problemOf(task({ contexts: [{ type, file: { filePath: '/f', source: inline } }] }))).toEqual({
      reason: 'ContextError',
      message: `spec.contexts[0].type: ${found}; unknown context type, write File`,
    });
  });
});

describe('a Task', () => {
  test('says what it is about', () => {
    expect(problemOf({ metadata: { name: 't' }, spec: {} })).toEqual({
      reason: 'ContextError',
      message: 'spec.contexts: is missing; say what the task is',
    });
  });

  test.each([{ name: 'a' }, 5, 'A', 'other/a'])('refers to its Agent by name, and not by %j', (agentRef) => {
    expect(problemOf(task({ agentRef }))).toMatchObject({ reason: 'InvalidTask' });
    expect(problemOf(task({ agentRef })).message).toContain('spec.agentRef: is ');
  });

  test('may have a time limit', () => {
    expect(parseKubeTask(task({ timeout: '1500ms' }))).toMatchObject({ value: { timeoutSeconds: 2 } });
  });
});

describe('an Agent', () => {
  test('has an image of its own, or that of the document', () => {
    expect(parseKubeTaskAgent(agent({}))).toMatchObject({ value: { agentImage: defaultImages.kubeTask } });
    expect(defaultImages.kubeTask).toBe('quay.io/zhaoxue/kubetask-agent-gemini:latest');
  });

  test('may say how its Pods are secured, and under which ActionPolicy they are', () => {
    const annotations = { 'countersign.dev/action-policy': 'agents' };
    const spec = { securityContext: { runAsUser: 1 }, podSecurityContext: { fsGroup: 1 }, resources: { limits: {} } };
    expect(parseKubeTaskAgent(agent(spec, annotations))).toMatchObject({
      value: { pod: { ...spec, labels: {} }, actionPolicy: 'agents' },
    });
  });

  const bad: readonly (readonly [object, string])[] = [
    [{ serviceAccountName: '' }, 'spec.serviceAccountName: is missing; name a ServiceAccount of namespace team'],
    [{ agentImage: 'a b' }, 'spec.agentImage: is "a b"'],
    [{ podLabels: { 'kubetask.io/task': 'other' } }, 'spec.podLabels: has kubetask.io/task, by which Pods are found'],
    [{ podLabels: 'a' }, 'spec.podLabels: is "a"; write a mapping of labels'],
    [{ defaultContexts: [{ type: 'File', file: {} }] }, 'spec.defaultContexts[0].file.source: says nothing'],
    [
      { credentials: [{ name: 'c', secretRef: { name: 's' }, env: 'A' }] },
      'spec.credentials[0].env: names one variable',
    ],
  ];
  test.each(bad)('with %j is refused', (spec, message) => {
    expect(problemOfAgent(agent(spec))).toEqual({
      reason: 'AgentError',
      message: expect.stringContaining(`Agent "team/a": ${message}`),
    });
  });
});
