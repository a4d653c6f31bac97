/** From policies and one image to the questions whose answers decide about it. */
import { digestOf } from '../kernel/digest.ts';
import { defined } from '../kernel/defined.ts';
import type { Failure } from '../kernel/failure.ts';
import type { ImageReference } from '../kernel/image-reference.ts';
import { stableJson } from '../kernel/stable-json.ts';
import { candidates } from './candidates.ts';
import { policyApplies } from './matching.ts';
import type { Authority, ClusterImagePolicy, PolicySnapshot, StaticAuthority, TextMatch, TrustRoot } from './model.ts';
import type { PinnedImage, Question, SignaturesQuestion, TrustQuestion } from './question.ts';
import type { ObjectFacts } from './subject.ts';
import { selectTrust } from './trust-selection.ts';

export interface PlannedPolicy {
  readonly policy: ClusterImagePolicy;
  readonly checks: readonly PlannedCheck[];
}

/** One authority of a policy, ready to be judged. */
export type PlannedCheck =
  | { readonly kind: 'static'; readonly authority: StaticAuthority }
  | { readonly kind: 'question'; readonly authority: Authority; readonly question: SignaturesQuestion }
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
  return candidates(snapshot.policies, image).filter((policy) => policyApplies(policy, image, object));
}

/** Whether a verdict about these policies needs signatures, and so the image's digest. */
export function needsEvidence(policies: readonly ClusterImagePolicy[]): boolean {
  return policies.some((policy) => isOpen(policy));
}

/** A policy is settled without evidence when it is not ready, or when a static authority passes. */
function isOpen(policy: ClusterImagePolicy): boolean {
  if (policy.notReady.length > 0) return false;
  const passes = policy.authorities.some((authority) => authority.kind === 'static' && authority.action === 'pass');
  return !passes && policy.authorities.some((authority) => authority.kind !== 'static');
}

export function plan(snapshot: PolicySnapshot, image: ImageReference & PinnedImage, object: ObjectFacts): Plan {
  const policies = applicablePolicies(snapshot, image, object).map((policy) => ({
    policy,
    checks: policy.authorities.map((authority) => planCheck(authority, snapshot, image, isOpen(policy))),
  }));
  const questions = new Map<string, Question>();
  for (const { checks } of policies) {
    for (const check of checks) if (check.kind === 'question') questions.set(check.question.id, check.question);
  }
  return { policies, questions: [...questions.values()] };
}

function planCheck(authority: Authority, snapshot: PolicySnapshot, image: PinnedImage, open: boolean): PlannedCheck {
  if (authority.kind === 'static') return { kind: 'static', authority };
  if (!open) return { kind: 'impossible', authority, problem: 'the policy is decided without it' };
  const demand = demandOf(authority, snapshot);
  if (!demand.ok) return { kind: 'impossible', authority, problem: demand.problem };
  const { registry, repository, digest } = image;
  const question: SignaturesQuestion = {
    kind: 'signatures',
    id: `${registry}/${repository}@${digest} ${demand.hash}`,
    image: { registry, repository, digest },
    ...defined('source', authority.source),
    ...defined('format', authority.signatureFormat),
    trust: demand.trust,
  };
  return { kind: 'question', authority, question };
}

type SignatureAuthority = Exclude<Authority, StaticAuthority>;
type Demand =
  | { readonly ok: true; readonly trust: TrustQuestion; readonly hash: string }
  | { readonly ok: false; readonly problem: string };

/** The part of a question that is the same for every image: worked out once per snapshot. */
const demands = new WeakMap<PolicySnapshot, Map<SignatureAuthority, Demand>>();

function demandOf(authority: SignatureAuthority, snapshot: PolicySnapshot): Demand {
  const known = demands.get(snapshot) ?? new Map<SignatureAuthority, Demand>();
  demands.set(snapshot, known);
  const demand = known.get(authority) ?? makeDemand(authority, snapshot);
  known.set(authority, demand);
  return demand;
}

function makeDemand(authority: SignatureAuthority, snapshot: PolicySnapshot): Demand {
  const selected = selectTrust(authority, snapshot);
  if (!selected.ok) return selected;
  const content = { source: authority.source, format: authority.signatureFormat, trust: contentOf(selected.trust) };
  return { ...selected, hash: digestOf(stableJson(content)) };
}

/** Trust roots stand by the hash of their content, patterns by their source. */
function contentOf(trust: TrustQuestion): unknown {
  const hash = (root: TrustRoot | undefined): string | undefined => root?.generation;
  const log = trust.log.demand === 'required' ? hash(trust.log.root) : 'ignored';
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
