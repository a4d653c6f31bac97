/**
 * What became of a policy or trust root, as conditions: whether it is in force as it is written, and if not, why, what is
 * in force instead, and the way out. Names that sigstore policy-controller has are its names. Pure.
 */
import { quoted } from '../../kernel/failure.ts';
import type { ActionException } from '../../policy/action-policy.ts';
import { trustRootProblems, trustRootsNamedBy } from '../../policy/compile.ts';
import type { ClusterImagePolicy, TrustRoot } from '../../policy/model.ts';
import type { ParsedPolicy } from '../../policy/parse-cluster-image-policy.ts';
import type { InForce, PolicyObject } from '../../ports/policy-objects.ts';
import type { Condition } from '../../ports/policy-statuses.ts';
import { reachOf, type Reach } from './never-matches.ts';

/** Conditions of other types are somebody else's. */
export const conditionTypes = ['Ready', 'KeysInlined', 'PoliciesInlined', 'Matchable', 'ExceptionsExpired'] as const;
type ConditionType = (typeof conditionTypes)[number];

/** What requests are judged under, by name; both empty while nothing is in force. */
export interface Judging {
  readonly policies: ReadonlyMap<string, ClusterImagePolicy>;
  readonly trustRoots: ReadonlyMap<string, TrustRoot>;
}

export function conditionsOf(
  { document, inForce, problems = [] }: Pick<PolicyObject, 'document' | 'inForce' | 'problems'>,
  judging: Judging,
  now: Date,
): readonly Condition[] {
  switch (document.kind) {
    case 'policy':
      return ofImagePolicy(document.policy, inForce, judging);
    case 'action-policy': {
      const { exceptions } = document.policy;
      const ready = inForce === 'as-written' ? isInForce : notYet;
      return [ready, matchable(reachOf(document.policy)), exceptionsExpired(exceptions, now)];
    }
    case 'trust-root':
      return ofTrustRoot(judging.trustRoots.get(document.name)?.notReady ?? document.root.notReady, inForce, problems);
    case 'problem':
      return [condition('Ready', 'False', 'Invalid', ...document.messages, instead[inForce])];
    case 'secret':
    case 'config-map':
      return [];
  }
}

/** Far below the 32 KiB that meta/v1 has for it, and short enough to be read. */
const maxMessage = 2_000;

const isInForce = condition('Ready', 'True', 'InForce', 'it is in force as it is written');
const notYet = condition(
  'Ready',
  'False',
  'NothingInForce',
  'another policy cannot be read; until that is repaired nothing is in force and every request is refused: look for reason Invalid',
);

const instead: Readonly<Record<InForce, string>> = {
  'as-written': 'it is in force all the same',
  'last-good': 'its last good version stays in force until it is repaired',
  refuses: 'until it is repaired every image that needs it is refused',
  'nothing-of-it': 'until it is repaired nothing of it is in force, and everything else stays as it was',
  nothing: 'until it is repaired no policy is in force, and every request is refused',
};

function ofImagePolicy(parsed: ParsedPolicy, inForce: InForce, judging: Judging): readonly Condition[] {
  const compiled = judging.policies.get(parsed.name);
  const reach = matchable(reachOf(parsed));
  if (inForce !== 'as-written' || compiled === undefined) return [notYet, reach];
  const problems = sorted(parsed, compiled, judging.trustRoots);
  return [readyUnless(problems), keysInlined(problems), policiesInlined(problems), reach];
}

/** Why a policy is not ready, by what has to be done about it. */
interface Problems {
  readonly unsupported: readonly string[];
  readonly keys: readonly string[];
  readonly roots: readonly string[];
  readonly isRootMissing: boolean;
}

function sorted(parsed: ParsedPolicy, compiled: ClusterImagePolicy, trustRoots: Judging['trustRoots']): Problems {
  const unsupported = parsed.notReady;
  const roots = trustRootProblems(compiled, trustRoots);
  const keys = compiled.notReady.filter((sentence) => !unsupported.includes(sentence) && !roots.includes(sentence));
  const isRootMissing = trustRootsNamedBy(compiled).some((name) => !trustRoots.has(name));
  return { unsupported, keys, roots, isRootMissing };
}

function readyUnless({ unsupported, keys, roots, isRootMissing }: Problems): Condition {
  const rest = 'until then it refuses every image it matches';
  const no = (reason: string, wayOut: string): Condition =>
    condition('Ready', 'False', reason, ...unsupported, ...keys, ...roots, `${wayOut}; ${rest}`);
  if (unsupported.length > 0) return no('NotSupported', 'take out of the policy what is not supported');
  if (keys.length > 0)
    return no('KeysMissing', "put the key into a Secret of Countersign's own namespace, or into data");
  if (isRootMissing) return no('TrustRootMissing', 'apply the TrustRoot, or name one that is there');
  if (roots.length > 0) return no('TrustRootNotReady', 'repair the TrustRoot: its own status says how');
  return isInForce;
}

function keysInlined({ keys }: Pick<Problems, 'keys'>): Condition {
  return keys.length === 0
    ? condition('KeysInlined', 'True', 'KeysInlined', 'every key and certificate that it names was read')
    : condition('KeysInlined', 'False', 'KeysMissing', ...keys);
}

function policiesInlined({ unsupported }: Problems): Condition {
  return unsupported.length === 0
    ? condition('PoliciesInlined', 'True', 'PoliciesInlined', 'everything that it demands can be judged')
    : condition('PoliciesInlined', 'False', 'NotSupported', ...unsupported);
}

/** `problems` that leave it ready are about what was to replace it, or will have to. */
function ofTrustRoot(notReady: readonly string[], inForce: InForce, problems: readonly string[]): readonly Condition[] {
  if (notReady.length > 0) {
    const rest = 'until then policies that name it refuse every image they match';
    const sentences = [...notReady, `it is read again by itself; ${rest}`];
    return [
      condition('Ready', 'False', 'NotRead', ...sentences),
      condition('KeysInlined', 'False', 'NotRead', ...notReady),
    ];
  }
  if (inForce !== 'as-written') return [notYet, keysInlined({ keys: [] })];
  if (problems.length === 0) return [isInForce, keysInlined({ keys: [] })];
  const rest = 'what was read before stays in force, and it is read again by itself';
  return [condition('Ready', 'False', 'NotRefreshed', ...problems, rest), keysInlined({ keys: [] })];
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

/** The last sentence is what people need most, and is never cut off. */
function condition(
  type: ConditionType,
  status: Condition['status'],
  reason: string,
  ...sentences: readonly string[]
): Condition {
  const last = quoted(sentences.at(-1) ?? '', maxMessage / 2);
  const before = sentences.slice(0, -1).join('; ').replaceAll('\n', ' ');
  const message =
    before === '' ? last : `${quoted(before, maxMessage / 2)}. ${last.charAt(0).toUpperCase()}${last.slice(1)}`;
  return { type, status, reason, message };
}
