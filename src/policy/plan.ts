/** From policies and one image to the questions whose answers decide about it. */
import { digestOf } from '../kernel/digest.ts';
import { defined } from '../kernel/defined.ts';
import type { Failure } from '../kernel/failure.ts';
import type { ImageReference } from '../kernel/image-reference.ts';
import { stableJson } from '../kernel/stable-json.ts';
import { candidates } from './candidates.ts';
import { policyApplies } from './matching.ts';
import type {
  Authority,
  ClusterImagePolicy,
  PolicyCode,
  PolicySnapshot,
  StaticAuthority,
  TextMatch,
  TrustRoot,
} from './model.ts';
import type { PinnedImage, Question, TrustQuestion } from './question.ts';
import type { ObjectFacts } from './subject.ts';
import { selectTrust } from './trust-selection.ts';

export interface PlannedPolicy {
  readonly policy: ClusterImagePolicy;
  readonly checks: readonly PlannedCheck[];
}

/** One authority of a policy, ready to be judged. */
export type PlannedCheck =
  | { readonly kind: 'static'; readonly authority: StaticAuthority }
  | { readonly kind: 'question'; readonly authority: Authority; readonly question: Question }
  | { readonly kind: 'impossible'; readonly authority: Authority; readonly problem: string }
  /** The question could not even be asked, because the image has no digest. */
  | { readonly kind: 'unanswerable'; readonly authority: Authority; readonly failure: Failure };

export interface Plan {
  /** Policies that have a say about the image, sorted by name. */
  readonly policies: readonly PlannedPolicy[];
  /** Distinct; empty when the verdict needs no look at the registry. */
  readonly questions: readonly Question[];
}

export function applicablePolicies(
  snapshot: PolicySnapshot,
  image: ImageReference,
  object: ObjectFacts,
): readonly ClusterImagePolicy[] {
  const known = asMatched(snapshot, image);
  return candidates(snapshot.policies, known).filter((policy) => policyApplies(policy, known, object));
}

/** Compatible: the tag of a pinned image is not looked at. */
function asMatched({ compatibility }: PolicySnapshot, image: ImageReference): ImageReference {
  if (!compatibility.has('tag-globs') || image.digest === undefined) return image;
  const { tag: _tag, ...pinned } = image;
  return pinned;
}

/** Whether a verdict about these policies needs signatures, and so the image's digest. */
export function needsEvidence(policies: readonly ClusterImagePolicy[]): boolean {
  return policies.some((policy) => isOpen(policy));
}

/**
 * A policy is settled without evidence when it is not ready, or when a static authority passes and there is no code that
 * looks at what else is proven.
 */
function isOpen(policy: ClusterImagePolicy): boolean {
  if (policy.notReady.length > 0) return false;
  if (policy.policy !== undefined) return true;
  const passes = policy.authorities.some((authority) => authority.kind === 'static' && authority.action === 'pass');
  return !passes && policy.authorities.some((authority) => authority.kind !== 'static');
}

export function plan(snapshot: PolicySnapshot, image: ImageReference & PinnedImage, object: ObjectFacts): Plan {
  const policies = applicablePolicies(snapshot, image, object).map((policy) => ({
    policy: asEvaluated(snapshot, policy, object),
    checks: policy.authorities.map((authority) => planCheck(authority, snapshot, image, policy)),
  }));
  const questions = new Map<string, Question>();
  for (const { checks } of policies) {
    for (const check of checks) if (check.kind === 'question') questions.set(check.question.id, check.question);
  }
  return { policies, questions: [...questions.values()] };
}

/** Compatible: code is not told the kind of a Pod. */
function asEvaluated(
  { compatibility }: PolicySnapshot,
  policy: ClusterImagePolicy,
  { group, resource }: ObjectFacts,
): ClusterImagePolicy {
  const isPod = group === '' && resource === 'pods';
  if (policy.policy?.includeTypeMeta !== true || !isPod || !compatibility.has('typemeta-of-pods')) return policy;
  return { ...policy, policy: { ...policy.policy, includeTypeMeta: false } };
}

function planCheck(
  authority: Authority,
  snapshot: PolicySnapshot,
  image: PinnedImage,
  policy: ClusterImagePolicy,
): PlannedCheck {
  if (authority.kind === 'static') return { kind: 'static', authority };
  if (!isOpen(policy)) return { kind: 'impossible', authority, problem: 'the policy is decided without it' };
  const demand = demandOf(authority, snapshot, policy);
  if (!demand.ok) return { kind: 'impossible', authority, problem: demand.problem };
  const { registry, repository, digest } = image;
  const parts = {
    id: `${registry}/${repository}@${digest} ${demand.hash}`,
    image: { registry, repository, digest },
    ...defined('source', authority.source),
    ...defined('format', authority.signatureFormat),
    trust: demand.trust,
    ...everyOne(policy),
  };
  const wanted = authority.attestations;
  const question: Question =
    wanted.length === 0 ? { kind: 'signatures', ...parts } : { kind: 'attestations', ...parts, wanted };
  return { kind: 'question', authority, question };
}

/** Code of a policy is told about all that is proven, not only about the first that is enough. */
function everyOne({ policy }: ClusterImagePolicy): { readonly everyOne?: true } {
  return policy === undefined ? {} : { everyOne: true };
}

type SignatureAuthority = Exclude<Authority, StaticAuthority>;
type Demand =
  | { readonly ok: true; readonly trust: TrustQuestion; readonly hash: string }
  | { readonly ok: false; readonly problem: string };

/** The part of a question that is the same for every image: worked out once per snapshot. */
const demands = new WeakMap<PolicySnapshot, Map<SignatureAuthority, Demand>>();

function demandOf(authority: SignatureAuthority, snapshot: PolicySnapshot, policy: ClusterImagePolicy): Demand {
  const known = demands.get(snapshot) ?? new Map<SignatureAuthority, Demand>();
  demands.set(snapshot, known);
  const demand = known.get(authority) ?? makeDemand(authority, snapshot, policy);
  known.set(authority, demand);
  return demand;
}

function makeDemand(authority: SignatureAuthority, snapshot: PolicySnapshot, policy: ClusterImagePolicy): Demand {
  const selected = selectTrust(authority, snapshot);
  if (!selected.ok) return selected;
  const content = {
    source: authority.source,
    format: authority.signatureFormat,
    trust: contentOf(selected.trust),
    wanted: authority.attestations.map(({ policy: code, ...demand }) => ({ ...demand, code: contentOfCode(code) })),
    ...everyOne(policy),
  };
  return { ...selected, hash: digestOf(stableJson(content)) };
}

function contentOfCode(code: PolicyCode | undefined): unknown {
  return code === undefined ? undefined : [code.language, code.hash];
}

/** Trust roots stand by the hash of their content, patterns by their source. */
function contentOf(trust: TrustQuestion): unknown {
  const hash = (root: TrustRoot | undefined): string | undefined => root?.generation;
  const log = trust.log.demand === 'required' ? [hash(trust.log.root), trust.log.lookUp] : 'ignored';
  const common = { ...trust, log, timestamps: hash(trust.timestamps) };
  if (trust.kind === 'key') return common;
  const identities = trust.identities.map(({ issuer, subject }) => [issuer, subject].map(textOf));
  return { ...common, root: hash(trust.root), identities };
}

function textOf(match: TextMatch): readonly [TextMatch['kind'], string] {
  switch (match.kind) {
    case 'exact':
      return [match.kind, match.text];
    case 'below':
      return [match.kind, match.prefix];
    case 'regexp':
      return [match.kind, match.pattern.source];
  }
}
