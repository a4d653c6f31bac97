/** What comes next for a Task that may run and has no Pod yet: ConfigMap and Pod, under names that are free. Pure. */
import type { TaskProblem, TaskStatus, Work } from '../../agents/model.ts';
import { isStartOf } from '../../agents/quota.ts';
import { failed, renamed, unclaimed } from '../../agents/task-conditions.ts';
import { taskConfigMap } from '../../agents/task-config-map.ts';
import { taskNames } from '../../agents/task-names.ts';
import { taskPod } from '../../agents/task-pod.ts';
import { quoted } from '../../kernel/failure.ts';
import { mayPass, podRefusal } from '../../workflow/refusals.ts';
import { atOf } from './decide-start.ts';
import type { Act, Decision, Next, Observed, Setback } from './decision.ts';
import type { NamesInUse } from './names-in-use.ts';
import { planOf } from './plan.ts';
import { end } from './tidy.ts';

export function makePod(observed: Observed, names: NamesInUse): Next {
  const { parsed, resolved, missing, setbacks, status } = observed;
  const setback = setbacks.find(({ name }) => name === names.pod || name === names.configMap);
  if (setback !== undefined) return setBack(observed, names, setback);
  if (!parsed.ok) return notMade(observed, parsed.failure);
  if (missing !== undefined) return { kind: 'ask-for', place: missing };
  if (!resolved.ok) return notMade(observed, resolved.failure);
  const { work, config } = resolved.value;
  if (!isOf(work, status, names)) return giveBack(observed, names);
  const plan = planOf(observed, resolved.value);
  if (plan.kind !== 'planned') return plan;
  if (!plan.workspace.ok) return notMade(observed, plan.workspace.failure);
  const configMap = taskConfigMap(work, plan.workspace.value, names);
  const pod: Act = { kind: 'create', what: 'Pod', object: taskPod(work, plan.workspace.value, names, config) };
  const acts: readonly Act[] =
    configMap === undefined ? [pod] : [{ kind: 'create', what: 'ConfigMap', object: configMap }, pod];
  return { kind: 'decided', acts, thenAgain: true };
}

/**
 * A Pod runs beside its Agent, with the account and the Secrets of that namespace: whoever else may write the status of a Task
 * must not choose another one.
 */
function isOf(work: Work, { agentRef }: TaskStatus, { variant, namespace, pod }: NamesInUse): boolean {
  const own = taskNames(work, variant);
  const isPlace = own.namespace === namespace && own.pod === pod;
  return isPlace && agentRef?.namespace === work.agent.namespace && agentRef.name === work.agent.name;
}

/** Somebody has given it another Agent or place in the meantime: it has to wait like others. */
function giveBack(observed: Observed, { namespace, pod, configMap }: NamesInUse): Next {
  if (!observed.hasLooked) return { kind: 'look-for-pod', place: { namespace, name: pod } };
  const acts: readonly Act[] = [
    { kind: 'remove-config-maps', namespace, names: [configMap] },
    { kind: 'status', status: unclaimed(atOf(observed)) },
  ];
  return { kind: 'decided', acts, thenAgain: true };
}

/** Nothing has run: it does not count as started. */
function notMade(observed: Observed, problem: TaskProblem): Decision {
  const { task, status, starts } = observed;
  const { agentRef } = status;
  const isCounted = agentRef !== undefined && starts.some((start) => isStartOf(start, task));
  return end(observed, failed(atOf(observed), problem), isCounted ? [{ kind: 'forget-start', agent: agentRef }] : []);
}

function setBack(observed: Observed, names: NamesInUse, setback: Setback): Decision {
  return setback.kind === 'taken' ? taken(observed, names, setback) : refused(observed, setback);
}

function taken(
  observed: Observed,
  { variant, namespace, configMap, pod }: NamesInUse,
  setback: Extract<Setback, { kind: 'taken' }>,
): Decision {
  const { task } = observed;
  const others = taskNames({ task, agent: { namespace } }, 'hashed');
  if (variant === 'hashed' || others.pod === pod) {
    const message = `${setback.what} ${namespace}/${setback.name} belongs to somebody else; remove it, or create the Task under another name`;
    return notMade(observed, { reason: 'NameTaken', message });
  }
  const acts: readonly Act[] = [
    { kind: 'remove-config-maps', namespace, names: [configMap] },
    { kind: 'status', status: renamed(atOf(observed), others) },
  ];
  return { kind: 'decided', acts, thenAgain: true };
}

/** As it waits, so it is looked at again: it costs as much each time, and there may be hundreds. */
const quotaPauses = { leastMs: 10_000, mostMs: 60_000 };
const accountPauseMs = 5_000;
/** A service account may be created right after. */
const accountGraceMs = 30_000;

function refused(observed: Observed, setback: Extract<Setback, { kind: 'refused' }>): Decision {
  const { what, name, status } = setback;
  const message = quoted(setback.message, 1_024);
  const said = `the API server refused ${what} ${name} (${status}): ${message}`;
  const refusal = podRefusal(setback.message);
  if (refusal.kind === 'account') return withoutAccount(observed, said);
  if (refusal.kind !== 'other' && mayPass(refusal)) {
    const reason = refusal.kind === 'quota' ? 'ExceededQuota' : 'Unproven';
    return { kind: 'decided', acts: [{ kind: 'tell', reason, message: said }], requeueAfterMs: quotaPauseMs(observed) };
  }
  const isDenied = status === 403 || refusal.kind !== 'other';
  const reason = isDenied ? 'Refused' : what === 'Pod' ? 'PodCreationError' : 'ConfigMapCreationError';
  return notMade(observed, { reason, message: `${said}; do what the message says, then create the Task again` });
}

function quotaPauseMs(observed: Observed): number {
  const { leastMs, mostMs } = quotaPauses;
  return Math.min(mostMs, Math.max(leastMs, Math.round(runsForMs(observed) / 2)));
}

/** Since it was claimed. */
function runsForMs({ status, now }: Observed): number {
  const since = Date.parse(status.startTime ?? '');
  return Number.isNaN(since) ? Infinity : now.getTime() - since;
}

function withoutAccount(observed: Observed, said: string): Decision {
  const sinceMs = runsForMs(observed);
  if (sinceMs < accountGraceMs) return { kind: 'decided', acts: [], requeueAfterMs: accountPauseMs };
  const message = `${said}; create the service account that spec.serviceAccountName of the Agent names`;
  return notMade(observed, { reason: 'ConfigurationError', message });
}
