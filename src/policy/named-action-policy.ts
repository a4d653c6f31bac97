/**
 * A Pod may name an ActionPolicy that is to hold for all its images, whatever images the policy itself names. For it the
 * policies are the same, but that one, which then matches every image: so everything that depends on ActionPolicies sees
 * it alike. It adds restrictions and takes none away; its exceptions stay, which go by digest.
 */
import type { Glob } from '../kernel/glob.ts';
import { memoize } from '../kernel/memoize.ts';
import type { PolicySnapshot } from './model.ts';

type ByName = (name: string) => PolicySnapshot | undefined;

const every: Glob = { source: '**', matches: () => true };
/** Plans are remembered for each of them. */
const maxNames = 64;
const known = new WeakMap<PolicySnapshot, ByName>();

/** Undefined: there is no ActionPolicy of that name. The same text gives the same object, so that plans are remembered. */
export function underActionPolicy(snapshot: PolicySnapshot, name: string): PolicySnapshot | undefined {
  if (!snapshot.actionPolicies.some((policy) => policy.name === name)) return undefined;
  const byName = known.get(snapshot) ?? memoize(maxNames, (wanted) => widened(snapshot, wanted));
  known.set(snapshot, byName);
  return byName(name);
}

function widened(snapshot: PolicySnapshot, name: string): PolicySnapshot {
  const actionPolicies = snapshot.actionPolicies.map((policy) =>
    policy.name === name ? { ...policy, images: [every] } : policy,
  );
  return { ...snapshot, actionPolicies };
}
