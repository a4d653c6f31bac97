/** Why the Job of a Task has failed, or never runs: a reason and a sentence with the way out. Pure. */
import type { TaskFailureReason, TaskProblem } from '../../agents/model.ts';
import { cut, stuck } from '../../workflow/pod-failure.ts';
import { waitingFor, type PodEnded, type PodWaiting } from '../../workflow/pod-trouble.ts';
import { podRefusal } from '../../workflow/refusals.ts';
import type { JobEnd } from '../actions/observe.ts';
import type { TaskJob } from './observe.ts';

/** Of a Job that has failed. */
export function jobFailure(job: TaskJob, { reason, message }: JobEnd): TaskProblem {
  const ended = job.pod?.ended;
  if (reason === 'DeadlineExceeded' || ended?.how === 'timeout') return timeout(job);
  if (ended !== undefined && (job.seenPod?.deletedAt === undefined || ended.how !== 'exited')) {
    return podFailure(job, ended);
  }
  if (reason === 'PodFailurePolicy') return nodeLost(message);
  const what = job.pod === undefined ? `the Pod of Job ${job.name} is gone` : `Pod ${job.pod.name} was removed`;
  return problem('PodLost', `${what}, and nobody knows how far it came; look, then create the Task again`);
}

/** Of a Pod that was told to go, and that nobody has heard of since. */
export function nodeLost(message: string): TaskProblem {
  const why = message === '' ? '' : ` (${cut(message)})`;
  return problem(
    'NodeLost',
    `the Pod was taken away from its node${why}; look how far it came, then create the Task again`,
  );
}

function timeout({ timeoutMs }: TaskJob): TaskProblem {
  const limit = timeoutMs === undefined ? 'its time' : `${timeoutMs / 1_000} s`;
  return problem(
    'Timeout',
    `the Task did not end in ${limit} and was stopped; raise spec.timeout, or give it less to do`,
  );
}

/** kubelet: the container itself could not be started. */
const startErrors: ReadonlySet<string> = new Set(['StartError', 'ContainerCannotRun']);

function podFailure({ name }: TaskJob, ended: PodEnded): TaskProblem {
  const said = ended.message === '' ? '' : `: ${cut(ended.message)}`;
  const exit = `exit code ${ended.exitCode ?? 'unknown'}`;
  switch (ended.how) {
    case 'oom':
      return problem(
        'OOMKilled',
        `the agent used more memory than its limit${said}; raise the limit, or give it less to do`,
      );
    case 'not-started':
      return startErrors.has(ended.reason)
        ? problem('ConfigurationError', `the agent could not be started (${ended.reason}${said}); check its image`)
        : problem(
            'InitFailed',
            `an init container has failed (${ended.reason}, ${exit}${said}); check spec.toolsImage of the Agent`,
          );
    case 'lost':
    case 'rejected':
      return nodeLost(`${ended.reason}${said}`);
    case 'timeout':
    case 'succeeded':
    case 'exited':
      return problem(
        'AgentFailed',
        `the agent ended with ${exit}${said}; kubectl logs job/${name} has what it printed`,
      );
  }
}

/** Of a Pod, or Job, that waits for what will not come. */
export function stuckJob({ image, images }: TaskJob, waiting: Pick<PodWaiting, 'reason' | 'message'>): TaskProblem {
  const named = images.find((one) => waiting.message.includes(one)) ?? image;
  const { what, advice } = stuck(named, waiting);
  return problem(reasonOf(waiting), `the Task ${what}; ${advice}`);
}

function reasonOf(waiting: Pick<PodWaiting, 'reason' | 'message'>): TaskFailureReason {
  const what = waitingFor(waiting);
  if (what === 'image') return 'ImagePullFailed';
  if (what !== 'pod') return 'ConfigurationError';
  return podRefusal(waiting.message).kind === 'account' ? 'ConfigurationError' : 'Refused';
}

function problem(reason: TaskFailureReason, message: string): TaskProblem {
  return { reason, message };
}
