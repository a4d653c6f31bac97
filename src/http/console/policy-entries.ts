/** Every policy with its state, from what is in force and what is wrong with the sources. */
import type { PolicyCatalogue, PolicyProblem } from '../../ports/policies.ts';
import { defined } from '../../kernel/defined.ts';
import { globNote } from '../../policy/explain.ts';
import { lintActionPolicy } from '../../policy/lint-action-policy.ts';
import { lintPolicy } from '../../policy/lint.ts';
import type { ClusterImagePolicy, PolicySnapshot } from '../../policy/model.ts';
import type { GoodDocument } from '../../ports/policies.ts';

export const policyKinds = ['ClusterImagePolicy', 'ActionPolicy'] as const;
export type PolicyKind = (typeof policyKinds)[number];

export const policyStates = ['ready', 'broken', 'not-ready', 'never-matches'] as const;
export type PolicyState = (typeof policyStates)[number];

export interface PolicyEntry {
  readonly kind: PolicyKind;
  readonly name: string;
  readonly state: PolicyState;
  /** Absent: it was never good, so nobody knows. */
  readonly mode?: string;
  readonly images: readonly string[];
  /** What is wrong, as sentences. */
  readonly messages: readonly string[];
  /** What is in force instead of it. */
  readonly consequence?: string;
  /** What it says, in the version that is in force. */
  readonly document?: PolicyDocument;
}

type PolicyDocument = Extract<GoodDocument, { readonly kind: 'policy' | 'action-policy' }>;

export interface PolicyOverview {
  /** By name. */
  readonly entries: readonly PolicyEntry[];
  /** What is wrong and about no policy: a folder, a TrustRoot, a Secret. */
  readonly problems: readonly PolicyProblem[];
}

/** Of all policies, or of those with certain names: there may be ten thousand, and this process also judges. */
export function policyOverview(policies: PolicyCatalogue, names?: ReadonlySet<string>): PolicyOverview {
  const problems = policies.problems();
  const isWanted = (name: string): boolean => names?.has(name) ?? true;
  const entries = new Map<string, PolicyEntry>();
  // What was written comes first; of what stands for the same object later on there is nothing to add.
  for (const entry of everyEntry(policies, problems, isWanted)) {
    const key = keyOf(entry);
    if (!entries.has(key)) entries.set(key, entry);
  }
  return {
    entries: [...entries.values()].toSorted(
      (one, other) => compare(one.name, other.name) || compare(one.kind, other.kind),
    ),
    problems: problems.filter(({ of }) => objectOf(of ?? '') === undefined),
  };
}

function* everyEntry(
  policies: PolicyCatalogue,
  problems: readonly PolicyProblem[],
  isWanted: (name: string) => boolean,
): Generator<PolicyEntry> {
  const snapshot = policies.current();
  const byObject = Map.groupBy(problems, ({ of }) => of ?? '');
  const compiled = compiledByName(snapshot);
  for (const document of policies.documents()) {
    const isPolicy = document.kind === 'policy' || document.kind === 'action-policy';
    if (isPolicy && isWanted(document.name)) yield inForce(document, compiled, byObject);
  }
  yield* (snapshot?.policies ?? []).map(standInFor).filter(({ name }) => isWanted(name));
  for (const [of, found] of byObject) {
    const known = objectOf(of);
    if (known !== undefined && isWanted(known.name)) yield { ...known, images: [], ...broken(found) };
  }
}

function keyOf({ kind, name }: Pick<PolicyEntry, 'kind' | 'name'>): string {
  return `${kind}/${name}`;
}

function objectOf(key: string): Pick<PolicyEntry, 'kind' | 'name'> | undefined {
  const kind = policyKinds.find((candidate) => key.startsWith(`${candidate}/`));
  return kind === undefined ? undefined : { kind, name: key.slice(kind.length + 1) };
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

type Compiled = ReadonlyMap<string, ClusterImagePolicy>;

function compiledByName(snapshot: PolicySnapshot | undefined): Compiled {
  return new Map((snapshot?.policies ?? []).map((policy) => [policy.name, policy]));
}

function inForce(
  document: PolicyDocument,
  compiled: Compiled,
  problems: ReadonlyMap<string, readonly PolicyProblem[]>,
): PolicyEntry {
  const { name, policy } = document;
  const kind = document.kind === 'policy' ? 'ClusterImagePolicy' : 'ActionPolicy';
  const images = policy.images.map(({ source }) => source);
  const common = { kind, name, mode: policy.mode, images, document } as const;
  const found = problems.get(`${kind}/${name}`);
  if (found !== undefined) return { ...common, ...broken(found) };
  const notReady = document.kind === 'policy' ? (compiled.get(name)?.notReady ?? []) : [];
  if (notReady.length > 0) {
    return { ...common, state: 'not-ready', messages: notReady, consequence: 'It refuses every image it matches.' };
  }
  const notes = notesOf(document);
  if (notes.every((note) => note !== undefined)) {
    return {
      ...common,
      state: 'never-matches',
      messages: policy.images.map(({ source }, index) => `"${source}" ${notes[index] ?? ''}`),
    };
  }
  return { ...common, state: 'ready', messages: [] };
}

const knownNotes = new WeakMap<PolicyDocument, readonly (string | undefined)[]>();

function notesOf(document: PolicyDocument): readonly (string | undefined)[] {
  const notes = knownNotes.get(document) ?? document.policy.images.map((glob) => globNote(glob));
  knownNotes.set(document, notes);
  return notes;
}

function broken(problems: readonly PolicyProblem[]): Pick<PolicyEntry, 'state' | 'messages' | 'consequence'> {
  return {
    state: 'broken',
    messages: problems.map(({ where, message }) => `${where}: ${message}`),
    ...defined('consequence', problems.find(({ consequence }) => consequence !== undefined)?.consequence),
  };
}

/** What a policy of the snapshot that nobody wrote stands for: one that never was good, under the name that it has there. */
function standInFor({ name, images, mode, notReady }: ClusterImagePolicy): PolicyEntry {
  const prefix = 'ActionPolicy ';
  const isOfAction = name.startsWith(prefix);
  return {
    kind: isOfAction ? 'ActionPolicy' : 'ClusterImagePolicy',
    name: isOfAction ? name.slice(prefix.length) : name,
    state: 'broken',
    mode,
    images: images.map(({ source }) => source),
    messages: notReady,
    consequence: 'Until it is repaired it refuses every image it matches.',
  };
}

/** What is allowed but probably not meant. */
export function warningsOf({ document }: PolicyEntry, now: Date): readonly string[] {
  if (document === undefined) return [];
  return document.kind === 'policy' ? lintPolicy(document.policy) : lintActionPolicy(document.policy, now);
}
