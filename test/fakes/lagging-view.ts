/**
 * A process whose watches are behind: it reads from its memory, into which what others write comes only when a test says so,
 * and what it writes itself at once. As src/adapters/kubernetes does it.
 */
import type { Kind, KubeObject, ObjectPlace } from '../../src/kernel/kube-object.ts';
import { failure } from '../../src/kernel/failure.ts';
import { fail } from '../../src/kernel/result.ts';
import type { ClusterObjects } from '../../src/ports/cluster-objects.ts';
import { isControlledBy, type FakeCluster } from './fake-cluster.ts';

export interface LaggingView extends ClusterObjects {
  /** What comes by watch next, in its order; absent: all of it. */
  catchUp(changes?: number): void;
  /** The next writes of a status take effect, and nobody hears of it. `of`: only of this kind. */
  loseAnswers(writes: number, of?: Kind): void;
  /** After the cluster has forgotten who follows it, and before anything has happened since. */
  reconnect(): void;
  /** The process is gone. */
  close(): void;
}

interface Change {
  readonly object: KubeObject;
  readonly change: 'present' | 'gone';
}

/** Begins with what there is now. */
export function laggingView(cluster: FakeCluster, kinds: readonly Kind[]): LaggingView {
  const memory = new Map<string, KubeObject>();
  const erased = new Set<string>();
  const listeners = new Set<(object: KubeObject, change: 'present' | 'gone') => void>();
  let behind: Change[] = [];
  let toLose = 0;
  let lostKind: Kind | undefined;
  for (const object of kinds.flatMap((kind) => cluster.list(kind))) memory.set(keyOf(object), object);
  const follow = (): (() => void) => cluster.onChange((object, change) => void behind.push({ object, change }));
  let unfollow = follow();

  function tell(object: KubeObject, change: 'present' | 'gone'): void {
    for (const listener of listeners) listener(object, change);
  }

  function seen(object: KubeObject): void {
    const known = memory.get(keyOf(object));
    const isOlder = known !== undefined && versionOf(known) >= versionOf(object);
    if (isOlder || erased.has(object.metadata.uid)) return;
    memory.set(keyOf(object), object);
    tell(object, 'present');
  }

  function gone(object: KubeObject): void {
    erased.add(object.metadata.uid);
    const known = memory.get(keyOf(object));
    if (known?.metadata.uid !== object.metadata.uid) return;
    memory.delete(keyOf(object));
    tell(known, 'gone');
  }

  function isLost({ kind }: Kind): boolean {
    if (lostKind !== undefined && lostKind.kind !== kind) return false;
    toLose -= 1;
    return toLose >= 0;
  }

  const take = ({ object, change }: Change): void => (change === 'gone' ? gone(object) : seen(object));

  /** What the answer says, unless it is not watched. */
  function answered(kind: Kind, place: ObjectPlace | KubeObject): void {
    const { name, namespace } = 'metadata' in place ? place.metadata : place;
    const found = cluster.get({ kind, name, ...(namespace !== undefined && { namespace }) });
    if (found !== undefined) seen(found);
  }

  return {
    ...cluster,
    isReady: () => true,
    get: ({ kind, namespace = '', name }) => memory.get([kind.apiVersion, kind.kind, namespace, name].join('|')),
    list: (kind) =>
      [...memory.values()].filter(({ apiVersion, kind: of }) => of === kind.kind && apiVersion === kind.apiVersion),
    ownedBy: (kind, uid, namespace) =>
      [...memory.values()].filter(
        (object) => object.kind === kind.kind && object.metadata.namespace === namespace && isControlledBy(object, uid),
      ),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async create(object, kind, signal) {
      const answer = await cluster.create(object, kind, signal);
      if (answer.ok && answer.value.kind !== 'refused') answered(kind, answer.value.object);
      return answer;
    },
    async read(place, signal) {
      const answer = await cluster.read(place, signal);
      if (answer.ok && answer.value !== undefined) answered(place.kind, answer.value);
      return answer;
    },
    async refresh(kind, signal) {
      const answer = await cluster.refresh(kind, signal);
      const ofKind = behind.filter(({ object }) => object.kind === kind.kind && object.apiVersion === kind.apiVersion);
      if (answer.ok) for (const change of ofKind) take(change);
      return answer;
    },
    async writeStatus(object, kind, status, signal) {
      const answer = await cluster.writeStatus(object, kind, status, signal);
      if (isLost(kind)) return lost;
      if (answer.ok && answer.value.kind === 'written') answered(kind, answer.value.object);
      return answer;
    },
    async patch(place, patch, signal) {
      const answer = await cluster.patch(place, patch, signal);
      if (answer.ok && answer.value.kind === 'written') answered(place.kind, answer.value.object);
      return answer;
    },
    async remove(place, uid, signal) {
      const answer = await cluster.remove(place, uid, signal);
      const known = [...memory.values()].find(({ metadata }) => metadata.uid === uid);
      if (answer.ok && known !== undefined && cluster.get(place)?.metadata.uid !== uid) gone(known);
      return answer;
    },
    catchUp(changes = behind.length) {
      const next = behind.slice(0, changes);
      behind = behind.slice(changes);
      for (const change of next) take(change);
    },
    loseAnswers(writes, of) {
      toLose = writes;
      lostKind = of;
    },
    reconnect() {
      unfollow();
      unfollow = follow();
    },
    close() {
      unfollow();
      listeners.clear();
    },
  };
}

const lost = fail(failure('CLUSTER_UNAVAILABLE', 'the answer is lost on purpose', 5));

function keyOf({ apiVersion, kind, metadata }: KubeObject): string {
  return [apiVersion, kind, metadata.namespace ?? '', metadata.name].join('|');
}

function versionOf({ metadata }: KubeObject): number {
  return Number(metadata.resourceVersion);
}
