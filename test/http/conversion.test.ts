import { gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { closeEdges, openEdge, send, type Received } from './edge.ts';

afterEach(closeEdges);

const path = '/resource-conversion';
const object = { apiVersion: 'policy.sigstore.dev/v1beta1', kind: 'ClusterImagePolicy', spec: { any: [null, {}] } };
const review = JSON.stringify({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'ConversionReview',
  request: { uid: 'u', desiredAPIVersion: 'policy.sigstore.dev/v1alpha1', objects: [object] },
});
const json = { 'content-type': 'application/json' };

function body({ text }: Received): unknown {
  return JSON.parse(text);
}

test('answers a ConversionReview', async () => {
  const edge = await openEdge();
  const received = await send(edge, `${path}?timeout=30s`, { method: 'POST', headers: json, body: review });
  expect(received.status).toBe(200);
  expect(body(received)).toEqual({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'ConversionReview',
    response: {
      uid: 'u',
      result: { status: 'Success' },
      convertedObjects: [{ ...object, apiVersion: 'policy.sigstore.dev/v1alpha1' }],
    },
  });
  expect(edge.reviewer.reviewed).toEqual([]);
});

test.each<[string, Parameters<typeof send>[2], number, string]>([
  ['no JSON', { method: 'POST', headers: json, body: '{' }, 400, 'not valid JSON'],
  [
    'another content type',
    { method: 'POST', headers: { 'content-type': 'text/plain' }, body: review },
    415,
    'application/json',
  ],
  [
    'compressed content',
    { method: 'POST', headers: { ...json, 'content-encoding': 'gzip' }, body: gzipSync(review) },
    415,
    'content encoding',
  ],
  ['more than 32 MiB', { method: 'POST', headers: json, body: Buffer.alloc(33 * 1024 * 1024, 32) }, 413, 'larger than'],
  ['another method', { method: 'GET' }, 405, 'answers POST only'],
])('refuses %s', async (_title, sent, status, message) => {
  const received = await send(await openEdge(), path, sent);
  expect(received.status).toBe(status);
  expect(received.text).toContain(message);
});
