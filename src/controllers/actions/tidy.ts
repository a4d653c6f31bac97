/** What is done with the Jobs of an action when there is nothing more to be learnt from them. Pure. */
import { kinds } from '../../workflow/kinds.ts';
import type { ActionStatus } from '../../workflow/model.ts';
import type { ActionAct, ActionDecision, Observed } from './decision.ts';
import type { AttemptJob } from './observe.ts';

export function end(observed: Observed, status: ActionStatus): ActionDecision {
  return { kind: 'decided', acts: [{ kind: 'status', status }, ...tidied(observed)] };
}

/** What runs is stopped. What has ended stays as long as the settings say, from when its result is kept elsewhere. */
export function tidied(observed: Observed): readonly ActionAct[] {
  return observed.jobs.filter(({ isDeleted }) => !isDeleted).flatMap((job) => tidy(observed, job));
}

function tidy(
  { settings, namespace }: Observed,
  { name, uid, end: ended, ttlSeconds }: AttemptJob,
): readonly ActionAct[] {
  const place = { kind: kinds.job, namespace, name };
  if (ended === undefined) return [{ kind: 'remove', place, uid }];
  if (ttlSeconds === settings.jobTtlSeconds) return [];
  const spec = { ttlSecondsAfterFinished: settings.jobTtlSeconds };
  return [{ kind: 'patch', place, patch: { metadata: { uid }, spec } }];
}
