/** What the documents about Tasks say against the code: reasons, metrics, and Tasks inside of objects of others. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import type { TaskFailureReason } from '../../src/agents/model.ts';
import { parseTask } from '../../src/agents/parse-task.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';

const read = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

/** The compiler holds it to the type. */
const reasons: Readonly<Record<TaskFailureReason, true>> = {
  AgentError: true,
  TaskTemplateError: true,
  InvalidTask: true,
  ContextError: true,
  ConfigMapCreationError: true,
  PodCreationError: true,
  JobCreationError: true,
  NameTaken: true,
  Refused: true,
  ImagePullFailed: true,
  ConfigurationError: true,
  InitFailed: true,
  AgentFailed: true,
  OOMKilled: true,
  Timeout: true,
  NodeLost: true,
  PodLost: true,
};

test('docs/kubeopencode.md lists every reason for which a Task fails, with a meaning and a way out', () => {
  const [, table = ''] = read('kubeopencode.md').split('## Why a Task fails');
  const rows = [...table.matchAll(/^\| `([A-Za-z]+)` +\| (\S.*?) +\| (\S.*?) +\|$/gm)];
  expect(rows.map(([, reason = '']) => reason).toSorted()).toEqual(Object.keys(reasons).toSorted());
});

/** Of a block that is named as a file; objects as kubectl would read them. */
function objectsOf(document: string, file: string): readonly unknown[] {
  const [, text = ''] =
    new RegExp(`<!-- file: ${file} -->\\n+\`\`\`yaml\\n(.*?)\`\`\``, 's').exec(read(document)) ?? [];
  return parseAllDocuments(text, { version: '1.1' }).map((one): unknown => one.toJS());
}

/** Follows names and numbers into an object. */
function inside(object: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (found, key) => (Array.isArray(found) ? (found as readonly unknown[])[Number(key)] : asRecord(found)?.[key]),
    object,
  );
}

const elsewhere = 'tasks-elsewhere.md';

test.each([
  ['a CronJob', () => parse(String(inside(objectsOf(elsewhere, 'nightly.yaml')[3], 'data', 'task.yaml')))],
  [
    'Argo Workflows',
    () =>
      parse(
        String(inside(objectsOf(elsewhere, 'argo-workflow.yaml')[0], 'spec', 'templates', 0, 'resource', 'manifest')),
      ),
  ],
  [
    'Argo Events',
    () =>
      inside(
        objectsOf(elsewhere, 'argo-sensor.yaml')[0],
        'spec',
        'triggers',
        0,
        'template',
        'k8s',
        'source',
        'resource',
      ),
  ],
])('docs/tasks-elsewhere.md: the Task that %s creates is one', (_what, find: () => unknown) => {
  const task = find();
  expect(task).toMatchObject({ apiVersion: 'kubeopencode.io/v1alpha1', kind: 'Task' });
  // As the API server names it.
  const metadata = { ...asRecord(asRecord(task)?.['metadata']), name: 'named', uid: 'uid' };
  expect(parseTask({ ...asRecord(task), metadata })).toMatchObject({
    ok: true,
    value: { namespace: 'kubeopencode-system', timeoutSeconds: 3_600, description: expect.stringMatching(/./) },
  });
});
