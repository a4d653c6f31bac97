import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { json, run } from './run.ts';

const digest = `sha256:${'1a'.repeat(32)}`;
const policies = `
apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata: {name: open}
spec: {images: [{glob: 'a.invalid/good@*'}], authorities: [{static: {action: pass}}]}
---
apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata: {name: closed}
spec: {images: [{glob: 'a.invalid/bad@*'}], authorities: [{static: {action: fail, message: not here}}]}
`;
const task = (namespace: string): string => `
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: act, namespace: ${namespace}}
spec: {params: [{name: image}], steps: [{name: one, image: $(params.image)}]}
`;
const taskRun = (image: string): string => `
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: go, namespace: apps}
spec: {taskRef: {name: act}, params: [{name: image, value: 'a.invalid/${image}@${digest}'}]}
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-runs-'));
  await writeFile(join(folder, 'policies.yaml'), policies);
});
afterAll(() => rm(folder, { recursive: true }));

async function review(...documents: readonly string[]): Promise<{ readonly code: number; readonly report: unknown }> {
  const file = join(folder, 'manifests.yaml');
  await writeFile(file, documents.join('---'));
  const ran = await run('review', '-f', file, '--policies', join(folder, 'policies.yaml'), '--output', 'json');
  return { code: ran.code, report: json(ran) };
}

test('refuses a TaskRun whose parameter puts a refused image into a Task beside it', async () => {
  const { code, report } = await review(taskRun('bad'), task('apps'));
  expect(code).toBe(1);
  const reason = { code: 'STATIC_FAIL', field: 'Task apps/act spec.steps[0].image' };
  expect(report).toMatchObject({
    documents: [
      { kind: 'TaskRun', verdict: 'refuse', reasons: [reason] },
      { kind: 'Task', verdict: 'admit' },
    ],
  });
});

test('admits one with an image that may run', async () => {
  const { code, report } = await review(taskRun('good'), task('apps'));
  expect(code).toBe(0);
  expect(report).toMatchObject({ documents: [{ verdict: 'admit', warnings: [] }, { verdict: 'admit' }] });
});

test('says when the Task is not there, or is in another namespace', async () => {
  const { report } = await review(taskRun('bad'), task('other'));
  const warning = 'spec.taskRef is judged when its Pod is created: Task apps/act is not among the manifests';
  expect(report).toMatchObject({ documents: [{ verdict: 'admit', warnings: [warning] }, { verdict: 'admit' }] });
});
