// Whatever a service answers, and however an adapter fails at it: policies are read all the same, and the program lives.
import { afterEach, expect, test } from 'vitest';
import { followMaterials, type FollowedMaterials } from '../../../src/adapters/materials/follow-materials.ts';
import type { MaterialRef } from '../../../src/policy/wanted-materials.ts';
import { untilHolds } from '../../until-holds.ts';

const timing = { patience: 50, deadline: 1_000, resync: 40, retry: { first: 10, longest: 20 } };
const key: MaterialRef = { kind: 'kms', uri: 'hashivault://k' };

let followed: FollowedMaterials | undefined;
afterEach(() => followed?.close());

test('an adapter that stumbles over an answer has none, and is asked again', async () => {
  let asked = 0;
  const stumbles = async (): Promise<never> => {
    asked += 1;
    throw new TypeError('Cannot convert object to primitive value');
  };
  followed = followMaterials({ publicKey: stumbles, remotePolicy: stumbles }, () => undefined, timing);
  const found = [...(await followed.read([key])).values()];
  expect(found).toEqual([{ ok: false, failure: { problem: 'its answer cannot be read', isGone: false } }]);
  await untilHolds(() => expect(asked).toBeGreaterThan(2));
});
