import { afterEach, beforeEach, expect, test } from 'vitest';
import { clusterTektonDefinitions } from '../../../src/adapters/kubernetes/tekton-definitions.ts';
import type { Reference } from '../../../src/tekton/reference.ts';
import { fakeApiServer, type FakeApiServer } from './fake-api-server.ts';

const tekton = (version: string, plural: string): string => `/apis/tekton.dev/${version}/namespaces/apps/${plural}`;
const task: Reference = { kind: 'Task', namespace: 'apps', name: 'build' };
let server: FakeApiServer;

beforeEach(async () => {
  server = await fakeApiServer();
});
afterEach(() => server.close());

const read = (reference: Reference, signal = AbortSignal.timeout(5_000)): Promise<unknown> =>
  clusterTektonDefinitions(server.kubeConfig, { deadlineMs: 500, maxBytes: 10_000 }).read(reference, signal);

test.each([
  ['Task', tekton('v1', 'tasks')],
  ['Pipeline', tekton('v1', 'pipelines')],
  ['StepAction', tekton('v1beta1', 'stepactions')],
] as const)('reads the spec of a %s as it is now', async (kind, path) => {
  const spec = { steps: [{ image: 'a', unknownToUs: { kept: true } }] };
  server.put(path, 'build', { spec });
  expect(await read({ ...task, kind })).toEqual({ ok: true, value: spec });
  server.put(path, 'build', { spec: { steps: [] } });
  expect(await read({ ...task, kind })).toEqual({ ok: true, value: { steps: [] } });
});

test('says what is not there', async () => {
  expect(await read(task)).toMatchObject({
    ok: false,
    failure: { code: 'IMAGE_UNRESOLVED', message: 'there is no Task apps/build' },
  });
});

test.each([[{}], [{ spec: null }], [{ spec: [] }]])('a definition %j is none', async (definition) => {
  server.put(tekton('v1', 'tasks'), 'build', definition);
  expect(await read(task)).toMatchObject({ ok: false, failure: { code: 'IMAGE_UNRESOLVED' } });
});

test('an answer that is too long is no answer', async () => {
  server.put(tekton('v1', 'tasks'), 'build', { spec: { description: 'x'.repeat(20_000) } });
  expect(await read(task)).toMatchObject({ ok: false, failure: { code: 'CLUSTER_UNAVAILABLE' } });
});

test('a request that is over asks nobody', async () => {
  server.put(tekton('v1', 'tasks'), 'build', { spec: {} });
  expect(await read(task, AbortSignal.abort())).toMatchObject({ ok: false, failure: { code: 'CLUSTER_UNAVAILABLE' } });
});
