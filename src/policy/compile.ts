/**
 * From what documents say to what requests are judged under: keys and trust roots are looked up, and whatever is missing
 * becomes a sentence in `notReady`, so that the policy still refuses what it matches. A policy is never dropped here:
 * a missing demand would admit.
 */
import { digestOf } from '../kernel/digest.ts';
import { defined } from '../kernel/defined.ts';
import { stableJson } from '../kernel/stable-json.ts';
import type { ActionPolicy } from './action-policy.ts';
import type { Authority, ClusterImagePolicy, NoMatchPolicy, PolicySnapshot, TrustRoot } from './model.ts';
import type { KeySource, ParsedAuthority } from './parse-authority.ts';
import type { ParsedPolicy } from './parse-cluster-image-policy.ts';
import { certificatesWanted, pemCertificates } from './pem-certificates.ts';
import { parsePublicKeys } from './public-keys.ts';

/** Data of a Secret by name, or why it cannot be had. */
export type SecretLookup = (name: string, namespace: string | undefined) => SecretData;
export type SecretData =
  { readonly ok: true; readonly data: ReadonlyMap<string, string> } | { readonly ok: false; readonly problem: string };

export function compilePolicy(parsed: ParsedPolicy, secret: SecretLookup): ClusterImagePolicy {
  const notReady = [...parsed.notReady];
  const authorities = parsed.authorities.map((authority) => compileAuthority(authority, secret, notReady));
  const policy = { ...parsed, authorities, notReady };
  return { ...policy, meaning: digestOf(stableJson(meaningOf(policy))) };
}

function compileAuthority(authority: ParsedAuthority, secret: SecretLookup, notReady: string[]): Authority {
  const complain = (problem: string): void => void notReady.push(`${authority.name}: ${problem}`);
  switch (authority.kind) {
    case 'static':
      return authority;
    case 'key': {
      const { key, ...rest } = authority;
      return { ...rest, keys: readKeys(key, secret, complain) };
    }
    case 'keyless': {
      const { caCert, ...rest } = authority;
      return { ...rest, ...defined('caCert', caCert === undefined ? undefined : readCa(caCert, secret, complain)) };
    }
  }
}

function readKeys(source: KeySource, secret: SecretLookup, complain: (problem: string) => void): readonly string[] {
  const text = material(source, secret, complain);
  if (text === undefined) return [];
  const parsed = parsePublicKeys(text);
  if (!parsed.ok) complain(parsed.problem);
  return parsed.ok ? parsed.keys : [];
}

function readCa(source: KeySource, secret: SecretLookup, complain: (problem: string) => void): string | undefined {
  const text = material(source, secret, complain);
  if (text !== undefined && pemCertificates(text) === undefined) complain(`keyless.ca-cert: ${certificatesWanted}`);
  return text;
}

function material(source: KeySource, secret: SecretLookup, complain: (problem: string) => void): string | undefined {
  switch (source.kind) {
    case 'pem':
      return source.text;
    case 'none':
      return undefined;
    case 'secret': {
      const found = secret(source.name, source.namespace);
      if (!found.ok) {
        complain(found.problem);
        return undefined;
      }
      const [only, ...others] = found.data.values();
      if (only === undefined || others.length > 0) {
        complain(`secret "${source.name}" holds ${found.data.size} entries, expected exactly one with the public key`);
        return undefined;
      }
      return only;
    }
  }
}

/** Text of everything that decides: compiled globs and patterns stand by their source. */
function meaningOf(policy: Omit<ClusterImagePolicy, 'meaning'>): unknown {
  const { images, match, mode, authorities, notReady } = policy;
  return plain({ images, match, mode, authorities, notReady });
}

function plain(value: unknown): unknown {
  if (typeof value === 'function') return undefined;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Date) return value.toISOString();
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}

export interface SnapshotParts {
  /** Names are unique. */
  readonly policies: readonly ClusterImagePolicy[];
  /** Names are unique. */
  readonly actionPolicies?: readonly ActionPolicy[];
  /** With the public-good root under its own name. */
  readonly trustRoots: readonly TrustRoot[];
  readonly noMatch: NoMatchPolicy;
}

export function buildSnapshot({ policies, actionPolicies = [], trustRoots, noMatch }: SnapshotParts): PolicySnapshot {
  const roots = new Map(trustRoots.map((root) => [root.name, root]));
  const sorted = policies.map((policy) => withRootsChecked(policy, roots)).sort(byName);
  const sortedActions = [...actionPolicies].sort(byName);
  // Text by text, and each policy's own hash made once: with ten thousand of them this is done for every change of one.
  const content = [
    ...sorted.map(({ name, meaning, notReady }) => ['policy', name, meaning, ...notReady]),
    ...[...roots].map(([name, root]) => ['trust root', name, root.generation, ...root.notReady]),
    ...sortedActions.map((policy) => ['action policy', actionMeaning(policy)]),
    ['no match', noMatch],
  ];
  const generation = digestOf(JSON.stringify(content));
  return { generation, policies: sorted, actionPolicies: sortedActions, trustRoots: roots, noMatch };
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
