/** The Pod of an action in words: why it never began, and how it ended. Pure. */
import { defined } from '../kernel/defined.ts';
import { quoted } from '../kernel/failure.ts';
import type { FailureReason } from './model.ts';
import { waitingFor, type PodEnded, type PodWaiting } from './pod-trouble.ts';
import { podRefusal, reasonOfRefusal } from './refusals.ts';

export interface Told {
  readonly reason: FailureReason;
  readonly message: string;
  /** Ends the sentence that the step begins: "<step> <what>; <advice>". */
  readonly what: string;
  readonly advice: string;
  readonly code?: string;
  readonly exitCode?: number;
}

/** How it ended, unless its time was over. */
export function ended(end: PodEnded): Told {
  const exit = defined('exitCode', end.exitCode);
  switch (end.how) {
    case 'oom':
      return {
        ...exit,
        reason: 'OOMKilled',
        message: end.message || 'the container used more memory than its limit',
        what: 'was killed, because it used more memory than its limit',
        advice: 'raise the memory limit in its contract, or give it less to do',
      };
    case 'timeout':
      return {
        reason: 'DeadlineExceeded',
        message: end.message === '' ? 'it did not end in its time' : end.message,
        what: 'did not end in its time and was stopped',
        advice: 'give the step a longer timeout, or find out in its log what it waited for',
      };
    case 'not-started':
      return {
        ...exit,
        reason: 'ConfigurationError',
        message: end.message || end.reason,
        what: `could not be started: ${cut(end.message || end.reason)}`,
        advice: 'check the entrypoint of its image and what the Pod is given',
      };
    case 'lost':
      return {
        reason: 'Evicted',
        message: `${end.reason}: ${end.message}`,
        what: `was taken away from its node (${end.reason}): ${cut(end.message)}`,
        advice: 'it may have done part of its work, look before it is run again',
      };
    case 'rejected':
      return {
        reason: 'ResourceExhausted',
        message: `${end.reason}: ${end.message}`,
        what: `was turned away by its node (${end.reason})`,
        advice: 'free resources on the nodes or add one',
      };
    case 'succeeded':
    case 'exited':
      return exited(end);
  }
}

function exited({ exitCode, message }: PodEnded): Told {
  const outcome = `exit code ${exitCode ?? 'unknown'}`;
  return {
    ...defined('exitCode', exitCode),
    reason: 'TaskFailed',
    message: message === '' ? outcome : message,
    what: `failed with ${outcome}${message === '' ? '' : `: ${cut(message)}`}`,
    advice: 'its log says more',
  };
}

/** It never began. `image`: as it was asked for. */
export function stuck(
  image: string | undefined,
  waiting: Pick<PodWaiting, 'reason' | 'message'> & Partial<PodWaiting>,
): Told {
  const message = `${waiting.reason}: ${waiting.message}`;
  const why = `${waiting.reason}${waiting.message === '' ? '' : `: ${cut(waiting.message)}`}`;
  switch (waiting.for ?? waitingFor(waiting)) {
    case 'image':
      return {
        reason: 'ImagePullBackOff',
        message,
        what: `never ran, because its image ${quoted(image ?? '', 200)} cannot be pulled (${why})`,
        advice: 'check that the image exists and that the pull secrets of its namespace may read it',
      };
    case 'configuration':
      return {
        reason: 'ConfigurationError',
        message,
        what: `never ran, because its container cannot be made (${why})`,
        advice: 'create what is missing in its namespace, or mend the reference to it',
      };
    case 'volume':
      return {
        reason: 'WorkspaceUnavailable',
        message,
        what: `never ran, because its workspace cannot be had (${why})`,
        advice: 'check the PersistentVolumeClaim and its storage class',
      };
    case 'capacity':
      return {
        reason: 'ResourceExhausted',
        message,
        what: `never ran, because no node has room for it (${why})`,
        advice: 'free resources on the nodes, add one, or ask for less in its contract',
      };
    case 'pod':
      return withoutPod(waiting.message);
  }
}

function withoutPod(message: string): Told {
  const told = { message, what: `never ran, because its Pod was not made: ${cut(message)}` };
  const refusal = podRefusal(message);
  switch (refusal.kind) {
    case 'gate': {
      const { code, message: said } = refusal.failure;
      const what = `never ran, because its Pod was refused: ${cut(said)}`;
      const advice = `docs/debug-a-refusal.md has what to do about ${code}`;
      return { reason: reasonOfRefusal(refusal.failure), code, message: said, what, advice };
    }
    case 'account':
      return { ...told, reason: 'ConfigurationError', advice: 'create the service account and what it may do' };
    case 'quota':
      return { ...told, reason: 'ResourceExhausted', advice: 'raise the quota of its namespace, or free some of it' };
    case 'forbidden':
      return { ...told, reason: 'Forbidden', advice: 'do what the message says, then create it again' };
    case 'other':
      return { ...told, reason: 'Forbidden', advice: 'the events of its Job have the refusal' };
  }
}

/** For a sentence: the rest is in `message`. */
export function cut(text: string): string {
  return quoted(text, 300).replace(/[.;\s]+$/, '');
}
