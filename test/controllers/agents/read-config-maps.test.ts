/** Whoever writes contexts says which ConfigMaps are read: never more of them is kept than one Task can hold. */
import { describe, expect, test } from 'vitest';
import type { NeededConfigMap } from '../../../src/agents/needed-config-maps.ts';
import { readConfigMaps } from '../../../src/controllers/agents/read-config-maps.ts';
import type { KubeObject } from '../../../src/kernel/kube-object.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { ClusterObjects } from '../../../src/ports/cluster-objects.ts';

const large = 'x'.repeat(700_000);

function cluster(data: Readonly<Record<string, string>>) {
  const asked: string[] = [];
  const read: ClusterObjects['read'] = ({ namespace = '', name }) => {
    asked.push(name);
    const metadata = { namespace, name, uid: name, resourceVersion: '1' };
    const object: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
    return Promise.resolve(ok(name === 'absent' ? undefined : object));
  };
  return { asked, objects: { read } };
}

async function readOf({ objects }: ReturnType<typeof cluster>, needed: readonly NeededConfigMap[]) {
  const read = await readConfigMaps(objects, needed, new AbortController().signal);
  if (!read.ok) throw new Error(read.failure.message);
  return read.value;
}

const of = (name: string, ...keys: readonly string[]): NeededConfigMap => ({
  namespace: 'team',
  name,
  ...(keys.length > 0 && { keys: new Set(keys) }),
});

describe('ConfigMaps of contexts', () => {
  test('are not read any more once they cannot fit', async () => {
    const world = cluster({ a: large });
    const found = await readOf(
      world,
      Array.from({ length: 500 }, (_, index) => of(`m${index}`)),
    );
    expect(world.asked).toEqual(['m0', 'm1']);
    expect(found.get('team/m2')).toBe('unread');
    expect(found.get('team/m499')).toBe('unread');
  });

  test('are kept as far as they are needed', async () => {
    const world = cluster({ a: large, b: 'small', c: large });
    const found = await readOf(
      world,
      Array.from({ length: 20 }, (_, index) => of(`m${index}`, 'b')),
    );
    expect(world.asked).toHaveLength(20);
    expect(found.get('team/m19')).toEqual({ data: { b: 'small' }, binaryData: {} });
  });

  test('are not there where they were not found', async () => {
    const found = await readOf(cluster({}), [of('absent'), of('there', 'k')]);
    expect([...found]).toEqual([['team/there', { data: {}, binaryData: {} }]]);
  });
});
