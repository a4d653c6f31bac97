/**
 * What comes next for a Task of KubeTask: it is claimed, then its files and its Job are made, then its Job is followed to its
 * end. Pure: what the outside has to be asked is said, and then decided again. A Job is found by its name and owner, so that
 * it does not matter where the process before was stopped, nor which controller made it; and it is never made twice.
 */
import { credentialProblem } from '../../agents/credentials.ts';
import { agentKinds } from '../../agents/kinds.ts';
import { kubeTaskConfigMap } from '../../agents/kube-task-config-map.ts';
import { kubeTaskJob } from '../../agents/kube-task-job.ts';
import { kubeTaskJobName } from '../../agents/kube-task-names.ts';
import { layOutKubeTask, neededKubeTaskConfigMaps } from '../../agents/kube-task-workspace.ts';
import { names, type KubeTask, type KubeTaskAgent, type TaskProblem, type Workspace } from '../../agents/model.ts';
import { placeKey } from '../../agents/needed-config-maps.ts';
import { isFinished } from '../../agents/task-conditions.ts';
import { kindOf, quoted } from '../../kernel/failure.ts';
import { podRefusal } from '../../workflow/refusals.ts';
import type { Setback } from '../runtime/answers.ts';
import { decideOnJob, graceMs, tidied } from './decide-on-job.ts';
import type { Next, Observed, TaskAct, TaskDecision } from './decision.ts';
import { claimed, failed, waiting, waitingOf, withoutWaiting } from './statuses.ts';

/** What was written may be seen late by a process that has just begun to watch. */
export const removalGraceMs = 5_000;

export function decide(observed: Observed): Next {
  const { status, job, parsed } = observed;
  if (isFinished(status.phase)) {
    return { kind: 'decided', acts: job === undefined ? [] : tidied(observed, job) };
  }
  // Whatever is written into the Task now, what was begun goes on.
  if (job !== undefined) return decideOnJob(observed, job);
  if (status.phase === 'Running') return missing(observed);
  // Claimed by somebody before us, who may have brought it to its end.
  if (status.phase === 'Pending' && !observed.isCurrent) return { kind: 'read-task' };
  return parsed.ok ? begin(observed, parsed.value) : end(observed, parsed.failure);
}

/** A Job stays as long as its Task, unless somebody removes it. */
function missing(observed: Observed): Next {
  const { status, task, missingMs } = observed;
  if (missingMs < removalGraceMs) {
    return { kind: 'decided', acts: [], requeueAfterMs: removalGraceMs - missingMs };
  }
  const message = `Job ${status.jobName ?? kubeTaskJobName(task)} was removed by somebody else while it ran; look how far it came, then create the Task again`;
  return end(observed, { reason: 'PodLost', message });
}

/** Before there is a Job. */
function begin(observed: Observed, task: KubeTask): Next {
  const { agent, setbacks, configMaps } = observed;
  const setback = setbacks.at(-1);
  if (setback !== undefined) return setBack(observed, setback);
  if (agent === 'missing') return { kind: 'read-agent' };
  if (agent === 'absent') return end(observed, noAgent(task));
  if (!agent.ok) return end(observed, agent.failure);
  const work = { task, agent: agent.value };
  const places = neededKubeTaskConfigMaps(work);
  if (configMaps === undefined && places.length > 0) return { kind: 'read-config-maps', places };
  const workspace = layOutKubeTask(work, configMaps ?? new Map());
  if (!workspace.ok) {
    const isMissing = places.some((place) => configMaps?.has(placeKey(place)) !== true);
    return isMissing ? waitForConfigMap(observed, workspace.failure) : end(observed, workspace.failure);
  }
  const problem = credentialProblem(agent.value.credentials, names.workspaceDir, workspace.value);
  return problem === undefined ? create(observed, task, agent.value, workspace.value) : end(observed, problem);
}

function noAgent({ namespace, agentRef }: KubeTask): TaskProblem {
  const name = quoted(agentRef ?? names.defaultAgent, 253);
  const way = agentRef === undefined ? 'create it, or name another in spec.agentRef' : 'create it, then the Task again';
  return { reason: 'AgentError', message: `Agent "${name}" not found in namespace "${namespace}"; ${way}` };
}

function create(observed: Observed, task: KubeTask, agent: KubeTaskAgent, workspace: Workspace): TaskDecision {
  const { status } = observed;
  const files = kubeTaskConfigMap(task, workspace);
  const made = (object: ReturnType<typeof kubeTaskJob>, as: (typeof agentKinds)['job' | 'configMap']): TaskAct => ({
    kind: 'create',
    object,
    as,
  });
  return {
    kind: 'decided',
    acts: [
      ...(status.phase === 'Pending' ? [] : [{ kind: 'status', status: claimed(observed) } as const]),
      ...(files === undefined ? [] : [made(files, agentKinds.configMap)]),
      made(kubeTaskJob(task, agent, workspace), agentKinds.job),
    ],
  };
}

// ---- it cannot begin

/** Nothing was made before the Task was claimed. */
function end(observed: Observed, problem: TaskProblem): TaskDecision {
  const mayHaveFiles = observed.status.phase !== '';
  const status = failed(observed, problem);
  return {
    kind: 'decided',
    acts: [...(mayHaveFiles ? [{ kind: 'remove-files' } as const] : []), { kind: 'status', status }],
  };
}

/** It may be created right after; longer than that it was forgotten. */
function waitForConfigMap(observed: Observed, problem: TaskProblem): TaskDecision {
  return waitFor(observed, { reason: 'ConfigMapMissing', message: problem.message }, { problem, mostMs: graceMs });
}

function setBack(observed: Observed, setback: Setback): TaskDecision {
  const { kind, name } = setback.place;
  const what = `${kind.kind} ${name}`;
  if (setback.kind === 'taken') {
    const message = `${what} belongs to ${setback.owner}; remove it, or create the Task under another name`;
    return end(observed, { reason: 'NameTaken', message });
  }
  const { status, message } = setback;
  const said = quoted(message, 900);
  const problem = refused(setback, `the API server refused ${what} (${status}): ${said}`);
  const refusal = podRefusal(message);
  if (refusal.kind === 'quota') return waitFor(observed, { reason: 'ExceededQuota', message: said });
  const isOutage = refusal.kind === 'gate' && kindOf(refusal.failure) === 'unavailable';
  return isOutage ? waitFor(observed, { reason: 'NotVerifiable', message: said }) : end(observed, problem);
}

function refused({ place, status, message }: Extract<Setback, { kind: 'refused' }>, said: string): TaskProblem {
  const isDenied = status === 403 || message.includes('denied the request');
  if (isDenied) return { reason: 'Refused', message: `${said}; do what it says, then create the Task again` };
  const isFiles = place.kind.kind === agentKinds.configMap.kind;
  const reason = isFiles ? 'ConfigMapCreationError' : 'JobCreationError';
  return { reason, message: `${said}; correct the Task or its Agent, then create the Task again` };
}

const pauses = { leastMs: 1_000, mostMs: 30_000 };

/** Looked at again after pauses that grow; it says so once. */
function waitFor(
  observed: Observed,
  why: { readonly reason: string; readonly message: string },
  limit?: { readonly problem: TaskProblem; readonly mostMs: number },
): TaskDecision {
  const { status, now } = observed;
  const known = waitingOf(status);
  if (known?.reason !== why.reason) {
    const next = waiting({ ...observed, status: withoutWaiting(status) }, why);
    return { kind: 'decided', acts: [{ kind: 'status', status: next }], requeueAfterMs: pauses.leastMs };
  }
  const waitedMs = now.getTime() - Date.parse(known.since);
  const remainsMs = (limit?.mostMs ?? Infinity) - waitedMs;
  if (limit !== undefined && remainsMs <= 0) return end(observed, limit.problem);
  const pauseMs = Math.min(pauses.mostMs, Math.max(pauses.leastMs, Math.round(waitedMs / 2)));
  return { kind: 'decided', acts: [], requeueAfterMs: Math.min(pauseMs, remainsMs) };
}
