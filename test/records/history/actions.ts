/** Action records for tests. */
import type { ActionAssessment, ActionRecord } from '../../../src/ports/action-history.ts';

export const began = Date.parse('2031-03-01T10:00:00.000Z');

export function at(ms: number): string {
  return new Date(began + ms).toISOString();
}

export function executing(change: Partial<ActionRecord> = {}): ActionRecord {
  return {
    workflowUid: 'uid-1',
    step: 'scale',
    workflowId: 'payment-oom',
    namespace: 'production',
    workflowType: 'remediation',
    engine: 'job',
    actionType: 'kubernetes/scale_deployment',
    image: 'ghcr.io/kubernaut/actions/scale@sha256:abc',
    inputs: { deployment: 'payment', replicas: 10, note: 'grüße \u2028 😀 \0' },
    status: 'executing',
    executedAt: at(0),
    ...change,
  };
}

export function completed(change: Partial<ActionRecord> = {}): ActionRecord {
  return executing({
    status: 'completed',
    completedAt: at(4_000),
    durationMs: 4_000,
    outputs: { replicas: 10 },
    signers: ['https://github.com/kubernaut/actions'],
    contract: 'scale@v1.0.0',
    attempts: 1,
    ...change,
  });
}

export function failed(change: Partial<ActionRecord> = {}): ActionRecord {
  const why = { failureReason: 'TaskFailed', failureMessage: 'exit code 1', exitCode: 1 };
  return executing({ status: 'failed', completedAt: at(2_000), durationMs: 2_000, attempts: 1, ...why, ...change });
}

export function assessment(change: Partial<ActionAssessment> = {}): ActionAssessment {
  return {
    workflowUid: 'uid-1',
    step: 'scale',
    actionType: 'kubernetes/scale_deployment',
    assessor: 'effectiveness-monitor',
    score: 0.75,
    assessedAt: at(60_000),
    ...change,
  };
}

/** So many runs of different kinds, one a minute. */
export function manyActions(count: number): readonly ActionRecord[] {
  return Array.from({ length: count }, (_, index) => {
    const change = {
      workflowUid: `uid-${index}`,
      workflowId: `workflow-${index % 5}`,
      executedAt: at(index * 60_000),
      completedAt: at(index * 60_000 + 1_000 + index),
      durationMs: 1_000 + index,
      namespace: index % 4 === 0 ? 'staging' : 'production',
      engine: index % 3 === 0 ? ('tekton' as const) : ('job' as const),
      actionType: index % 2 === 0 ? 'kubernetes/scale_deployment' : 'git/commit',
    };
    return index % 10 === 9 ? failed(change) : completed(change);
  });
}
