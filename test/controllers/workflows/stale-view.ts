/** What a process sees that does not hear of everything at once: each object as it is, or as it was one version before. */
import type { KubeObject } from '../../../src/kernel/kube-object.ts';
import type { FakeCluster } from '../../fakes/fake-cluster.ts';

/** A new object is seen after this time at the latest. */
const maxLagMs = 4_000;

export function staleView(cluster: FakeCluster, isStale: (kind: string) => boolean, now: () => number): FakeCluster {
  const last = new Map<string, KubeObject>();
  const previous = new Map<string, KubeObject>();
  const createdAt = new Map<string, number>();
  cluster.onChange((object, change) => {
    const { uid } = object.metadata;
    const before = last.get(uid);
    if (before === undefined) createdAt.set(uid, now());
    else previous.set(uid, before);
    if (change === 'present') last.set(uid, object);
  });

  function seen(object: KubeObject): readonly KubeObject[] {
    if (!isStale(object.kind)) return [object];
    const before = previous.get(object.metadata.uid);
    const isNew = now() - (createdAt.get(object.metadata.uid) ?? 0) < maxLagMs;
    return before === undefined && isNew ? [] : [before ?? object];
  }

  return {
    ...cluster,
    get: (place) => {
      const object = cluster.get(place);
      return object === undefined ? undefined : seen(object)[0];
    },
    ownedBy: (kind, uid, namespace) => cluster.ownedBy(kind, uid, namespace).flatMap(seen),
  };
}
