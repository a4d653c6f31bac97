/**
 * What becomes of a tag. Unless an ActionPolicy that is enforced says otherwise, it is rewritten to the digest that it
 * names, and what is not rewritten is refused. docs/decisions/0009-binding.md
 */
import { failure } from '../kernel/failure.ts';
import type { ActionRules } from '../policy/action-policy.ts';
import type { ObjectFacts } from '../policy/subject.ts';

/** `leave`: judged by the digest that it names now, and left as it was written. */
export type Fate = 'pin' | 'leave' | 'refuse';

export function fateOfTag(rules: ActionRules | undefined, { group, resource }: ObjectFacts): Fate {
  // A policy that is only tried out takes nothing away.
  if (rules?.mode !== 'enforce') return 'pin';
  switch (rules.digests.resolve) {
    case 'All':
      return 'pin';
    case 'PodsOnly':
      return group === '' && resource === 'pods' ? 'pin' : 'leave';
    case 'Never':
      return rules.digests.require ? 'refuse' : 'leave';
  }
}

/** The mutating webhook did not run, or its work was undone. */
export const notPinned = failure(
  'IMAGE_NOT_PINNED',
  'the image is named by a tag and not by a digest, because the mutating webhook did not run; write registry/repository@sha256:… or mend the webhook',
);

export const digestDemanded = failure(
  'IMAGE_NOT_PINNED',
  'the image is named by a tag and not by a digest, and the policy demands digests without resolving tags; write registry/repository@sha256:…',
);
