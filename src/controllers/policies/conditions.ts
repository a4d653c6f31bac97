/**
 * What became of a policy or trust root, as conditions: whether it is in force as it is written, and if not, why, what is
 * in force instead, and the way out. Names that sigstore policy-controller has are its names. Pure.
 */
import { quoted } from '../../kernel/failure.ts';
import type { ActionException } from '../../policy/action-policy.ts';
import type { ClusterImagePolicy, TrustRoot } from '../../policy/model.ts';
import type { PolicyDocument } from '../../policy/parse-documents.ts';
import type { InForce, PolicyMaterials, PolicyObject } from '../../ports/policy-objects.ts';
import type { Condition } from '../../ports/policy-statuses.ts';
import { condition, isInForce, judgedBy, notJudgedBy, notYet } from './condition.ts';
import { allKeysInlined, imagePolicyConditions } from './image-policy-conditions.ts';
import { reachOf, type Reach } from './never-matches.ts';

/** What requests are judged under, by name; both empty while nothing is in force. */
export interface Judging {
  readonly policies: ReadonlyMap<string, ClusterImagePolicy>;
  readonly trustRoots: ReadonlyMap<string, TrustRoot>;
}

export function conditionsOf(
  { kind, document, inForce, problems = [], materials }: Omit<PolicyObject, 'name' | 'object'>,
  judging: Judging,
  now: Date,
): readonly Condition[] {
  switch (document.kind) {
    case 'policy':
      return ofImagePolicy({ document, inForce, materials }, judging);
    case 'action-policy': {
      const { exceptions } = document.policy;
      const ready = inForce === 'as-written' ? isInForce : notYet;
      return [ready, matchable(reachOf(document.policy)), exceptionsExpired(exceptions, now)];
    }
    case 'trust-root':
      return ofTrustRoot(judging.trustRoots.get(document.name)?.notReady ?? document.root.notReady, inForce, problems);
    case 'problem': {
      const ready = condition('Ready', 'False', 'Invalid', ...document.messages, instead[inForce]);
      return kind === 'ActionPolicy' ? [ready] : [ready, notJudgedBy('Invalid', instead[inForce])];
    }
    case 'secret':
    case 'config-map':
      return [];
  }
}

const instead: Readonly<Record<InForce, string>> = {
  'as-written': 'it is in force all the same',
  'last-good': 'its last good version stays in force until it is repaired',
  refuses: 'until it is repaired every image that needs it is refused',
  'nothing-of-it': 'until it is repaired nothing of it is in force, and everything else stays as it was',
  nothing: 'until it is repaired no policy is in force, and every request is refused',
};

function ofImagePolicy(
  {
    document,
    inForce,
    materials,
  }: {
    readonly document: Extract<PolicyDocument, { readonly kind: 'policy' }>;
    readonly inForce: InForce;
    readonly materials: PolicyMaterials | undefined;
  },
  { policies, trustRoots }: Judging,
): readonly Condition[] {
  const compiled = policies.get(document.name);
  const reach = matchable(reachOf(document.policy));
  if (inForce !== 'as-written' || compiled === undefined) return [notYet, nothingJudged, reach];
  return [...imagePolicyConditions(compiled, trustRoots, materials), reach];
}

const nothingJudged = notJudgedBy(notYet.reason, 'nothing is in force, and every request is refused');

/** `problems` that leave it ready are about what was to replace it, or will have to. */
function ofTrustRoot(notReady: readonly string[], inForce: InForce, problems: readonly string[]): readonly Condition[] {
  if (notReady.length > 0) {
    const rest = 'until then policies that name it refuse every image they match';
    return [
      condition('Ready', 'False', 'NotRead', ...notReady, `it is read again by itself; ${rest}`),
      condition('KeysInlined', 'False', 'NotRead', ...notReady),
      notJudgedBy('NotRead', 'policies that name it refuse every image they match'),
    ];
  }
  if (inForce !== 'as-written') return [notYet, allKeysInlined, nothingJudged];
  if (problems.length === 0) return [isInForce, allKeysInlined, judgedBy];
  const rest = 'what was read before stays in force, and it is read again by itself';
  return [condition('Ready', 'False', 'NotRefreshed', ...problems, rest), allKeysInlined, judgedBy];
}

function matchable({ extent, vain }: Reach): Condition {
  switch (extent) {
    case 'all':
      return condition('Matchable', 'True', 'CanMatch', 'there are images that it can match');
    case 'some':
      return condition('Matchable', 'True', 'PartlyInVain', ...vain);
    case 'none':
      return condition('Matchable', 'False', 'NeverMatches', ...vain);
  }
}

function exceptionsExpired(all: readonly ActionException[], now: Date): Condition {
  const type = 'ExceptionsExpired';
  const expired = all.filter(({ expires }) => expires.getTime() <= now.getTime());
  if (expired.length === 0) return condition(type, 'False', 'NoneExpired', 'every exception counts');
  const named = expired.map(({ owner, expires }) => `of ${quoted(owner, 64)} since ${expires.toISOString()}`);
  return condition(type, 'True', 'Expired', `${expired.length} of ${all.length} no longer count: ${named.join(', ')}`);
}
