import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseTask } from '../../src/agents/parse-task.ts';
import type { Task, TaskProblem } from '../../src/agents/model.ts';
import { sampleOf, samplesOf } from './documents.ts';

const task = (spec: unknown, metadata: object = {}): unknown => ({
  apiVersion: 'kubeopencode.io/v1alpha1',
  kind: 'Task',
  metadata: { namespace: 'team', name: 't', ...metadata },
  spec,
});
const withContext = (...contexts: readonly unknown[]): unknown => task({ contexts });

function taken(object: unknown): Task {
  const read = parseTask(object);
  if (!read.ok) throw new Error(read.failure.message);
  return read.value;
}

function problemOf(object: unknown): TaskProblem {
  const read = parseTask(object);
  if (read.ok) throw new Error('it was taken');
  return read.failure;
}

describe('what the design document shows', () => {
  test.each(samplesOf('kubeopencode').filter(({ kind }) => kind === 'Task'))('$title is taken', ({ object }) => {
    expect(parseTask(object)).toMatchObject({ ok: true });
  });

  test('agentRef as a name', () => {
    const read = taken(sampleOf('kubeopencode', 'task.yaml Task'));
    expect(read).toMatchObject({
      namespace: 'kubeopencode-system',
      name: 'update-service-a',
      description: 'Update dependencies to latest versions.\nRun tests and create PR.\n',
      agentRef: { name: 'my-agent' },
      contexts: [
        { type: 'Text', mountPath: '/workspace/guides/standards.md', optional: false },
        { type: 'ConfigMap', configMap: { name: 'security-policy' } },
      ],
    });
    expect(read.contexts[1]).not.toHaveProperty('mountPath');
  });

  test('agentRef as an object', () => {
    expect(taken(sampleOf('kubeopencode', 'cross-namespace.yaml Task')).agentRef).toEqual({
      name: 'opencode-agent',
      namespace: 'platform-agents',
    });
  });

  test('contexts of several types, with their defaults', () => {
    expect(taken(sampleOf('kubeopencode', 'several-contexts.yaml Task')).contexts).toEqual([
      {
        type: 'ConfigMap',
        optional: false,
        mountPath: '/workspace/guide.md',
        configMap: { name: 'guides', key: 'refactoring-guide.md' },
      },
      { type: 'ConfigMap', optional: false, mountPath: '/workspace/configs', configMap: { name: 'project-configs' } },
      {
        type: 'Git',
        optional: false,
        mountPath: '/workspace/repo',
        git: { repository: 'https://github.com/org/repo', ref: 'main', depth: 1, recurseSubmodules: false },
      },
    ]);
  });
});

describe('a Task', () => {
  test('says nothing at all', () => {
    expect(taken({ metadata: { namespace: 'team', name: 't' } })).toEqual({
      namespace: 'team',
      name: 't',
      uid: '',
      generation: 0,
      createdAt: '',
      labels: {},
      finalizers: [],
      deleted: false,
      stopped: false,
      contexts: [],
    });
  });

  test('says all there is to say of itself', () => {
    const metadata = {
      uid: 'u',
      generation: 3,
      creationTimestamp: '2026-01-01T00:00:00Z',
      deletionTimestamp: '2026-01-02T00:00:00Z',
      labels: { team: 'a', odd: 5 },
      annotations: { 'kubeopencode.io/stop': 'true' },
      finalizers: ['kubeopencode.io/task-cleanup'],
    };
    const spec = { taskTemplateRef: { name: 'pr', namespace: 'templates' }, timeout: '1h30m', description: '' };
    expect(taken(task(spec, metadata))).toEqual({
      namespace: 'team',
      name: 't',
      uid: 'u',
      generation: 3,
      createdAt: '2026-01-01T00:00:00Z',
      labels: { team: 'a' },
      finalizers: ['kubeopencode.io/task-cleanup'],
      deleted: true,
      stopped: true,
      contexts: [],
      templateRef: { name: 'pr', namespace: 'templates' },
      timeoutSeconds: 5400,
    });
  });

  test.each(['True', 'yes', '', true, 1])('is not stopped by annotation %j', (value) => {
    expect(taken(task({}, { annotations: { 'kubeopencode.io/stop': value } })).stopped).toBe(false);
  });

  test.each([undefined, null, ''])('with agentRef %j has none', (agentRef) => {
    expect(taken(task({ agentRef }))).not.toHaveProperty('agentRef');
  });
});

describe('agentRef, with the field and the way out,', () => {
  const refs: readonly (readonly [unknown, string])[] = [
    [5, 'spec.agentRef: is 5; write a name, or a mapping of name and namespace'],
    [true, 'spec.agentRef: is true; write a name, or a mapping of name and namespace'],
    [['a'], 'spec.agentRef: is a list; write a name, or a mapping of name and namespace'],
    ['My_Agent', 'spec.agentRef: is "My_Agent"; write the name of an object: lower-case letters, digits, "-" and "."'],
    ['a/b', 'spec.agentRef: is "a/b"; write the name of an object: lower-case letters, digits, "-" and "."'],
    ['..', 'spec.agentRef: is ".."; write the name of an object: lower-case letters, digits, "-" and "."'],
    [{}, 'spec.agentRef.name: is missing; give one'],
    [{ namespace: 'a' }, 'spec.agentRef.name: is missing; give one'],
    [{ name: '' }, 'spec.agentRef.name: is missing; give one'],
    [{ name: 5 }, 'spec.agentRef.name: is 5; write the name of an object: lower-case letters, digits, "-" and "."'],
    [
      { name: 'a', namespace: 'a.b' },
      'spec.agentRef.namespace: is "a.b"; write at most 63 lower-case letters, digits and "-", with a letter or digit at both ends',
    ],
  ];
  test.each(refs)('is refused as %j', (agentRef, message) => {
    expect(problemOf(task({ agentRef }))).toEqual({ reason: 'InvalidTask', message });
  });
});

describe('a context', () => {
  test('of each type says all there is to say', () => {
    const any = { name: 'n', description: 'd', optional: true, mountPath: 'a/b', fileMode: 0o755 };
    const contexts = [
      { ...any, type: 'Text', text: 'hello\n' },
      { ...any, type: 'ConfigMap', configMap: { name: 'c', key: 'k.md' } },
      {
        ...any,
        type: 'Git',
        git: {
          repository: 'git@github.com:org/repo',
          path: 'guides/',
          ref: 'v1',
          depth: 0,
          recurseSubmodules: true,
          secretRef: { name: 's' },
        },
      },
      { ...any, type: 'Runtime', runtime: {} },
      {
        ...any,
        type: 'URL',
        url: {
          source: 'https://example.com/spec.json',
          headers: [{ name: 'Accept', value: 'application/json' }],
          secretRef: { name: 's' },
          timeout: 5,
          insecureSkipTLSVerify: true,
        },
      },
    ];
    const read = taken(withContext(...contexts)).contexts;
    expect(read.map(({ type }) => type)).toEqual(['Text', 'ConfigMap', 'Git', 'Runtime', 'URL']);
    for (const item of read) expect(item).toMatchObject(any);
    expect(read[0]).toMatchObject({ text: 'hello\n' });
    expect(read[1]).toMatchObject({ configMap: { name: 'c', key: 'k.md' } });
    expect(read[2]).toMatchObject({
      git: { path: 'guides/', ref: 'v1', depth: 0, recurseSubmodules: true, secretRef: 's' },
    });
    expect(read[4]).toMatchObject({
      url: {
        headers: [{ name: 'Accept', value: 'application/json' }],
        secretRef: 's',
        timeoutSeconds: 5,
        insecureSkipTlsVerify: true,
      },
    });
  });

  test('of type URL has defaults, and takes headers as a mapping', () => {
    const headers = { Accept: 'text/plain', 'X-Two': '2' };
    expect(taken(withContext({ type: 'URL', url: { source: 'https://e.com', headers } })).contexts).toEqual([
      {
        type: 'URL',
        optional: false,
        url: {
          source: 'https://e.com',
          headers: [
            { name: 'Accept', value: 'text/plain' },
            { name: 'X-Two', value: '2' },
          ],
          timeoutSeconds: 30,
          insecureSkipTlsVerify: false,
        },
      },
    ]);
  });

  const optionals: readonly (readonly [boolean | undefined, boolean | undefined, boolean])[] = [
    [undefined, undefined, false],
    [undefined, true, true],
    [true, undefined, true],
    [false, true, false],
    [true, false, true],
  ];
  test.each(optionals)('with optional %j, and %j of its ConfigMap, is optional: %j', (ofItem, ofConfigMap, wanted) => {
    const item = { type: 'ConfigMap', optional: ofItem, configMap: { name: 'c', optional: ofConfigMap } };
    expect(taken(withContext(item)).contexts[0]?.optional).toBe(wanted);
  });

  const bad: readonly (readonly [string, unknown, string])[] = [
    ['no type', {}, '.type: is missing; unknown context type, write Text, ConfigMap, Git, Runtime or URL'],
    [
      'an unknown type',
      { type: 'Secret' },
      '.type: is "Secret"; unknown context type, write Text, ConfigMap, Git, Runtime or URL',
    ],
    [
      'a type in other letters',
      { type: 'text' },
      '.type: is "text"; unknown context type, write Text, ConfigMap, Git, Runtime or URL',
    ],
    ['a type of KubeTask', { type: 'File' }, '.type: is "File"; unknown context type'],
    ['a number as type', { type: 5 }, '.type: is 5; unknown context type'],
    ['a text instead of a mapping', 'hello', ': is "hello"; write a mapping'],
    ['a number as text', { type: 'Text', text: 5 }, '.text: is 5; write text'],
    ['a ConfigMap without a name', { type: 'ConfigMap' }, '.configMap.name: is missing; name a ConfigMap'],
    [
      'a ConfigMap elsewhere',
      { type: 'ConfigMap', configMap: { name: '../other/c' } },
      '.configMap.name: is "../other/c"',
    ],
    [
      'a key with a slash',
      { type: 'ConfigMap', configMap: { name: 'c', key: 'a/b' } },
      '.configMap.key: is "a/b"; write a key',
    ],
    ['the key ..', { type: 'ConfigMap', configMap: { name: 'c', key: '..' } }, '.configMap.key: is ".."; write a key'],
    ['no repository', { type: 'Git' }, '.git.repository: is missing; write an address such as https://'],
    ['an empty repository', { type: 'Git', git: { repository: '' } }, '.git.repository: is missing; write an address'],
    ['a list as repository', { type: 'Git', git: { repository: [] } }, '.git.repository: is a list; write'],
    [
      'a line end in the repository',
      { type: 'Git', git: { repository: 'https://a\nb' } },
      '.git.repository: is "https://a\\u{a}b"; write at most',
    ],
    [
      'a negative depth',
      { type: 'Git', git: { repository: 'r', depth: -1 } },
      '.git.depth: is -1; write a whole number',
    ],
    ['half a depth', { type: 'Git', git: { repository: 'r', depth: 0.5 } }, '.git.depth: is 0.5; write a whole number'],
    ['a Secret as text', { type: 'Git', git: { repository: 'r', secretRef: 's' } }, '.git.secretRef: is no object'],
    [
      'a Secret without a name',
      { type: 'Git', git: { repository: 'r', secretRef: {} } },
      '.git.secretRef.name: is missing; name a Secret',
    ],
    ['no source', { type: 'URL', url: {} }, '.url.source: is missing; write an address that begins with https://'],
    ['a timeout of 0', { type: 'URL', url: { source: 's', timeout: 0 } }, '.url.timeout: is 0; write a whole number'],
    [
      'a timeout as text',
      { type: 'URL', url: { source: 's', timeout: '30s' } },
      '.url.timeout: is "30s"; write a whole',
    ],
    [
      'a header with two lines',
      { type: 'URL', url: { source: 's', headers: { A: 'b\r\nHost: c' } } },
      '.url.headers.A: is "b\\u{d}\\u{a}Host: c"; write at most 4096 characters on one line',
    ],
    [
      'a header name with a colon',
      { type: 'URL', url: { source: 's', headers: { 'A: b': 'c' } } },
      '.url.headers.A: b: is no name of a header; rename it',
    ],
    [
      'a header without a name',
      { type: 'URL', url: { source: 's', headers: [{ value: 'c' }] } },
      '.url.headers[0].name: is missing; name the header',
    ],
    [
      'headers as text',
      { type: 'URL', url: { source: 's', headers: 'A: b' } },
      '.url.headers: is "A: b"; write a list',
    ],
    [
      'a mode that is too large',
      { type: 'Text', fileMode: 0o1000 },
      '.fileMode: is 512; write a mode from 0 to 0777, which is 511 in JSON',
    ],
    ['a mode as text', { type: 'Text', fileMode: '0644' }, '.fileMode: is "0644"; write a mode'],
    ['a negative mode', { type: 'Text', fileMode: -1 }, '.fileMode: is -1; write a mode'],
    ['optional as text', { type: 'Text', optional: 'yes' }, '.optional: is "yes"; write true or false'],
    ['a mountPath with a NUL', { type: 'Text', mountPath: 'a\u0000b' }, '.mountPath: is "a\\u{0}b"; write a path'],
    ['a mountPath as mapping', { type: 'Text', mountPath: {} }, '.mountPath: is a mapping; write a path'],
  ];
  test.each(bad)('is refused with %s', (_, item, message) => {
    const problem = problemOf(withContext({ type: 'Runtime' }, item));
    expect(problem.reason).toBe('ContextError');
    expect(problem.message).toContain(`spec.contexts[1]${message}`);
  });

  test('is one of five hundred', () => {
    const many = Array.from({ length: 501 }, () => ({ type: 'Runtime' }));
    expect(problemOf(withContext(...many)).message).toBe('spec.contexts: has 501 items; write a list of at most 500');
    expect(taken(withContext(...many.slice(1))).contexts).toHaveLength(500);
  });
});

describe('more than one thing', () => {
  test('is told at once, and is no trouble of contexts alone', () => {
    const problem = problemOf(task({ contexts: [{ type: 'X' }], description: 5, timeout: 'soon' }));
    expect(problem.reason).toBe('InvalidTask');
    expect(problem.message).toMatch(/^spec\.description: .*; spec\.timeout: .*; spec\.contexts\[0\]\.type: /);
  });

  test('is told at most ten times, and the text of others is cut', () => {
    const contexts = Array.from({ length: 300 }, () => ({ type: 'x'.repeat(10_000) }));
    const { message } = problemOf(task({ contexts }));
    expect(message).toMatch(/; and 290 more$/);
    expect(message.length).toBeLessThan(3000);
  });
});

test.each([
  ['0s', 'spec.timeout: is "0s"'],
  ['-5m', 'spec.timeout: is "-5m"'],
  ['5', 'spec.timeout: is "5"'],
  [300, 'spec.timeout: is 300'],
  ['1 hour', 'spec.timeout: is "1 hour"'],
])('timeout %j is refused', (timeout, message) => {
  expect(problemOf(task({ timeout }))).toMatchObject({ reason: 'InvalidTask' });
  expect(problemOf(task({ timeout })).message).toContain(message);
});

test.each([null, undefined, 5, 'x', [], { spec: 5 }, { spec: [] }, { metadata: 5 }])(
  '%j is no reason to fall over',
  (object) => {
    expect([true, false]).toContain(parseTask(object).ok);
  },
);

test('whatever is written, it is taken or refused in a sentence that ends no line', () => {
  fc.assert(
    fc.property(fc.anything(), fc.anything(), (spec, item) => {
      for (const object of [task(spec), withContext(item), task({ agentRef: item, contexts: spec })]) {
        const read = parseTask(object);
        expect(read.ok ? 'taken' : read.failure.message).toMatch(/^.+$/);
      }
    }),
  );
});
