/** What the contract does not say: refusals and outages of an API server, logs, kinds that come and go. */
import { createServer, type ServerResponse } from 'node:http';
import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, expect, test, vi } from 'vitest';
import { clusterObjects, type WatchedClusterObjects } from '../../../src/adapters/kubernetes/cluster-objects.ts';
import type { Watched } from '../../../src/adapters/kubernetes/watched-kind.ts';
import { kinds } from '../../../src/workflow/kinds.ts';
import { names } from '../../../src/workflow/model.ts';
import { silentLog } from '../../contracts/policies.ts';
import { fakeCluster } from '../../fakes/fake-cluster.ts';
import { objectServer } from './object-server.ts';
import { untilHolds } from '../../until-holds.ts';

const signal = new AbortController().signal;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const claim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'work', namespace: 'shop', labels: { [names.engineLabel]: 'job' } },
};
const place = { kind: kinds.claim, namespace: 'shop', name: 'work' };
const pod = { namespace: 'shop', name: 'web', container: 'action' };

/** An API server that answers everything alike. */
async function answering(
  answer: (response: ServerResponse, url: string) => void,
  watches: readonly Watched[] = [],
): Promise<WatchedClusterObjects> {
  const server = createServer((request, response) => {
    request.resume();
    answer(response, request.url ?? '');
  });
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const kubeConfig = new KubeConfig();
  const at = { name: 'fake', server: `http://127.0.0.1:${port}`, skipTLSVerify: true };
  kubeConfig.loadFromClusterAndUser(at, { name: 'tester' });
  const limits = { deadlineMs: 500, maxBytes: 4_096 };
  const objects = clusterObjects({ kubeConfig, watches, log: silentLog, limits });
  closers.push(() => {
    objects.close();
    server.closeAllConnections();
    server.close();
  });
  return objects;
}

function status(response: ServerResponse, code: number, reason: string, message: string): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ kind: 'Status', status: 'Failure', code, reason, message }));
}

test.each([
  [400, 'BadRequest', 'the object is no PersistentVolumeClaim'],
  [403, 'Forbidden', 'admission webhook "verify.countersign.dev" denied the request: SIGNATURE_MISSING: …'],
  [404, 'NotFound', 'namespaces "shop" not found'],
  [413, 'RequestEntityTooLarge', 'limit is 3145728'],
  [422, 'Invalid', 'spec.resources: Required value'],
])('%i is a refusal of what is to be created, with the words of the server', async (code, reason, message) => {
  const objects = await answering((response) => status(response, code, reason, message));
  const refused = { ok: true, value: { kind: 'refused', status: code, message } };
  expect(await objects.create(claim, kinds.claim, signal)).toEqual(refused);
});

test('words of the server are cut, and cannot steer a terminal', async () => {
  const objects = await answering((response) => status(response, 403, 'Forbidden', `\u001b[2J${'x'.repeat(3_000)}`));
  const refused = await objects.create(claim, kinds.claim, signal);
  const message = refused.ok && refused.value.kind === 'refused' ? refused.value.message : '';
  expect(message.startsWith('\\u{1b}[2J')).toBe(true);
  expect(message.length).toBeLessThan(1_100);
});

test.each([
  [401, 'Unauthorized'],
  [409, 'Conflict'],
  [429, 'TooManyRequests'],
  [500, 'InternalError'],
  [503, 'ServiceUnavailable'],
])('%i may pass: nothing is said of what was to be created', async (code, reason) => {
  const objects = await answering((response) => status(response, code, reason, 'failed calling webhook'));
  const failed = { ok: false, failure: { code: 'CLUSTER_UNAVAILABLE' } };
  expect(await objects.create(claim, kinds.claim, signal)).toMatchObject(failed);
});

test.each([
  ['is no JSON', '<html>'],
  ['is no object', '{"kind":"Status"}'],
  ['is too long', JSON.stringify({ metadata: { name: 'a', uid: 'b', resourceVersion: '1' }, data: 'x'.repeat(5_000) })],
])('an answer that %s is no success', async (_, body) => {
  const objects = await answering((response) => response.writeHead(201).end(body));
  expect(await objects.create(claim, kinds.claim, signal)).toMatchObject({ ok: false });
});

test('a server that says nothing is not waited for', async () => {
  const objects = await answering(() => undefined);
  const failed = { ok: false, failure: { code: 'CLUSTER_UNAVAILABLE', message: expect.stringContaining('in time') } };
  expect(await objects.create(claim, kinds.claim, signal)).toMatchObject(failed);
});

test('who may not delete is told so', async () => {
  const objects = await answering((response) => status(response, 403, 'Forbidden', 'no'));
  const failed = { ok: false, failure: { message: expect.stringContaining('permission is missing') } };
  expect(await objects.remove(place, 'some-uid', signal)).toMatchObject(failed);
});

test('of a long log the end is read, and no more', async () => {
  let asked = '';
  const objects = await answering((response, url) => {
    asked = url;
    for (let line = 0; line < 2_000; line += 1) response.write(`line ${line} ${'é'.repeat(20)}\n`);
    response.end('{"the":"end"}');
  });
  const read = await objects.logTail(pod, 100, signal);
  const text = read.ok ? (read.value ?? '') : '';
  expect(text.endsWith('{"the":"end"}')).toBe(true);
  // A character that is cut in two becomes another one, of three bytes.
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(102);
  expect(asked).toBe('/api/v1/namespaces/shop/pods/web/log?container=action&tailLines=2000');
});

test.each([
  [404, 'there is no such Pod any more'],
  [400, 'its container has never run'],
])('%i to a log: %s, so that there is nothing to read', async (code) => {
  const objects = await answering((response) => status(response, code, 'Whatever', 'none'));
  expect(await objects.logTail(pod, 100, signal)).toEqual({ ok: true, value: undefined });
});

test('a node that cannot be reached may come back with the log', async () => {
  const objects = await answering((response) => status(response, 500, 'InternalError', 'dial tcp: no route'));
  expect(await objects.logTail(pod, 100, signal)).toMatchObject({ ok: false });
});

test('of events only what is told about the object is asked for, and their newest counts', async () => {
  let asked = '';
  const items = [
    { reason: 'Old', message: 'old', lastTimestamp: '2026-01-01T00:00:01Z' },
    { reason: 'New', message: 'new', lastTimestamp: null, eventTime: '2026-01-01T00:00:03.000000Z' },
    { reason: 'Older', message: 'older', metadata: { creationTimestamp: '2026-01-01T00:00:00Z' } },
    'no event',
  ];
  const objects = await answering((response, url) => {
    asked = url;
    response.end(JSON.stringify({ items }));
  });
  const newest = await objects.newestWarning({ namespace: 'shop', uid: 'u-1' }, signal);
  expect(newest).toEqual({ ok: true, value: { reason: 'New', message: 'new' } });
  const query = new URL(asked, 'http://x').searchParams;
  expect(asked.split('?')[0]).toBe('/api/v1/namespaces/shop/events');
  expect(query.get('fieldSelector')).toBe('involvedObject.uid=u-1,type=Warning');
});

test.each([[403], [500]])('%i to a question about events is no answer', async (code) => {
  const objects = await answering((response) => status(response, code, 'Whatever', 'none'));
  expect(await objects.newestWarning({ namespace: 'shop', uid: 'u' }, signal)).toMatchObject({ ok: false });
});

test('names cannot lead to another path', async () => {
  let asked = '';
  const objects = await answering((response, url) => {
    asked = url;
    status(response, 404, 'NotFound', 'none');
  });
  await objects.logTail({ ...pod, name: '../secrets/x?', container: 'a&b' }, 100, signal);
  expect(asked).toBe('/api/v1/namespaces/shop/pods/..%2Fsecrets%2Fx%3F/log?container=a%26b&tailLines=2000');
});

async function served(): Promise<{
  readonly cluster: ReturnType<typeof fakeCluster>;
  readonly server: Awaited<ReturnType<typeof objectServer>>;
  readonly start: (rate?: { readonly qps: number; readonly burst: number }) => WatchedClusterObjects;
}> {
  const cluster = fakeCluster();
  const server = await objectServer(cluster, Object.values(kinds));
  closers.push(() => server.close());
  const watches = [{ kind: kinds.claim, label: names.engineLabel }];
  return {
    cluster,
    server,
    start: (rate = { qps: 500, burst: 500 }) => {
      const { kubeConfig } = server;
      const pauses = { first: 20, longest: 50 };
      const objects = clusterObjects({ kubeConfig, watches, log: silentLog, pauses, rate: () => rate });
      closers.unshift(() => objects.close());
      return objects;
    },
  };
}

test('a broken watch costs nothing that was written since', async () => {
  const { cluster, server, start } = await served();
  const objects = start();
  await untilHolds(() => expect(objects.isReady()).toBe(true));
  for (let round = 0; round < 5; round += 1) {
    await objects.create({ ...claim, metadata: { ...claim.metadata, name: `work-${round}` } }, kinds.claim, signal);
    server.disconnect();
    cluster.put({ ...claim, metadata: { ...claim.metadata, name: `other-${round}` } });
    expect(objects.list(kinds.claim).length).toBeGreaterThanOrEqual(round + 1);
  }
  await untilHolds(() => expect(objects.list(kinds.claim)).toHaveLength(10));
});

test('a kind that is not served is noticed, asked for again, and noticed when it is there', async () => {
  const { cluster, start } = await served();
  cluster.unserve(kinds.claim);
  const objects = start();
  await untilHolds(() => expect(objects.isReady()).toBe(true));
  expect(objects.isServed(kinds.claim)).toBe(false);
  cluster.serve(kinds.claim);
  cluster.put(claim);
  await untilHolds(() => expect(objects.get(place)).toBeDefined());
  expect(objects.isServed(kinds.claim)).toBe(true);
});

test('a kind that is gone for a moment is not taken for gone', async () => {
  const { cluster, server, start } = await served();
  cluster.put(claim);
  const objects = start();
  await untilHolds(() => expect(objects.get(place)).toBeDefined());
  const gone: string[] = [];
  objects.onChange((_, change) => gone.push(change));
  // Its definition is not known yet to an API server that has just begun; its objects are.
  const isServed = vi.spyOn(cluster, 'isServed').mockReturnValue(false);
  const before = server.requests.length;
  server.disconnect();
  await untilHolds(() => expect(server.requests.length).toBeGreaterThan(before + 3));
  isServed.mockRestore();
  await untilHolds(() => expect(server.requests.at(-1)).toContain('watch=true'));
  expect(objects.get(place)).toBeDefined();
  expect(gone).toEqual([]);
});

test('requests wait for their turn, and none is refused', async () => {
  const { start } = await served();
  const objects = start({ qps: 50, burst: 2 });
  const began = performance.now();
  const all = await Promise.all(
    Array.from({ length: 7 }, (_, at) =>
      objects.create({ ...claim, metadata: { ...claim.metadata, name: `work-${at}` } }, kinds.claim, signal),
    ),
  );
  expect(all.every((one) => one.ok && one.value.kind === 'created')).toBe(true);
  expect(performance.now() - began).toBeGreaterThanOrEqual(95);
});

test('who wrote what is neither kept nor sent', async () => {
  const { cluster, server, start } = await served();
  cluster.put({ ...claim, metadata: { ...claim.metadata, managedFields: [{ manager: 'somebody' }] } as never });
  const objects = start();
  await untilHolds(() => expect(objects.get(place)).toBeDefined());
  expect(objects.get(place)?.metadata).not.toHaveProperty('managedFields');
  expect(server.requests[0]).toBe(
    'GET /api/v1/persistentvolumeclaims?labelSelector=countersign.dev%2Fengine&limit=500',
  );
});

test('what a watch has not told is there once it was listed anew, and what is gone is not', async () => {
  const items = [{ ...claim, metadata: { ...claim.metadata, uid: 'u1', resourceVersion: '5' } }];
  const lists = [
    { version: '4', items: [] },
    { version: '6', items },
    { version: '7', items: [] },
  ];
  let listed = 0;
  const objects = await answering(
    (response, url) => {
      // A watch that never says anything.
      if (url.includes('watch=')) return;
      const { version, items: found } = lists[Math.min(listed, 2)] ?? { version: '7', items: [] };
      listed += 1;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ kind: 'List', metadata: { resourceVersion: version }, items: found }));
    },
    [{ kind: kinds.claim }],
  );
  await untilHolds(() => expect(objects.isReady()).toBe(true));
  expect(objects.get(place)).toBeUndefined();
  expect(await objects.refresh(kinds.claim, signal)).toEqual({ ok: true, value: undefined });
  expect(objects.get(place)?.metadata.uid).toBe('u1');
  await objects.refresh(kinds.claim, signal);
  expect(objects.get(place)).toBeUndefined();
});

test('a list that cannot be had is no list of nothing', async () => {
  const items = [{ ...claim, metadata: { ...claim.metadata, uid: 'u1', resourceVersion: '5' } }];
  let isAway = false;
  const objects = await answering(
    (response, url) => {
      if (url.includes('watch=')) return;
      if (isAway) return status(response, 503, 'ServiceUnavailable', 'away');
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ kind: 'List', metadata: { resourceVersion: '6' }, items }));
    },
    [{ kind: kinds.claim }],
  );
  await untilHolds(() => expect(objects.get(place)).toBeDefined());
  isAway = true;
  expect(await objects.refresh(kinds.claim, signal)).toMatchObject({ failure: { code: 'CLUSTER_UNAVAILABLE' } });
  expect(objects.get(place)).toBeDefined();
});
