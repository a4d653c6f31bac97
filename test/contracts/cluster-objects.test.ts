import { describe } from 'vitest';
import { clusterObjects } from '../../src/adapters/kubernetes/cluster-objects.ts';
import { kinds } from '../../src/workflow/kinds.ts';
import { names } from '../../src/workflow/model.ts';
import { objectServer } from '../adapters/kubernetes/object-server.ts';
import { eventKind, fakeCluster } from '../fakes/fake-cluster.ts';
import { clusterObjectsContract, unserved } from './cluster-objects.ts';
import { silentLog } from './policies.ts';

describe('the fake', () => {
  clusterObjectsContract(() => {
    const cluster = fakeCluster();
    cluster.unserve(unserved);
    return Promise.resolve({
      objects: cluster,
      namespace: 'shop',
      kind: kinds.job,
      put: (object) => Promise.resolve(cluster.put(object)),
      drop: (place) => Promise.resolve(cluster.drop(place)),
      close: () => Promise.resolve(),
    });
  });
});

describe('the API server over HTTP', () => {
  clusterObjectsContract(async () => {
    const cluster = fakeCluster();
    cluster.unserve(unserved);
    const server = await objectServer(cluster, [...Object.values(kinds), eventKind, unserved]);
    const label = names.engineLabel;
    const watches = [kinds.job, kinds.claim].map((kind) => ({ kind, label }));
    const objects = clusterObjects({
      kubeConfig: server.kubeConfig,
      watches,
      log: silentLog,
      rate: () => ({ qps: 500, burst: 500 }),
    });
    return {
      objects,
      namespace: 'shop',
      kind: kinds.job,
      put: (object) => Promise.resolve(cluster.put(object)),
      drop: (place) => Promise.resolve(cluster.drop(place)),
      close: () => {
        objects.close();
        return server.close();
      },
    };
  });
});
