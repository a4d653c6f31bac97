import { LRUCache } from 'lru-cache';
import { parseDigest, type Digest } from '../kernel/digest.ts';
import type { ImageReference } from '../kernel/image-reference.ts';
import type { PolicySnapshot } from '../policy/model.ts';
import { dependsOnDigest } from '../policy/plan-unpinned.ts';
import { plan, type Plan } from '../policy/plan.ts';
import type { ObjectFacts, Subject } from '../policy/subject.ts';

/** `pinned`: the questions are known. `tag`: the digest comes first. `settled`: no digest would change the verdict. */
export type ImagePlan =
  | { readonly kind: 'pinned'; readonly digest: Digest; readonly plan: Plan }
  | { readonly kind: 'tag' }
  | { readonly kind: 'settled' };

export type Planner = (
  snapshot: PolicySnapshot,
  subject: Pick<Subject, 'text'>,
  image: ImageReference,
  object: ObjectFacts,
) => ImagePlan;

const maxPlans = 10_000;

/**
 * Plans are pure, and matching globs is the dearest part of a request that needs no network: they are remembered per
 * snapshot and by everything they depend on.
 */
export function createPlanner(): Planner {
  const known = new WeakMap<PolicySnapshot, Remembered>();
  return (snapshot, subject, image, object) => {
    const remembered = known.get(snapshot) ?? remember(snapshot);
    known.set(snapshot, remembered);
    const key = keyOf(remembered, subject, object);
    const found = remembered.plans.get(key);
    if (found !== undefined) return found;
    const made = planImage(snapshot, image, object);
    remembered.plans.set(key, made);
    return made;
  };
}

interface Remembered {
  readonly plans: LRUCache<string, ImagePlan>;
  /** The only labels that any policy looks at. */
  readonly labels: readonly string[];
}

function remember(snapshot: PolicySnapshot): Remembered {
  const selectors = snapshot.policies.flatMap((policy) => policy.match.flatMap((rule) => rule.selector ?? []));
  const labels = selectors.flatMap(({ matchLabels, matchExpressions }) => [
    ...Object.keys(matchLabels),
    ...matchExpressions.map(({ key }) => key),
  ]);
  return { plans: new LRUCache({ max: maxPlans }), labels: [...new Set(labels)] };
}

function keyOf({ labels }: Remembered, { text }: Pick<Subject, 'text'>, object: ObjectFacts): string {
  const seen = labels.map((label) => (Object.hasOwn(object.labels, label) ? object.labels[label] : null));
  const selected = labels.length === 0 ? '' : JSON.stringify(seen);
  // None of the parts before the last can hold a space.
  return `${object.resource}.${object.group}/${object.version} ${text} ${selected}`;
}

function planImage(snapshot: PolicySnapshot, image: ImageReference, object: ObjectFacts): ImagePlan {
  const digest = parseDigest(image.digest);
  if (digest !== undefined) return { kind: 'pinned', digest, plan: plan(snapshot, { ...image, digest }, object) };
  return dependsOnDigest(snapshot, image, object) ? { kind: 'tag' } : { kind: 'settled' };
}
