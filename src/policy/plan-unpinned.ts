/**
 * What can be said about an image before its digest is known. A verdict may not rest on a tag alone when the digest would
 * change it: globs can be written so that they match `registry/repo@sha256:…` and not `registry/repo:tag`.
 */
import type { Failure } from '../kernel/failure.ts';
import { globMatchesImage, type Glob } from '../kernel/glob.ts';
import { repositoryName, type ImageReference } from '../kernel/image-reference.ts';
import type { ActionPolicy } from './action-policy.ts';
import { candidates } from './candidates.ts';
import { matchesObject, policyApplies } from './matching.ts';
import type { ClusterImagePolicy, PolicySnapshot } from './model.ts';
import { needsEvidence, type Plan, type PlannedCheck, type PlannedPolicy } from './plan.ts';
import type { ObjectFacts } from './subject.ts';

/** Whether the verdict about this image, which has no digest, could be another one once it has. */
export function dependsOnDigest(snapshot: PolicySnapshot, image: ImageReference, object: ObjectFacts): boolean {
  // Compatible: every tag is resolved, whether or not the verdict needs it.
  if (snapshot.compatibility.has('static-needs-no-registry')) return true;
  const isOpen = candidates(snapshot.policies, image).some((policy) =>
    policyApplies(policy, image, object) ? needsEvidence([policy]) : mayApplyOncePinned(policy, image, object),
  );
  return isOpen || possibleActionPolicies(snapshot.actionPolicies, image).length > 0;
}

/** The plan for an image that could not be given a digest: whatever depends on the digest fails for that reason. */
export function planUnpinned(snapshot: PolicySnapshot, image: ImageReference, object: ObjectFacts, why: Failure): Plan {
  // Compatible: a tag that cannot be resolved is refused even there.
  const staticCounts = !snapshot.compatibility.has('static-needs-no-registry');
  const policies = candidates(snapshot.policies, image).flatMap((policy): readonly PlannedPolicy[] => {
    const applies = policyApplies(policy, image, object);
    if (!applies && !mayApplyOncePinned(policy, image, object)) return [];
    const checks = policy.authorities.map((authority): PlannedCheck =>
      applies && staticCounts && authority.kind === 'static'
        ? { kind: 'static', authority }
        : { kind: 'unanswerable', authority, failure: why },
    );
    return [{ policy, checks }];
  });
  return { policies, questions: [] };
}

function mayApplyOncePinned(policy: ClusterImagePolicy, image: ImageReference, object: ObjectFacts): boolean {
  const base = repositoryName(image);
  return matchesObject(policy.match, object) && policy.images.some((glob) => mayMatchOncePinned(glob, base));
}

/** The policies that have a say about an image, or may have one once its digest is known; exceptions do not count yet. */
export function possibleActionPolicies(
  policies: readonly ActionPolicy[],
  image: ImageReference,
): readonly ActionPolicy[] {
  const base = repositoryName(image);
  return candidates(policies, image).filter(({ images }) =>
    images.some((glob) => globMatchesImage(glob, image) || mayMatchOncePinned(glob, base)),
  );
}

/** Whether there may be a digest with which the glob matches; looks at its two ends only, and errs towards yes. */
function mayMatchOncePinned(glob: Glob, base: string): boolean {
  const pinned = `${base}@sha256:`;
  const [head = ''] = glob.source.split('*', 1);
  const tail = glob.source.slice(glob.source.lastIndexOf('*') + 1);
  return (pinned.startsWith(head) || head.startsWith(pinned)) && /(?:^|:|@sha256:)[0-9a-f]{0,64}$/.test(tail);
}
