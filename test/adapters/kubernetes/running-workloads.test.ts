import { afterEach, expect, test } from 'vitest';
import { clusterRunningPods } from '../../../src/adapters/kubernetes/running-workloads.ts';
import type { RunningPod } from '../../../src/ports/running-pods.ts';
import { scriptedApiServer, type Script, type ScriptedApiServer } from './scripted-api-server.ts';

let server: ScriptedApiServer | undefined;
afterEach(() => server?.close());
const never = new AbortController().signal;

async function pods(script: Script, namespaces: 'opted-in' | 'all' = 'opted-in', maxBytes = 10_000) {
  server = await scriptedApiServer(script);
  const { kubeConfig } = server;
  const limits = { deadlineMs: 1_000, maxBytes };
  return clusterRunningPods({ kubeConfig, namespaces, systemNamespace: 'countersign-system', limits });
}

const list = (names: readonly string[], next = ''): object => ({
  metadata: { continue: next },
  items: names.map((name) => ({ metadata: { name, uid: `uid of ${name}` }, spec: { someday: name } })),
});

test.each([
  ['opted-in', 'policy.sigstore.dev/include=true,!policy.sigstore.dev/exclude,'],
  ['all', '!policy.sigstore.dev/exclude,'],
] as const)('namespaces that are %s are asked for by label, and only by name', async (which, selector) => {
  const running = await pods(() => list(['shop', 'bank']), which);
  expect(await running.namespaces(never)).toEqual({ ok: true, value: ['bank', 'shop'] });
  expect(server?.calls).toMatchObject([
    {
      line: 'GET /api/v1/namespaces',
      query: {
        labelSelector: `${selector}kubernetes.io/metadata.name notin (kube-system,countersign-system)`,
      },
      accept: expect.stringContaining('PartialObjectMetadataList'),
    },
  ]);
});

test('Pods that have not ended come page by page, with every member that they have', async () => {
  const running = await pods(({ query }) => (query['continue'] === 'more' ? list(['c']) : list(['a', 'b'], 'more')));
  const found: RunningPod[][] = [];
  for await (const page of running.pods('shop', never)) found.push(page.ok ? [...page.value] : []);
  expect(found.map((page) => page.map(({ name }) => name))).toEqual([['a', 'b'], ['c']]);
  expect(found[0]?.[0]).toEqual({
    namespace: 'shop',
    name: 'a',
    uid: 'uid of a',
    object: { metadata: { name: 'a', uid: 'uid of a' }, spec: { someday: 'a' } },
  });
  expect(server?.calls.map(({ line }) => line)).toEqual(Array(2).fill('GET /api/v1/namespaces/shop/pods'));
  expect(server?.calls[0]?.query).toEqual({
    limit: '200',
    fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed',
  });
});

test.each<[string, Script]>([
  ['refuses', () => 403],
  ['has forgotten where we were', ({ query }) => (query['continue'] === 'more' ? 410 : list(['a'], 'more'))],
  ['sends no list', () => ({ items: 'none' })],
  ['sends too much', () => list(Array.from({ length: 500 }, (_, index) => `pod-${index}`))],
])('a server that %s ends the pages with a failure', async (_how, script) => {
  const running = await pods(script);
  const ends: string[] = [];
  for await (const page of running.pods('shop', never)) ends.push(page.ok ? 'page' : page.failure.code);
  expect(ends.at(-1)).toBe('CLUSTER_UNAVAILABLE');
  expect(ends.slice(0, -1).every((end) => end === 'page')).toBe(true);
});

test('namespaces are all there, or none of them', async () => {
  const running = await pods(({ query }) => (query['continue'] === 'more' ? 500 : list(['a'], 'more')));
  expect(await running.namespaces(never)).toMatchObject({ ok: false, failure: { code: 'CLUSTER_UNAVAILABLE' } });
});

test('named namespaces are not asked for', async () => {
  server = await scriptedApiServer(() => undefined);
  const { kubeConfig } = server;
  const running = clusterRunningPods({ kubeConfig, namespaces: { named: ['b', 'a'] }, systemNamespace: 'x' });
  expect(await running.namespaces(never)).toEqual({ ok: true, value: ['a', 'b'] });
  expect(server.calls).toEqual([]);
});
