/**
 * The policies in force: sources in, an immutable snapshot out, swapped as a whole. It reads nothing itself; both kinds of
 * policies, files and the cluster's, are kept in one of these.
 */
import { digestOf } from '../../kernel/digest.ts';
import { quoted } from '../../kernel/failure.ts';
import { stableJson } from '../../kernel/stable-json.ts';
import { buildSnapshot, compilePolicy, noMaterials, type SecretLookup } from '../../policy/compile.ts';
import type { ClusterImagePolicy, NoMatchPolicy, PolicySnapshot, TrustRoot } from '../../policy/model.ts';
import type { ParsedPolicy } from '../../policy/parse-cluster-image-policy.ts';
import type { PolicyDocument } from '../../policy/parse-documents.ts';
import type { ParsedTrustRoot } from '../../policy/parse-trust-root.ts';
import type { Logger } from '../../ports/logger.ts';
import type { InForce } from '../../ports/policy-objects.ts';
import type { GoodDocument, PolicyCatalogue, PolicyProblem } from '../../ports/policies.ts';
import { prepareTrustRoot } from '../../verification/trust-material.ts';
import type { TrustRoots } from '../sigstore/trust-roots.ts';
import { nextLastGood, type LastGood, type Source } from './last-good.ts';
import { secretNames } from './secret-names.ts';

export interface PolicyStoreOptions {
  readonly publicTrustRoot: TrustRoot;
  readonly log: Logger;
  /** Absent: TrustRoots of TUF repositories are never ready. */
  readonly followTrustRoots?: (changed: () => void) => TrustRoots;
  /** The only namespace that a secretRef may name; absent: Secrets come from files, and have no namespace. */
  readonly secretNamespace?: string;
}

export interface PolicyStore extends PolicyCatalogue {
  replace(sources: readonly Source[], noMatch: NoMatchPolicy): void;
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
}

export function policyStore({ log, secretNamespace, ...options }: PolicyStoreOptions): PolicyStore {
  let { publicTrustRoot } = options;
  const trustRoots = options.followTrustRoots?.(build);
  let looked: Promise<void> | undefined;
  let noMatchInForce: NoMatchPolicy = 'deny';
  const compiled = new WeakMap<ParsedPolicy, ClusterImagePolicy>();
  let lastGood: LastGood | undefined;
  let snapshot: PolicySnapshot | undefined;
  let ofSources: readonly PolicyProblem[] = [];
  let ofPlace: readonly PolicyProblem[] = [];

  function replace(sources: readonly Source[], noMatch: NoMatchPolicy): void {
    const next = nextLastGood(lastGood, sources);
    lastGood = next.state;
    noMatchInForce = noMatch;
    looked = trustRoots?.follow(lastGood === undefined ? [] : rootsOf(lastGood));
    build();
    logNew(log, ofSources, next.problems);
    ofSources = next.problems;
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

  /** Without Secrets the same text has the same meaning, however often it is asked. */
  function compile(policy: ParsedPolicy, secret: SecretLookup): ClusterImagePolicy {
    const known = compiled.get(policy);
    if (known !== undefined) return known;
    const made = compilePolicy(policy, { ...noMaterials, secret });
    if (secretNames([policy]).length === 0) compiled.set(policy, made);
    return made;
  }

  function compileSnapshot(good: LastGood): PolicySnapshot {
    const documents = [...good.kept.values()].map(({ document }) => document);
    const secret = secretLookup(good, secretNamespace);
    return buildSnapshot({
      policies: [...policiesOf(good), ...good.standIns].map((policy) => compile(policy, secret)),
      actionPolicies: documents.flatMap((document) => (document.kind === 'action-policy' ? [document.policy] : [])),
      trustRoots: [
        publicTrustRoot,
        ...rootsOf(good).map((root) => trustRoots?.resolve(root) ?? root),
        ...good.brokenRoots.map(({ name, problems: notReady }) => brokenRoot(name, notReady)),
      ],
      noMatch: noMatchInForce,
    });
  }

  return {
    replace,
    usePublicTrustRoot,
    note,
    current: () => snapshot,
    problems: () => [...ofPlace, ...(trustRoots?.problems() ?? []), ...ofSources],
    settled: async () => looked,
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

/** Secrets are nobody's to look at. */
function documentsOf(good: LastGood): readonly GoodDocument[] {
  return [...good.kept.values()].map(({ document }) => document).filter(({ kind }) => kind !== 'secret');
}

function secretLookup(good: LastGood, ownNamespace: string | undefined): SecretLookup {
  return (name, namespace) => {
    if (ownNamespace !== undefined && namespace !== undefined && namespace !== ownNamespace) {
      const wanted = `secretRef.namespace is "${quoted(namespace, 64)}", but Secrets are read from ${ownNamespace} only`;
      return { ok: false, problem: wanted };
    }
    const found = good.kept.get(`Secret/${name}`)?.document;
    if (found?.kind === 'secret') return { ok: true, data: found.data };
    return { ok: false, problem: `secret "${quoted(name, 253)}" is not there, or cannot be read` };
  };
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
