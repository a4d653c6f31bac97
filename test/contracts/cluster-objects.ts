/** What whoever decides about objects of a cluster relies on, on each implementation of the port. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Kind, KubeObject, NewObject, ObjectPlace } from '../../src/kernel/kube-object.ts';
import type { Result } from '../../src/kernel/result.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import type { ClusterObjects, Written } from '../../src/ports/cluster-objects.ts';
import { kinds } from '../../src/workflow/kinds.ts';
import { names } from '../../src/workflow/model.ts';

export interface ClusterUnderTest {
  readonly objects: ClusterObjects;
  readonly namespace: string;
  /** Watched by the engine label, with a status; nobody else writes to objects of this kind. */
  readonly kind: Kind;
  /** As somebody else does it. */
  put(object: NewObject): Promise<unknown>;
  drop(place: ObjectPlace): Promise<unknown>;
  close(): Promise<void>;
}

const { claim } = kinds;
/** That no API server has. */
export const unserved = { apiVersion: 'none.countersign.test/v1', kind: 'Nothing', plural: 'nothings' };
const signal = new AbortController().signal;

/** `open`: its kind and claims, with the engine label, are watched; Tasks are not served. */
export function clusterObjectsContract(open: () => Promise<ClusterUnderTest>): void {
  let cluster: ClusterUnderTest;
  let objects: ClusterObjects;
  let kind: Kind;
  let changes: string[] = [];

  beforeAll(async () => {
    cluster = await open();
    ({ objects, kind } = cluster);
    await vi.waitFor(() => expect(objects.isReady()).toBe(true), { timeout: 20_000 });
    objects.onChange((object, change) => changes.push(`${object.metadata.name} ${change}`));
  });
  afterAll(async () => {
    await cluster.close();
  });

  const placeOf = (name: string): ObjectPlace => ({ kind, namespace: cluster.namespace, name });

  function named(name: string, more: Partial<NewObject['metadata']> = {}): NewObject {
    const labels = { [names.engineLabel]: 'job' };
    const metadata = { name, namespace: cluster.namespace, labels, ...more };
    return { apiVersion: kind.apiVersion, kind: kind.kind, metadata, spec: { size: 1, any: [{ thing: true }] } };
  }

  async function created(object: NewObject): Promise<KubeObject> {
    const answer = value(await objects.create(object, kind, signal));
    if (answer.kind !== 'created') throw new Error(`it was not created: ${JSON.stringify(answer)}`);
    return answer.object;
  }

  function write(object: KubeObject, active: number): Promise<Result<Written>> {
    return objects.writeStatus(object, kind, { active }, signal);
  }

  test('what is created is in memory with the answer, has its identity, and is told once', async () => {
    changes = [];
    const made = await created(named('made'));
    expect(objects.get(placeOf('made'))).toStrictEqual(made);
    expect(made.metadata.uid).not.toBe('');
    expect(made).toMatchObject({
      apiVersion: kind.apiVersion,
      kind: kind.kind,
      metadata: { generation: 1 },
      spec: { any: [{ thing: true }] },
    });
    expect(objects.list(kind).map((object) => object.metadata.name)).toContain('made');
    expect(changes.filter((change) => change === 'made present')).toHaveLength(1);
  });

  test('a name that is taken gives who has it, and changes nothing', async () => {
    const first = await created(named('taken'));
    const again = named('taken', { annotations: { mine: 'yes' } });
    expect(value(await objects.create(again, kind, signal))).toMatchObject({
      kind: 'exists',
      object: { metadata: { uid: first.metadata.uid } },
    });
    expect(objects.get(placeOf('taken'))?.metadata.annotations?.['mine']).toBeUndefined();
  });

  test('a name taken by what is not watched is found too, and does not come into memory', async () => {
    await cluster.put(named('foreign', { labels: {} }));
    expect(value(await objects.create(named('foreign'), kind, signal)).kind).toBe('exists');
    expect(objects.get(placeOf('foreign'))).toBeUndefined();
  });

  test('what cannot be is refused with the words of the server', async () => {
    const refused = value(await objects.create(named('Not_A_Name'), kind, signal));
    expect(refused).toMatchObject({ kind: 'refused', status: 422 });
    expect(refused.kind === 'refused' && refused.message).toContain('metadata.name');
  });

  test('a kind that is not served is not, and refuses what is to be created', async () => {
    expect([objects.isServed(kind), objects.isServed(unserved)]).toEqual([true, false]);
    const one = {
      apiVersion: unserved.apiVersion,
      kind: unserved.kind,
      metadata: { name: 'one', namespace: cluster.namespace },
    };
    expect(value(await objects.create(one, unserved, signal))).toMatchObject({ kind: 'refused', status: 404 });
    expect(objects.list(unserved)).toEqual([]);
  });

  test('is found by its controller, not by other owners', async () => {
    const owner = await created(named('owner'));
    const { uid } = owner.metadata;
    const reference = { apiVersion: kind.apiVersion, kind: kind.kind, name: 'owner', uid };
    await created(named('controlled', { ownerReferences: [{ ...reference, controller: true }] }));
    await created(named('owned', { ownerReferences: [reference] }));
    expect(objects.ownedBy(kind, uid, cluster.namespace).map((object) => object.metadata.name)).toEqual(['controlled']);
    expect(objects.ownedBy(claim, uid, cluster.namespace)).toEqual([]);
    expect(objects.ownedBy(kind, uid, 'elsewhere')).toEqual([]);
  });

  test('is read as it is now', async () => {
    const made = await created(named('read'));
    const place = { kind, namespace: cluster.namespace, name: 'read' };
    expect(value(await objects.read(place, signal))?.metadata.uid).toBe(made.metadata.uid);
    expect(value(await objects.read({ ...place, name: 'nobody' }, signal))).toBeUndefined();
  });

  test('a status is written for the version that was read, once', async () => {
    const made = await created(named('status'));
    const written = value(await write(made, 7));
    expect(written).toMatchObject({ kind: 'written', object: { metadata: { generation: 1 }, status: { active: 7 } } });
    expect(asRecord(objects.get(placeOf('status'))?.['status'])?.['active']).toBe(7);
    expect(value(await write(made, 8))).toEqual({ kind: 'superseded' });
    expect(asRecord(objects.get(placeOf('status'))?.['status'])?.['active']).toBe(7);
  });

  test('the status of what is gone is not written, nor that of another with its name', async () => {
    const made = await created(named('former'));
    expect(value(await objects.remove(placeOf('former'), made.metadata.uid, signal))).toBe('removed');
    expect(value(await write(made, 1))).toEqual({ kind: 'superseded' });
    const next = await created(named('former'));
    expect(next.metadata.uid).not.toBe(made.metadata.uid);
    expect(value(await write(made, 1))).toEqual({ kind: 'superseded' });
  });

  test('a patch changes what it names and takes away what is null; the status stays', async () => {
    const made = await created(named('patched', { annotations: { old: 'yes', other: 'yes' } }));
    value(await write(made, 3));
    const patch = { metadata: { annotations: { old: null, new: 'yes' } }, spec: { size: 60 } };
    expect(value(await objects.patch(placeOf('patched'), patch, signal)).kind).toBe('written');
    const now = objects.get(placeOf('patched'));
    expect(now?.metadata.annotations).toStrictEqual({ other: 'yes', new: 'yes' });
    expect(now).toMatchObject({
      metadata: { generation: 2 },
      spec: { size: 60, any: [{ thing: true }] },
      status: { active: 3 },
    });
  });

  test('a patch of what is not there, or not of the version that it names, changes nothing', async () => {
    expect(value(await objects.patch(placeOf('nothing'), {}, signal))).toEqual({ kind: 'superseded' });
    const made = await created(named('other'));
    value(await write(made, 1));
    const patch = { metadata: { resourceVersion: made.metadata.resourceVersion }, spec: { size: 60 } };
    expect(value(await objects.patch(placeOf('other'), patch, signal))).toEqual({ kind: 'superseded' });
    expect(asRecord(objects.get(placeOf('other'))?.['spec'])?.['size']).toBe(1);
    const another = { metadata: { uid: '0d0c6d3e-0000-4000-8000-000000000000' } };
    expect(value(await objects.patch(placeOf('other'), another, signal)).kind).not.toBe('written');
  });

  test('what is removed is out of memory with the answer, and is told', async () => {
    const made = await created(named('short'));
    changes = [];
    expect(value(await objects.remove(placeOf('short'), made.metadata.uid, signal))).toBe('removed');
    expect(objects.get(placeOf('short'))).toBeUndefined();
    expect(changes).toEqual(['short gone']);
    expect(value(await objects.remove(placeOf('short'), made.metadata.uid, signal))).toBe('gone');
  });

  test('nothing else of that name is removed', async () => {
    const made = await created(named('kept'));
    const before = '0d0c6d3e-0000-4000-8000-000000000000';
    expect(value(await objects.remove(placeOf('kept'), before, signal))).toBe('gone');
    expect(objects.get(placeOf('kept'))?.metadata.uid).toBe(made.metadata.uid);
  });

  test('what has a finalizer stays in memory, and says that it is to go', async () => {
    const made = await created(named('final', { finalizers: ['example.com/wait'] }));
    expect(value(await objects.remove(placeOf('final'), made.metadata.uid, signal))).toBe('removed');
    expect(objects.get(placeOf('final'))?.metadata.deletionTimestamp).toBeDefined();
    value(await objects.patch(placeOf('final'), { metadata: { finalizers: null } }, signal));
    await vi.waitFor(() => expect(objects.get(placeOf('final'))).toBeUndefined(), { timeout: 10_000 });
  });

  test('what others do comes into memory, and is told', async () => {
    changes = [];
    await cluster.put(named('theirs'));
    await vi.waitFor(() => expect(objects.get(placeOf('theirs'))).toBeDefined(), { timeout: 10_000 });
    await cluster.drop(placeOf('theirs'));
    await vi.waitFor(() => expect(objects.get(placeOf('theirs'))).toBeUndefined(), { timeout: 10_000 });
    expect([changes.at(0), changes.at(-1)]).toEqual(['theirs present', 'theirs gone']);
  });

  test('what nobody has written about is not told again', async () => {
    await created(named('quiet'));
    changes = [];
    await cluster.put(named('noise'));
    await vi.waitFor(() => expect(changes).toContain('noise present'), { timeout: 10_000 });
    expect(changes.filter((change) => change.startsWith('quiet'))).toEqual([]);
  });

  test('a Pod that is not there has nothing to read', async () => {
    const pod = { namespace: cluster.namespace, name: 'nobody', container: 'action' };
    expect(value(await objects.logTail(pod, 1_000, signal))).toBeUndefined();
  });

  test('of what is told about an object the newest warning counts', async () => {
    const about = await created(named('warned'));
    const { uid } = about.metadata;
    const tell = (name: string, second: number, of: string, type: string): Promise<unknown> =>
      cluster.put({
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name, namespace: cluster.namespace },
        involvedObject: { kind: kind.kind, namespace: cluster.namespace, name: 'warned', uid: of },
        type,
        reason: 'FailedCreate',
        message: `told by ${name}`,
        lastTimestamp: `2026-01-01T00:00:0${second}Z`,
      });
    const newest = async () => value(await objects.newestWarning({ namespace: cluster.namespace, uid }, signal));
    expect(await newest()).toBeUndefined();
    await tell('a', 1, uid, 'Warning');
    await tell('b', 3, uid, 'Warning');
    await tell('c', 2, uid, 'Warning');
    await tell('d', 4, uid, 'Normal');
    await tell('e', 5, '0d0c6d3e-0000-4000-8000-000000000000', 'Warning');
    expect(await newest()).toEqual({ reason: 'FailedCreate', message: 'told by b' });
  });

  test('whoever has stopped asks for nothing', async () => {
    const stopped = await objects.create(named('stopped'), kind, AbortSignal.abort());
    expect(stopped).toMatchObject({ ok: false, failure: { code: 'CLUSTER_UNAVAILABLE' } });
    expect(objects.get(placeOf('stopped'))).toBeUndefined();
  });
}

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.failure.message);
  return result.value;
}
