import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ObjectMemory } from '../../../src/adapters/kubernetes/object-memory.ts';
import type { KubeObject } from '../../../src/kernel/kube-object.ts';

function memory(): { readonly memory: ObjectMemory; readonly told: string[] } {
  const told: string[] = [];
  const made = new ObjectMemory(({ metadata: { name, resourceVersion } }, change) => {
    told.push(`${name}@${resourceVersion} ${change}`);
  });
  return { memory: made, told };
}

function thing(name: string, version: number | string, uid = `uid-of-${name}`, controller?: string): KubeObject {
  const owner = { apiVersion: 'v1', kind: 'Owner', name: 'owner' };
  const ownerReferences = controller === undefined ? [] : [{ ...owner, uid: controller, controller: true }];
  const metadata = { name, namespace: 'shop', uid, resourceVersion: String(version), ownerReferences };
  return { apiVersion: 'v1', kind: 'Thing', metadata };
}

const versionOf = (objects: ObjectMemory, name: string): string | undefined =>
  objects.get('shop', name)?.metadata.resourceVersion;

test('what is older than what is known is not taken, whichever way it comes', () => {
  const { memory: objects, told } = memory();
  objects.written(thing('a', 20));
  objects.seen(thing('a', 10));
  objects.written(thing('a', 15));
  objects.listed([thing('a', 12)], '14');
  expect(versionOf(objects, 'a')).toBe('20');
  expect(told).toEqual(['a@20 present']);
});

test('versions are numbers of any length', () => {
  const { memory: objects } = memory();
  objects.seen(thing('a', '9'));
  objects.seen(thing('a', '10'));
  objects.seen(thing('a', '9007199254740993'));
  objects.seen(thing('a', '9007199254740992'));
  expect(versionOf(objects, 'a')).toBe('9007199254740993');
});

test('the same version again is not told again', () => {
  const { memory: objects, told } = memory();
  for (let again = 0; again < 3; again += 1) objects.seen(thing('a', 10));
  expect(told).toEqual(['a@10 present']);
});

test('a list takes away what it does not name, but not what was written after it', () => {
  const { memory: objects, told } = memory();
  objects.seen(thing('old', 10));
  objects.written(thing('new', 30));
  told.length = 0;
  objects.listed([thing('other', 5)], '20');
  expect(told).toEqual(['old@10 gone', 'other@5 present']);
  expect(versionOf(objects, 'new')).toBe('30');
});

test('what was removed does not come back with an answer that was under way', () => {
  const { memory: objects } = memory();
  objects.seen(thing('a', 10));
  objects.removed(thing('a', 12));
  objects.written(thing('a', 11));
  objects.seen(thing('a', 11));
  expect(objects.all()).toEqual([]);
});

test('what was removed before its creation was answered does not come into memory', () => {
  const { memory: objects, told } = memory();
  objects.removed(thing('a', 12));
  objects.written(thing('a', 10));
  expect(told).toEqual([]);
  const { memory: listed } = memory();
  listed.listed([], '15');
  listed.written(thing('a', 10));
  expect(listed.all()).toEqual([]);
});

test('what has lost its label and got it back is there again', () => {
  const { memory: objects } = memory();
  objects.seen(thing('a', 10));
  objects.removed(thing('a', 11));
  objects.seen(thing('a', 12));
  expect(versionOf(objects, 'a')).toBe('12');
});

test('what is erased never comes back, whatever version somebody still has of it', () => {
  const { memory: objects } = memory();
  objects.seen(thing('a', 10));
  objects.erased(thing('a', 10));
  objects.seen(thing('a', 99));
  expect(objects.all()).toEqual([]);
});

test('another of the same name takes its place, and the end of the first does not end it', () => {
  const { memory: objects, told } = memory();
  objects.seen(thing('a', 10, 'first'));
  objects.written(thing('a', 20, 'second'));
  objects.removed(thing('a', 15, 'first'));
  expect(told).toEqual(['a@10 present', 'a@10 gone', 'a@20 present']);
  expect(objects.get('shop', 'a')?.metadata.uid).toBe('second');
});

test('is found by its controller until it has another, or is gone', () => {
  const { memory: objects } = memory();
  objects.seen(thing('a', 1, 'a', 'one'));
  objects.seen(thing('b', 2, 'b', 'one'));
  const owned = (uid: string): readonly string[] => objects.ownedBy(uid).map(({ metadata }) => metadata.name);
  expect(owned('one')).toEqual(['a', 'b']);
  objects.seen(thing('a', 3, 'a', 'two'));
  objects.removed(thing('b', 4, 'b', 'one'));
  expect([owned('one'), owned('two')]).toEqual([[], ['a']]);
});

test('a collection that is gone and comes back may have the same objects', () => {
  const { memory: objects, told } = memory();
  objects.listed([thing('a', 10)], '11');
  objects.clear();
  objects.listed([thing('a', 10)], '11');
  expect(told).toEqual(['a@10 present', 'a@10 gone', 'a@10 present']);
});

// A server's history of objects; a watch that repeats and lags, lists, and answers to our own writes come in any mixture.
test('however events, lists and answers mix, the end is what the server has', () => {
  const step = fc.record({ name: fc.constantFrom('a', 'b', 'c'), remove: fc.boolean(), answered: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.infiniteStream(fc.nat(3)), (steps, lags) => {
      const { memory: objects } = memory();
      const server = new Map<string, KubeObject>();
      const events: (() => void)[] = [];
      let version = 0;
      for (const { name, remove, answered } of steps) {
        version += 1;
        const before = server.get(name);
        const uid = before?.metadata.uid ?? `${name}-${version}`;
        const object = thing(name, version, uid);
        if (!remove) server.set(name, object);
        else if (!server.delete(name)) continue;
        events.push(() => (remove ? objects.removed(object) : objects.seen(object)));
        if (answered) (remove ? () => objects.erased(object) : () => objects.written(object))();
        // The watch is as far behind as it likes, but in order.
        for (let lag = lags.next().value ?? 0; events.length > lag;) events.shift()?.();
      }
      for (const event of events) event();
      const expected = [...server.values()].map(({ metadata }) => metadata.uid + metadata.resourceVersion).sort();
      expect(
        objects
          .all()
          .map(({ metadata }) => metadata.uid + metadata.resourceVersion)
          .sort(),
      ).toEqual(expected);
      objects.listed([...server.values()], String(version));
      expect(objects.all()).toHaveLength(server.size);
    }),
  );
});
