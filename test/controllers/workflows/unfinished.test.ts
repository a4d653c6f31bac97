import { expect, test } from 'vitest';
import { unfinishedWorkflows } from '../../../src/controllers/workflows/unfinished.ts';
import type { KubeObject } from '../../../src/kernel/kube-object.ts';

const now = new Date('2026-03-01T12:00:00Z');

function workflow(
  minutes: number,
  phase: string,
  more: { spec?: object; approved?: true; steps?: number } = {},
): KubeObject {
  const { spec = {}, approved, steps = 1 } = more;
  return {
    apiVersion: 'workflowexecution.kubernaut.ai/v1alpha1',
    kind: 'WorkflowExecution',
    metadata: {
      name: 'w',
      namespace: 'n',
      uid: 'u',
      resourceVersion: '1',
      creationTimestamp: new Date(now.getTime() - minutes * 60_000).toISOString(),
      annotations: approved === undefined ? {} : { 'kubernaut.io/approved': 'true' },
    },
    spec: { steps: Array.from({ length: steps }, (_, index) => ({ name: `s${index}` })), ...spec },
    status: { phase },
  };
}

const look = (...workflows: readonly KubeObject[]) => unfinishedWorkflows(workflows, { approvalThreshold: 10 }, now);

test('what has ended does not count', () => {
  expect(look(workflow(300, 'Completed'), workflow(300, 'Failed'))).toStrictEqual([]);
});

test('the oldest of those that run is told', () => {
  expect(look(workflow(3, ''), workflow(90, 'Executing'), workflow(10, 'Initializing'))).toStrictEqual([
    { state: 'running', count: 3, oldestSeconds: 5_400 },
  ]);
});

test('what waits for a person is told apart', () => {
  const found = look(
    workflow(600, '', { steps: 11 }),
    workflow(500, 'Executing', { spec: { suspend: true } }),
    workflow(1, '', { steps: 11, approved: true }),
    workflow(2, 'Executing', { steps: 11 }),
  );
  expect(found).toStrictEqual([
    { state: 'unapproved', count: 1, oldestSeconds: 36_000 },
    { state: 'suspended', count: 1, oldestSeconds: 30_000 },
    { state: 'running', count: 2, oldestSeconds: 120 },
  ]);
});

test('an object without a time, or with one of tomorrow, is no older than now', () => {
  const { creationTimestamp: _, ...metadata } = workflow(0, '').metadata;
  expect(look({ ...workflow(0, ''), metadata }, workflow(-60, ''))).toStrictEqual([
    { state: 'running', count: 2, oldestSeconds: 0 },
  ]);
});
