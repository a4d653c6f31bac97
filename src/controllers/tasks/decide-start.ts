/** What comes next for a Task that has not begun: it is queued, started, or cannot be. Pure. */
import { names, type TaskProblem, type TaskStatus } from '../../agents/model.ts';
import { hindranceOf, isLimited, withoutServer, type Hindrance } from '../../agents/queue.ts';
import { claimed, failed, queued, stopped, type At } from '../../agents/task-conditions.ts';
import { taskNames } from '../../agents/task-names.ts';
import { labelValue } from '../../workflow/label-value.ts';
import type { Act, Decision, Next, Observed } from './decision.ts';
import { planOf } from './plan.ts';
import type { Resolved } from './resolve.ts';
import { end } from './tidy.ts';

export function decideStart(observed: Observed): Next {
  const { task, parsed, resolved, missing } = observed;
  if (task.stopped) return end(observed, stopped(atOf(observed), 'UserStopped'));
  if (!parsed.ok) return failing(observed, parsed.failure);
  if (missing !== undefined) return { kind: 'ask-for', place: missing };
  if (!resolved.ok) return failing(observed, resolved.failure);
  const { agent } = resolved.value.work;
  const marks = marked(observed, agent.name);
  if (marks !== undefined) return marks;
  const hindrance = observed.isServerReady
    ? hindranceOf(agent, task, observed.line, observed.starts, observed.now)
    : withoutServer(agent);
  return hindrance === undefined ? begin(observed, resolved.value) : wait(observed, resolved.value, hindrance);
}

export function atOf({ status, task, now }: Observed): At {
  return { status, generation: task.generation, now };
}

function failing(observed: Observed, problem: TaskProblem): Decision {
  return end(observed, failed(atOf(observed), problem));
}

/** Both before anything is made: whoever selects by label finds it, and nothing is left behind when it goes. */
function marked({ task, resourceVersion }: Observed, agentName: string): Decision | undefined {
  const label = labelValue(agentName);
  const hasFinalizer = task.finalizers.includes(names.finalizer);
  if (task.labels[names.agentLabel] === label && hasFinalizer) return undefined;
  const finalizers = hasFinalizer ? task.finalizers : [...task.finalizers, names.finalizer];
  const patch = { metadata: { resourceVersion, labels: { [names.agentLabel]: label }, finalizers } };
  return { kind: 'decided', acts: [{ kind: 'mark', patch }], thenAgain: true };
}

/** Written once, however often it is looked at. */
function wait(observed: Observed, { work }: Resolved, hindrance: Hindrance): Decision {
  const { status } = observed;
  const after = queued(atOf(observed), work.agent, hindrance);
  const acts: readonly Act[] = saysSame(status, after, hindrance) ? [] : [{ kind: 'status', status: after }];
  return { kind: 'decided', acts, requeueAfterMs: hindrance.lookAgainMs };
}

function saysSame(status: TaskStatus, after: TaskStatus, { reason, message }: Hindrance): boolean {
  const { agentRef } = status;
  const isSameAgent = agentRef?.namespace === after.agentRef?.namespace && agentRef?.name === after.agentRef?.name;
  const isSaid = status.conditions.some(
    (one) => one.type === 'Queued' && one.status === 'True' && one.reason === reason && one.message === message,
  );
  return status.phase === 'Queued' && isSameAgent && isSaid;
}

function begin(observed: Observed, resolved: Resolved): Next {
  const { agent } = resolved.work;
  // Whoever led before may have started Tasks that nobody has told us of yet.
  if (isLimited(agent) && !observed.isFresh) return { kind: 'refresh' };
  const plan = planOf(observed, resolved);
  if (plan.kind !== 'planned') return plan;
  if (!plan.workspace.ok) {
    const { namespace, name } = agent;
    const known = { ...observed, status: { ...observed.status, agentRef: { namespace, name } } };
    return failing(known, plan.workspace.failure);
  }
  const status = claimed(atOf(observed), agent, taskNames(resolved.work, 'plain'), isLimited(agent));
  const claim: Act = { kind: 'status', status, claims: `${agent.namespace}/${agent.name}` };
  const acts: readonly Act[] = agent.quota === undefined ? [claim] : [{ kind: 'record-start', agent }, claim];
  return { kind: 'decided', acts, thenAgain: true };
}
