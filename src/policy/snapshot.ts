/** Everything that a request is judged under, put together: a new generation for every difference that decides. Pure. */
import { digestOf } from '../kernel/digest.ts';
import { stableJson } from '../kernel/stable-json.ts';
import type { ActionPolicy } from './action-policy.ts';
import type {
  Authority,
  ClusterImagePolicy,
  Compatibility,
  NoMatchPolicy,
  PolicyRules,
  PolicySnapshot,
  TrustRoot,
} from './model.ts';
import { plain } from './plain-data.ts';

export interface SnapshotParts {
  /** Names are unique. */
  readonly policies: readonly ClusterImagePolicy[];
  /** Names are unique. */
  readonly actionPolicies?: readonly ActionPolicy[];
  /** With the public-good root under its own name. */
  readonly trustRoots: readonly TrustRoot[];
  readonly noMatch: NoMatchPolicy;
  readonly compatibility?: readonly Compatibility[];
  readonly rules?: PolicyRules;
}

export function buildSnapshot(parts: SnapshotParts): PolicySnapshot {
  const { policies, actionPolicies = [], trustRoots, noMatch, compatibility = [], rules = {} } = parts;
  const roots = new Map(trustRoots.map((root) => [root.name, root]));
  const sorted = policies.map((policy) => withRootsChecked(policy, roots)).sort(byName);
  const sortedActions = [...actionPolicies].sort(byName);
  // Text by text, and each policy's own hash made once: with ten thousand of them this is done for every change of one.
  const content = [
    ...sorted.map(({ name, meaning, notReady }) => ['policy', name, meaning, ...notReady]),
    ...[...roots].map(([name, root]) => ['trust root', name, root.generation, ...root.notReady]),
    ...sortedActions.map((policy) => ['action policy', actionMeaning(policy)]),
    ['no match', noMatch],
    ...(compatibility.length === 0 ? [] : [['compatibility', ...compatibility.toSorted()]]),
    ...(Object.keys(rules).length === 0 ? [] : [['rules', stableJson(rules)]]),
  ];
  const generation = digestOf(JSON.stringify(content));
  return {
    generation,
    policies: sorted,
    actionPolicies: sortedActions,
    trustRoots: roots,
    noMatch,
    compatibility: new Set(compatibility),
    rules,
  };
}

const actionMeanings = new WeakMap<ActionPolicy, string>();

function actionMeaning(policy: ActionPolicy): string {
  const meaning = actionMeanings.get(policy) ?? digestOf(stableJson(plain(policy)));
  actionMeanings.set(policy, meaning);
  return meaning;
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : Number(a.name > b.name);
}

function withRootsChecked(policy: ClusterImagePolicy, roots: ReadonlyMap<string, TrustRoot>): ClusterImagePolicy {
  const problems = trustRootProblems(policy, roots);
  return problems.length === 0 ? policy : { ...policy, notReady: [...policy.notReady, ...problems] };
}

type Authorities = Pick<ClusterImagePolicy, 'authorities'>;

/** The sentences of `notReady` that are about trust roots. */
export function trustRootProblems(
  { authorities }: Authorities,
  roots: ReadonlyMap<string, TrustRoot>,
): readonly string[] {
  const problems = authorities.flatMap((authority) =>
    rootsOf(authority)
      .flatMap((name) => rootProblems(name, roots.get(name)))
      .map((problem) => `${authority.name}: ${problem}`),
  );
  return [...new Set(problems)];
}

export function trustRootsNamedBy({ authorities }: Authorities): readonly string[] {
  return [...new Set(authorities.flatMap(rootsOf))];
}

function rootsOf(authority: Authority): readonly string[] {
  if (authority.kind === 'static') return [];
  const named = [authority.ctlog?.trustRootRef, authority.timestampTrustRootRef];
  if (authority.kind === 'keyless') named.push(authority.trustRootRef);
  return named.filter((name) => name !== undefined);
}

function rootProblems(name: string, root: TrustRoot | undefined): readonly string[] {
  if (root === undefined) return [`there is no TrustRoot "${name}"`];
  return root.notReady.map((problem) => `TrustRoot "${name}" cannot be used: ${problem}`);
}
