/** Which ActionPolicies have a say about an image, and which exceptions take it away: for people who write policies. */
import { defined } from '../kernel/defined.ts';
import { globMatchesImage } from '../kernel/glob.ts';
import { repositoryName, type ImageReference } from '../kernel/image-reference.ts';
import type { ActionException, ActionMode, ActionPolicy } from './action-policy.ts';
import { globNote } from './explain.ts';
import type { PolicySnapshot } from './model.ts';

export interface ExplainedActionPolicy {
  readonly name: string;
  readonly kind: 'ActionPolicy';
  readonly matches: boolean;
  readonly mode: ActionMode;
  readonly globs: readonly { readonly glob: string; readonly matches: boolean; readonly note?: string }[];
  /** Those for this image; an expired one no longer counts. */
  readonly exceptions: readonly ExplainedException[];
}

export interface ExplainedException {
  readonly reason: string;
  readonly owner: string;
  readonly expires: string;
  readonly expired: boolean;
  /** Absent: in every namespace. */
  readonly namespaces?: readonly string[];
}

export function explainActions(
  { actionPolicies }: PolicySnapshot,
  image: ImageReference,
  now: Date,
): readonly ExplainedActionPolicy[] {
  return actionPolicies.map((policy) => explainAction(policy, image, now));
}

function explainAction(
  { name, mode, images, exceptions }: ActionPolicy,
  image: ImageReference,
  now: Date,
): ExplainedActionPolicy {
  const globs = images.map((glob) => {
    const matches = globMatchesImage(glob, image);
    return { glob: glob.source, matches, ...defined('note', matches ? undefined : globNote(glob)) };
  });
  const matches = globs.some((glob) => glob.matches);
  return {
    name,
    kind: 'ActionPolicy',
    matches,
    mode,
    globs,
    exceptions: matches ? exceptions.filter((one) => isFor(one, image)).map((one) => explainException(one, now)) : [],
  };
}

function isFor({ images }: ActionException, image: ImageReference): boolean {
  return image.digest !== undefined && images.some((glob) => glob.matches(`${repositoryName(image)}@${image.digest}`));
}

function explainException({ reason, owner, expires, namespaces }: ActionException, now: Date): ExplainedException {
  return {
    reason,
    owner,
    expires: expires.toISOString(),
    expired: expires.getTime() <= now.getTime(),
    ...defined(
      'namespaces',
      namespaces?.map(({ source }) => source),
    ),
  };
}
