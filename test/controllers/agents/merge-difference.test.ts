import fc from 'fast-check';
import { expect, test } from 'vitest';
import { configMapPatch, deploymentPatch, servicePatch } from '../../../src/controllers/agents/merge-difference.ts';
import type { Kind, KubeObject, NewObject } from '../../../src/kernel/kube-object.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import { fakeCluster } from '../../fakes/fake-cluster.ts';

const deployments: Kind = { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments' };
const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom('a', 1, true),
    fc.array(tie('any'), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('any'), { maxKeys: 3 }),
  ),
})).any;
const members = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), value, { maxKeys: 4 });
const texts = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('x', 'y'), { maxKeys: 3 });

function deployment(labels: object, spec: object, annotations: object = {}): NewObject {
  const template = { metadata: { labels, annotations }, spec };
  const made = { 'countersign.dev/made-from': 'before' };
  const metadata = { name: 'd', namespace: 'n', labels: {}, annotations: made };
  return { ...deployments, metadata, spec: { replicas: 1, template } };
}

test('a patched Deployment has the wanted template, and as many replicas as before', async () => {
  await fc.assert(
    fc.asyncProperty(texts, members, texts, members, async (labelsIs, specIs, labels, spec) => {
      const cluster = fakeCluster();
      const theirs = { 'kubectl.kubernetes.io/restartedAt': 'now', 'countersign.dev/made-from': 'before' };
      const { plural: _, ...is } = deployment(labelsIs, specIs, theirs);
      const put = cluster.put({ ...is, spec: { ...asRecord(is['spec']), replicas: 7 } });
      const wanted = deployment(labels, spec, { 'countersign.dev/action-policy': 'p' });
      const place = { kind: deployments, namespace: 'n', name: 'd' };
      await cluster.patch(place, deploymentPatch(put, wanted), new AbortController().signal);
      const [after] = cluster.all(deployments);
      expect(asRecord(after?.['spec'])?.['replicas']).toBe(7);
      expect(asRecord(after?.['spec'])?.['template']).toEqual({
        metadata: {
          labels,
          annotations: { 'kubectl.kubernetes.io/restartedAt': 'now', 'countersign.dev/action-policy': 'p' },
        },
        spec,
      });
    }),
  );
});

const metadata = { name: 'n', namespace: 'n', uid: 'u', resourceVersion: '1' };

test('a Service keeps its type and its address', () => {
  const is: KubeObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { type: 'NodePort', selector: { a: 'b' } },
  };
  const wanted = { ...is, spec: { type: 'ClusterIP', selector: { c: 'd' }, ports: [{ port: 1 }] } };
  expect(servicePatch(is, wanted)).toEqual({
    metadata: { uid: 'u' },
    spec: { selector: { a: null, c: 'd' }, ports: [{ port: 1 }] },
  });
});

test('a ConfigMap loses the keys that are not wanted any more', () => {
  const is: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { a: 'A', b: 'B' } };
  const wanted = { ...is, data: { b: 'B2' }, binaryData: {} };
  expect(configMapPatch(is, wanted)).toEqual({
    metadata: { uid: 'u' },
    data: { a: null, b: 'B2' },
    binaryData: {},
  });
});
