import { expect, test } from 'vitest';
import { changeFinder } from '../../../src/controllers/policies/find-changes.ts';
import type { Change } from '../../../src/controllers/policies/decide.ts';
import { parsePolicyValue } from '../../../src/policy/parse-documents.ts';
import type { PolicyMaterials, PolicyObject } from '../../../src/ports/policy-objects.ts';
import { policyDocument, policyFor, pass, snapshotOf, specWith } from '../../policy/kit.ts';

const none = { keys: [], code: [] };
const right: PolicyMaterials = { lacks: none, stale: none };
const stale: PolicyMaterials = { lacks: none, stale: { keys: ['its service is away'], code: [] } };

/** One policy that stays as it is, as a controller that was told of a change sees it. */
function finder() {
  const written = { ...policyDocument(specWith({})), metadata: { name: 'p', uid: 'p', generation: 1 } };
  const [document] = parsePolicyValue(written, 'p');
  if (document === undefined) throw new Error('no document');
  const state = { object: written as object, materials: right };
  const object = (): PolicyObject => ({
    kind: 'ClusterImagePolicy',
    name: 'p',
    document,
    inForce: 'as-written',
    ...state,
  });
  const snapshot = snapshotOf([policyFor([pass])]);
  const policies = { objects: () => [object()], current: () => snapshot, onChange: () => () => undefined };
  const find = changeFinder({ policies, clock: { now: () => new Date('2026-06-01T00:00:00Z') } });
  const look = async (): Promise<readonly Change[]> => {
    const changes = await find(false);
    const status = changes[0]?.status;
    if (status !== undefined) state.object = { ...state.object, status };
    return changes;
  };
  return { look, state };
}

function ready([change]: readonly Change[]): unknown {
  return change?.status.conditions.find(({ type }) => type === 'Ready')?.reason;
}

test('what is right is not looked at again', async () => {
  const { look } = finder();
  expect(ready(await look())).toBe('InForce');
  expect(await look()).toEqual([]);
  expect(await look()).toEqual([]);
});

test('keys that cannot be read any more, and can again, are told at once', async () => {
  const { look, state } = finder();
  await look();
  await look();
  state.materials = stale;
  expect(ready(await look())).toBe('NotRefreshed');
  expect(await look()).toEqual([]);
  state.materials = right;
  expect(ready(await look())).toBe('InForce');
});
