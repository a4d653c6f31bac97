/** Conditions of a ClusterImagePolicy that can be read. Pure. */
import { trustRootProblems, trustRootsNamedBy } from '../../policy/snapshot.ts';
import type { ClusterImagePolicy, TrustRoot } from '../../policy/model.ts';
import type { PolicyMaterials } from '../../ports/policy-objects.ts';
import type { Condition } from '../../ports/policy-statuses.ts';
import { condition, isInForce, judgedBy } from './condition.ts';

const none: PolicyMaterials = { lacks: { keys: [], code: [] }, stale: { keys: [], code: [] } };

/** Of one that is in force as it is written, even if that means that it refuses what it matches. */
export function imagePolicyConditions(
  compiled: ClusterImagePolicy,
  trustRoots: ReadonlyMap<string, TrustRoot>,
  materials: PolicyMaterials = none,
): readonly Condition[] {
  const problems = sorted(compiled, trustRoots, materials);
  return [readyUnless(problems), keysInlined(problems), policiesInlined(problems), judgedBy];
}

/** Why a policy is not ready, by what has to be done about it. */
interface Problems {
  readonly keys: readonly string[];
  readonly code: readonly string[];
  readonly roots: readonly string[];
  readonly isRootMissing: boolean;
  readonly stale: PolicyMaterials['stale'];
}

function sorted(
  compiled: ClusterImagePolicy,
  trustRoots: ReadonlyMap<string, TrustRoot>,
  { lacks, stale }: PolicyMaterials,
): Problems {
  const roots = trustRootProblems(compiled, trustRoots);
  const others = new Set([...roots, ...lacks.code]);
  const keys = compiled.notReady.filter((sentence) => !others.has(sentence));
  const isRootMissing = trustRootsNamedBy(compiled).some((name) => !trustRoots.has(name));
  return { keys, code: lacks.code, roots, isRootMissing, stale };
}

const refuses = 'until then it refuses every image it matches';
const stays = 'what was read before stays in force, and it is read again by itself';

function readyUnless({ keys, code, roots, isRootMissing, stale }: Problems): Condition {
  const no = (reason: string, wayOut: string): Condition =>
    condition('Ready', 'False', reason, ...keys, ...code, ...roots, `${wayOut}; ${refuses}`);
  if (keys.length > 0)
    return no(
      'KeysMissing',
      "put the key into a Secret of Countersign's own namespace or into data, or see to its key service",
    );
  if (code.length > 0)
    return no(
      'PoliciesMissing',
      "put the code into a ConfigMap of Countersign's own namespace or into data, or see to its address",
    );
  if (isRootMissing) return no('TrustRootMissing', 'apply the TrustRoot, or name one that is there');
  if (roots.length > 0) return no('TrustRootNotReady', 'repair the TrustRoot: its own status says how');
  const old = [...stale.keys, ...stale.code];
  return old.length === 0 ? isInForce : condition('Ready', 'False', 'NotRefreshed', ...old, stays);
}

function keysInlined({ keys, stale }: Problems): Condition {
  if (keys.length > 0) return condition('KeysInlined', 'False', 'KeysMissing', ...keys);
  return stale.keys.length === 0
    ? allKeysInlined
    : condition('KeysInlined', 'False', 'NotRefreshed', ...stale.keys, stays);
}

export const allKeysInlined = condition(
  'KeysInlined',
  'True',
  'KeysInlined',
  'every key and certificate that it names was read',
);

function policiesInlined({ code, stale }: Problems): Condition {
  const type = 'PoliciesInlined';
  if (code.length > 0) return condition(type, 'False', 'PoliciesMissing', ...code);
  if (stale.code.length > 0) return condition(type, 'False', 'NotRefreshed', ...stale.code, stays);
  return condition(type, 'True', 'PoliciesInlined', 'all the code that it names was read');
}
