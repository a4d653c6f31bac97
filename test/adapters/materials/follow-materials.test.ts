import { afterEach, expect, test } from 'vitest';
import {
  followMaterials,
  usualMaterialTiming,
  type FollowedMaterials,
} from '../../../src/adapters/materials/follow-materials.ts';
import { outage, type LookedUp } from '../../../src/adapters/materials/looked-up.ts';
import type { MaterialRef } from '../../../src/policy/wanted-materials.ts';
import { untilHolds } from '../../until-holds.ts';

const timing = { patience: 50, deadline: 1_000, resync: 40, retry: { first: 10, longest: 20 } };
const key: MaterialRef = { kind: 'kms', uri: 'hashivault://k' };
const text = (value: string): LookedUp => ({ ok: true, value });

let followed: FollowedMaterials | undefined;
afterEach(() => followed?.close());

interface Service {
  answer: LookedUp | Promise<LookedUp>;
  asked: number;
  changed: number;
}

function start(answer: Service['answer'], more: Partial<typeof timing> = {}): Service {
  const service = { answer, asked: 0, changed: 0 };
  const look = async (): Promise<LookedUp> => {
    service.asked += 1;
    return await service.answer;
  };
  followed = followMaterials({ publicKey: look, remotePolicy: look }, () => (service.changed += 1), {
    ...timing,
    ...more,
  });
  return service;
}

async function read(...refs: readonly MaterialRef[]): Promise<unknown> {
  return [...((await followed?.read(refs)) ?? new Map()).values()];
}

test('is looked up once, however often policies are read', async () => {
  const service = start(text('a'), { resync: 60_000 });
  expect(await read(key)).toEqual([text('a')]);
  expect(await read(key, key)).toEqual([text('a')]);
  expect([service.asked, service.changed]).toEqual([1, 0]);
});

test('is looked up again after a while, and a change is told', async () => {
  const service = start(text('a'));
  await read(key);
  await untilHolds(() => expect(service.asked).toBeGreaterThan(2));
  expect(service.changed).toBe(0);
  service.answer = text('b');
  await untilHolds(() => expect(service.changed).toBeGreaterThan(0));
  expect(await read(key)).toEqual([text('b')]);
});

test('an outage is told, tried again soon, and over when it is over', async () => {
  const service = start(outage('away'));
  expect(await read(key)).toEqual([outage('away')]);
  service.answer = text('a');
  await untilHolds(() => expect(service.changed).toBeGreaterThan(0));
  expect(await read(key)).toEqual([text('a')]);
});

test('policies do not wait long for a service that hangs, and hear of the answer when it comes', async () => {
  const { promise, resolve } = Promise.withResolvers<LookedUp>();
  const service = start(promise, { deadline: 60_000 });
  expect(await read(key)).toEqual([outage('there is no answer yet')]);
  resolve(text('a'));
  await untilHolds(() => expect(service.changed).toBeGreaterThan(0));
  expect(await read(key)).toEqual([text('a')]);
});

test('one that hangs keeps no other waiting', async () => {
  const hanging = Promise.withResolvers<LookedUp>();
  followed = followMaterials(
    {
      publicKey: (uri) => (uri.endsWith('/k') ? hanging.promise : Promise.resolve(text(uri))),
      remotePolicy: () => hanging.promise,
    },
    () => undefined,
    timing,
  );
  const refs = Array.from({ length: 20 }, (_, index) => ({ kind: 'kms', uri: `hashivault://${index}` }) as const);
  const found = await followed.read([key, ...refs]);
  expect([...found.values()].filter(({ ok }) => ok)).toHaveLength(20);
  hanging.resolve(outage('late'));
});

test('what no policy names any more is not looked up any more', async () => {
  const service = start(text('a'));
  await read(key);
  await read();
  const { asked } = service;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(service.asked).toBe(asked);
});

test('Secrets and ConfigMaps are somebody else’s, and without services there is nothing', async () => {
  const service = start(text('a'));
  expect(await read({ kind: 'secret', name: 's' }, { kind: 'config-map', name: 'c' })).toEqual([]);
  expect(service.asked).toBe(0);
  const without = followMaterials(undefined, () => undefined, timing);
  expect((await without.read([key])).size).toBe(0);
});

test('what is mended is found within a minute', () => {
  expect(usualMaterialTiming.retry.longest).toBeLessThanOrEqual(60_000);
});
