import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { clusterObjects, type WatchedClusterObjects } from '../../src/adapters/kubernetes/cluster-objects.ts';
import type { Kind, NewObject } from '../../src/kernel/kube-object.ts';
import { kinds } from '../../src/workflow/kinds.ts';
import { names } from '../../src/workflow/model.ts';
import { clusterObjectsContract } from '../contracts/cluster-objects.ts';
import { silentLog } from '../contracts/policies.ts';
import { hasCluster, kubeconfig } from './access.ts';
import { until } from './processes.ts';
import { connect, type Api, type ApiObject } from './gate/api.ts';

const signal = new AbortController().signal;
const things: Kind = { apiVersion: 'objects.example.com/v1', kind: 'Thing', plural: 'things' };

const definition: ApiObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'things.objects.example.com' },
  spec: {
    group: 'objects.example.com',
    scope: 'Namespaced',
    names: { kind: 'Thing', plural: 'things' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        },
      },
    ],
  },
};

function open(api: Api, watched: readonly Kind[]): WatchedClusterObjects {
  const watches = watched.map((kind) => ({ kind, label: names.engineLabel }));
  return clusterObjects({ kubeConfig: api.config, watches, log: silentLog, rate: () => ({ qps: 100, burst: 100 }) });
}

describe.runIf(hasCluster)('objects on a real API server', () => {
  clusterObjectsContract(async () => {
    const api = connect(kubeconfig);
    const namespace = await api.namespace({});
    await api.apply(definition);
    const objects = open(api, [things, kinds.claim]);
    if (!(await until(() => Promise.resolve(objects.isServed(things)), 30_000)))
      throw new Error('Things are not served');
    return {
      objects,
      namespace,
      kind: things,
      put: (object) => api.apply({ ...object, metadata: { ...object.metadata, namespace } }),
      drop: ({ kind, name }) => api.remove({ ...kind, metadata: { namespace, name } }),
      async close() {
        objects.close();
        await api.remove(definition);
        await until(async () => (await api.read(definition)) === undefined, 30_000);
        await api.close();
      },
    };
  });
});

describe.runIf(hasCluster)('a kind that comes and goes on a real API server', () => {
  let api: Api;
  let namespace: string;
  let objects: WatchedClusterObjects;

  beforeAll(async () => {
    api = connect(kubeconfig);
    namespace = await api.namespace({});
    objects = open(api, [things]);
  });
  afterAll(async () => {
    objects.close();
    await api.remove(definition);
    await api.close();
  });

  const labels = { [names.engineLabel]: 'tekton' };
  const thing = (name: string): NewObject => ({
    apiVersion: things.apiVersion,
    kind: things.kind,
    metadata: { name, namespace, labels },
    spec: { size: 1, kept: { as: ['it', 'is'] } },
  });

  test('is noticed within 30 s, and so is that it is gone, with its objects', { timeout: 120_000 }, async () => {
    const gone: string[] = [];
    objects.onChange(({ metadata }, change) => change === 'gone' && gone.push(metadata.name));
    await vi.waitFor(() => expect(objects.isReady()).toBe(true), { timeout: 10_000 });
    expect(objects.isServed(things)).toBe(false);

    await api.apply(definition);
    await vi.waitFor(() => expect(objects.isServed(things)).toBe(true), { timeout: 30_000, interval: 100 });
    const made = await objects.create(thing('first'), things, signal);
    expect(made).toMatchObject({
      ok: true,
      value: { kind: 'created', object: { spec: { kept: { as: ['it', 'is'] } } } },
    });
    if (!made.ok || made.value.kind !== 'created') throw new Error('it was not created');

    // Of a custom resource too, nothing but the status is written with its status.
    const written = await objects.writeStatus(made.value.object, things, { phase: 'Fine' }, signal);
    expect(written).toMatchObject({
      ok: true,
      value: { kind: 'written', object: { spec: { size: 1 }, status: { phase: 'Fine' }, metadata: { labels } } },
    });

    await api.remove(definition);
    await vi.waitFor(() => expect(objects.isServed(things)).toBe(false), { timeout: 30_000, interval: 100 });
    expect(objects.list(things)).toEqual([]);
    expect(gone).toEqual(['first']);
  });
});
