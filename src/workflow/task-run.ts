/** What a TaskRun says of the step that it runs, in the words that both engines share. Pure. */
import { defined } from '../kernel/defined.ts';
import { quoted } from '../kernel/failure.ts';
import type { KubeObject } from '../kernel/kube-object.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { failureDetails, type WhatIsKnown } from './failure-details.ts';
import { metaTaskResult } from './meta-task.ts';
import type { StepStatus, WorkflowStep } from './model.ts';
import { lastJsonObject } from './outputs.ts';
import { troubleOfPod, type PodTrouble } from './pod-trouble.ts';
import { refusalIn } from './refusals.ts';

export interface StepOfRun {
  readonly step: WorkflowStep;
  readonly index: number;
  readonly workflow: string;
  readonly timeoutMs: number;
  readonly before: StepStatus;
  readonly now: Date;
}

type Members = Readonly<Record<string, unknown>>;

export interface Condition {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** Condition Succeeded: True, False, or Unknown while it goes on. Also of PipelineRuns. */
export function succeeded(run: KubeObject): Condition {
  const conditions = statusOf(run)['conditions'];
  const list: readonly unknown[] = Array.isArray(conditions) ? conditions : [];
  const found = list.map(asRecord).find((condition) => condition?.['type'] === 'Succeeded');
  return {
    status: text(found?.['status']) || 'Unknown',
    reason: text(found?.['reason']),
    message: quoted(text(found?.['message']), 4_000),
  };
}

export function statusOf(object: KubeObject): Members {
  return asRecord(object['status']) ?? {};
}

/** `log`: the end of what its step has printed, where that was asked for. */
export function mirrorTaskRun(
  of: StepOfRun,
  taskRun: KubeObject,
  { pod, log }: { readonly pod?: KubeObject | undefined; readonly log?: string | undefined },
): StepStatus {
  const { step, before, now } = of;
  const status = statusOf(taskRun);
  const condition = succeeded(taskRun);
  const trouble = pod === undefined ? undefined : troubleOfPod(pod);
  const startedAt = timeOf(status['startTime']) ?? before.startedAt ?? taskRun.metadata.creationTimestamp;
  const known = {
    name: step.name,
    ...defined('startedAt', startedAt),
    executionName: taskRun.metadata.name,
    executionUID: taskRun.metadata.uid,
    ...defined('podName', text(status['podName']) || undefined),
    ...defined('image', before.image),
    ...defined('signers', before.signers),
    ...defined('contract', before.contract),
    attempts: attemptsOf(status),
  };
  if (condition.status === 'Unknown') return { ...known, phase: 'Running', ...waiting(trouble, before) };
  const completedAt = timeOf(status['completionTime']) ?? before.completedAt ?? now.toISOString();
  const outputs = printedIn(log) ?? outputsOf(status);
  const ended = { ...known, completedAt, ...defined('outputs', outputs) };
  if (condition.status === 'True') return { ...ended, phase: 'Completed' };
  if (condition.reason === 'TaskRunCancelled') return { ...ended, phase: 'Cancelled', message: condition.message };
  const details = failureDetails(whatIsKnown(of, condition, trouble, completedAt));
  return { ...ended, phase: 'Failed', message: details.message, failureDetails: details };
}

/** Without those of attempts that failed before. */
function attemptsOf(status: Members): number {
  const earlier = status['retriesStatus'];
  return 1 + (Array.isArray(earlier) ? earlier.length : 0);
}

/** A task that somebody else has made may have no such result, or something else in it. */
function outputsOf(status: Members): StepStatus['outputs'] {
  return printedIn(resultOf(status));
}

function printedIn(text: string | undefined): StepStatus['outputs'] {
  return text === undefined ? undefined : lastJsonObject(text);
}

function resultOf(status: Members): string | undefined {
  const results: readonly unknown[] = Array.isArray(status['results']) ? status['results'] : [];
  const value = results.map(asRecord).find((result) => result?.['name'] === metaTaskResult)?.['value'];
  return typeof value === 'string' ? value : undefined;
}

/**
 * Whether only the log has what the action has printed: the Task writes no result, or it was more than Tekton can carry. One
 * that is empty says that there is nothing.
 */
export function isLogNeeded(taskRun: KubeObject): boolean {
  const status = statusOf(taskRun);
  const { status: outcome, reason } = succeeded(taskRun);
  if (outcome === 'Unknown' || reason === 'TaskRunCancelled' || resultOf(status) === '') return false;
  const outputs = outputsOf(status);
  return outputs === undefined || outputs['truncated'] === true;
}

function whatIsKnown(
  { step, index, workflow, timeoutMs, before }: StepOfRun,
  condition: Condition,
  pod: PodTrouble | undefined,
  failedAt: string,
): WhatIsKnown {
  return {
    step: step.name,
    stepIndex: index,
    workflow,
    failedAt,
    timeoutMs,
    ...defined('image', before.image ?? step.image),
    ...defined('refusal', refusalIn(condition.message)),
    ...defined('pod', pod),
    ...defined('waited', waitedIn(before.message)),
    condition,
  };
}

// ---- what a Pod waits for; Tekton removes the Pod when time is up, and then nobody else knows

const waitingMessage = /^Waiting \(([A-Za-z]+)\): (.*)$/s;

function waiting(trouble: PodTrouble | undefined, before: StepStatus): { readonly message?: string } {
  if (trouble === undefined) return defined('message', before.message);
  if (trouble.waiting === undefined) return {};
  const { reason, message } = trouble.waiting;
  return { message: `Waiting (${reason}): ${message}` };
}

function waitedIn(message: string | undefined): WhatIsKnown['waited'] {
  const [, reason, said] = waitingMessage.exec(message ?? '') ?? [];
  return reason === undefined ? undefined : { reason, message: said ?? '' };
}

// ---- reading

function timeOf(value: unknown): string | undefined {
  const time = text(value);
  return Number.isNaN(Date.parse(time)) ? undefined : time;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
