/**
 * What comes next for a Task. Pure: what the outside has to be asked is said, and then decided again. Running is claimed in
 * its status before anything is made for it, so that Tasks are counted before they cost anything; whatever the status does not
 * say yet is found by its name and UID, so that it does not matter where the process before was stopped.
 */
import { isFinished } from '../../agents/task-conditions.ts';
import { decideRunning } from './decide-running.ts';
import { decideStart } from './decide-start.ts';
import type { Next, Observed } from './decision.ts';
import { erase, tidied } from './tidy.ts';

export function decide(observed: Observed): Next {
  const { task, status } = observed;
  if (task.deleted) return erase(observed);
  if (isFinished(status.phase)) return { kind: 'decided', acts: tidied(observed) };
  return status.phase === 'Running' ? decideRunning(observed) : decideStart(observed);
}
