/**
 * The policies in force: sources in, an immutable snapshot out, swapped as a whole. It reads nothing itself; both kinds of
 * policies, files and the cluster's, are kept in one of these.
 */
import { defined } from '../../kernel/defined.ts';
import { digestOf } from '../../kernel/digest.ts';
import { stableJson } from '../../kernel/stable-json.ts';
import { policyCompiler, type Compiled } from '../../policy/compile.ts';
import { buildSnapshot } from '../../policy/snapshot.ts';
import type { ClusterImagePolicy, PolicySnapshot, TrustRoot } from '../../policy/model.ts';
import type { ParsedPolicy } from '../../policy/parse-cluster-image-policy.ts';
import type { PolicyDocument } from '../../policy/parse-documents.ts';
import type { ParsedTrustRoot } from '../../policy/parse-trust-root.ts';
import { materialsOf } from '../../policy/wanted-materials.ts';
import type { Logger } from '../../ports/logger.ts';
import type { InForce, PolicyMaterials } from '../../ports/policy-objects.ts';
import type { GoodDocument, PolicyCatalogue, PolicyProblem } from '../../ports/policies.ts';
import { prepareTrustRoot } from '../../verification/trust-material.ts';
import type { TrustRoots } from '../sigstore/trust-roots.ts';
import type { LookedUp } from '../materials/looked-up.ts';
import { nextLastGood, type LastGood, type Source } from './last-good.ts';
import { materialLookup, type MaterialLookup } from './material-lookup.ts';
import { memoryProblems, nextMemory, staleOf, type MaterialMemory } from './material-memory.ts';
import type { Settings } from './settings.ts';

export interface PolicyStoreOptions {
  readonly publicTrustRoot: TrustRoot;
  readonly log: Logger;
  /** The only namespace that a secretRef may name; absent: Secrets come from files, and have no namespace. */
  readonly secretNamespace?: string;
  /** Absent: TrustRoots of TUF repositories are never ready. */
  readonly followTrustRoots?: (changed: () => void) => TrustRoots;
}

/** Absent: as without settings. */
export type SettingsInForce = Pick<Settings, 'noMatch'> & Partial<Omit<Settings, 'problems'>>;

export interface PolicyStore extends PolicyCatalogue {
  /** `looked`: what came of looking up keys of key services and code at addresses, by id. */
  replace(sources: readonly Source[], settings: SettingsInForce, looked?: ReadonlyMap<string, LookedUp>): void;
  /** From now on in place of the one that the store began with. */
  usePublicTrustRoot(root: TrustRoot): void;
  /** Settled once every TUF repository was looked at. */
  settled(): Promise<void>;
  close(): void;
  /** What is wrong with the place that sources come from, now. */
  note(problems: readonly PolicyProblem[]): void;
  /** The policies in force, as written. */
  policies(): readonly ParsedPolicy[];
  /** What is in force for the sake of an object (kind/name) that says `document` now. */
  inForce(key: string, document: PolicyDocument): InForce;
  /** What is wrong with the keys and the code that a policy names. */
  materials(policy: ParsedPolicy): PolicyMaterials | undefined;
}

export function policyStore({ log, secretNamespace, ...options }: PolicyStoreOptions): PolicyStore {
  let { publicTrustRoot } = options;
  const trustRoots = options.followTrustRoots?.(build);
  let rootsLooked: Promise<void> | undefined;
  let settingsInForce: SettingsInForce = { noMatch: 'deny' };
  const compiled = new WeakMap<ParsedPolicy, Compiled & { readonly of: string }>();
  let lastGood: LastGood | undefined;
  let memory: MaterialMemory = new Map();
  let snapshot: PolicySnapshot | undefined;
  let ofSources: readonly PolicyProblem[] = [];
  let ofPlace: readonly PolicyProblem[] = [];

  function replace(
    sources: readonly Source[],
    settings: SettingsInForce,
    looked: ReadonlyMap<string, LookedUp> = new Map(),
  ): void {
    const next = nextLastGood(lastGood, sources);
    lastGood = next.state;
    settingsInForce = settings;
    rootsLooked = trustRoots?.follow(lastGood === undefined ? [] : rootsOf(lastGood));
    if (lastGood !== undefined) memory = nextMemory(memory, materialsOf(policiesOf(lastGood)), lastGood, looked);
    build();
    const problems = [...next.problems, ...memoryProblems(memory)];
    logNew(log, ofSources, problems);
    ofSources = problems;
  }

  function build(): void {
    const built = lastGood === undefined ? undefined : compileSnapshot(lastGood);
    if (built?.generation === snapshot?.generation) return;
    for (const root of built?.trustRoots.values() ?? []) prepareTrustRoot(root);
    snapshot = built;
    announce(log, built);
  }

  function usePublicTrustRoot(root: TrustRoot): void {
    publicTrustRoot = root;
    build();
  }

  function note(problems: readonly PolicyProblem[]): void {
    logNew(log, ofPlace, problems);
    ofPlace = problems;
  }

  /** The same policy with the same keys and code has the same meaning, however often it is asked. */
  function compileKnown(
    policy: ParsedPolicy,
    compile: ReturnType<typeof policyCompiler>,
    lookup: MaterialLookup,
  ): ClusterImagePolicy {
    const of = lookup.contentOf(materialsOf([policy]));
    const known = compiled.get(policy);
    if (known?.of === of) return known.policy;
    const made = compile(policy);
    compiled.set(policy, { of, ...made });
    return made.policy;
  }

  function compileSnapshot(good: LastGood): PolicySnapshot {
    const lookup = materialLookup(good, memory, secretNamespace);
    const compile = policyCompiler(lookup.materials);
    const documents = [...good.kept.values()].map(({ document }) => document);
    return buildSnapshot({
      policies: [...policiesOf(good), ...good.standIns].map((policy) => compileKnown(policy, compile, lookup)),
      actionPolicies: documents.flatMap((document) => (document.kind === 'action-policy' ? [document.policy] : [])),
      trustRoots: [
        publicTrustRoot,
        ...rootsOf(good).map((root) => trustRoots?.resolve(root) ?? root),
        ...good.brokenRoots.map(({ name, problems: notReady }) => brokenRoot(name, notReady)),
      ],
      noMatch: settingsInForce.noMatch,
      ...defined('compatibility', settingsInForce.compatibility),
      rules: {
        ...defined('secretNamespace', secretNamespace),
        ...defined('allowsNoAuthorities', settingsInForce.allowsNoAuthorities),
      },
    });
  }

  function materials(policy: ParsedPolicy): PolicyMaterials | undefined {
    const refs = materialsOf([policy]);
    const lacks = compiled.get(policy)?.lacks;
    if (lacks === undefined) return undefined;
    return { lacks, stale: staleOf(refs, memory, ofSources) };
  }

  return {
    replace,
    materials,
    usePublicTrustRoot,
    note,
    current: () => snapshot,
    problems: () => [...ofPlace, ...(trustRoots?.problems() ?? []), ...ofSources],
    settled: async () => rootsLooked,
    close: () => trustRoots?.close(),
    policies: () => (lastGood === undefined ? [] : policiesOf(lastGood)),
    inForce: (key, document) => (lastGood === undefined ? 'nothing' : inForceOf(lastGood, key, document)),
    documents: () => (lastGood === undefined ? [] : documentsOf(lastGood)),
  };
}

function inForceOf({ kept, standIns }: LastGood, key: string, document: PolicyDocument): InForce {
  const found = kept.get(key)?.document;
  if (found !== undefined) return found === document ? 'as-written' : 'last-good';
  const isRefused = key.startsWith('TrustRoot/') || standIns.some((standIn) => standInKey(standIn) === key);
  return isRefused ? 'refuses' : 'nothing-of-it';
}

/** Stand-ins of both kinds are ClusterImagePolicies; those of ActionPolicies say so in their name. */
function standInKey({ name }: ParsedPolicy): string {
  return name.startsWith('ActionPolicy ') ? name.replace(' ', '/') : `ClusterImagePolicy/${name}`;
}

function policiesOf(good: LastGood): readonly ParsedPolicy[] {
  return [...good.kept.values()].flatMap(({ document }) => (document.kind === 'policy' ? [document.policy] : []));
}

function rootsOf(good: LastGood): readonly ParsedTrustRoot[] {
  return [...good.kept.values()].flatMap(({ document }) => (document.kind === 'trust-root' ? [document.root] : []));
}

/** Secrets are nobody's to look at, and what is in ConfigMaps is seen in the policies that name it. */
function documentsOf(good: LastGood): readonly GoodDocument[] {
  return [...good.kept.values()]
    .map(({ document }) => document)
    .filter(({ kind }) => kind !== 'secret' && kind !== 'config-map');
}

function brokenRoot(name: string, notReady: readonly string[]): TrustRoot {
  return { name, generation: digestOf(stableJson([name, notReady])), trustedRootJson: '', notReady };
}

function announce(log: Logger, snapshot: PolicySnapshot | undefined): void {
  if (snapshot === undefined) return;
  const { generation, policies, trustRoots, noMatch } = snapshot;
  const notReady = policies.filter((policy) => policy.notReady.length > 0).map((policy) => policy.name);
  log.info(
    { snapshot: generation, policies: policies.length, trustRoots: trustRoots.size, noMatch, notReady },
    'policies in force',
  );
}

/** Each problem is logged when it appears, not every time it is still there. */
function logNew(log: Logger, before: readonly PolicyProblem[], now: readonly PolicyProblem[]): void {
  const known = new Set(before.map((problem) => stableJson(problem)));
  for (const problem of now) if (!known.has(stableJson(problem))) log.warn({ ...problem }, 'policy problem');
}
