import { expect, test } from 'vitest';
import { isTrue, withConditions } from '../../src/workflow/conditions.ts';
import type { WorkflowStatus } from '../../src/workflow/model.ts';

const first = new Date('2026-01-01T00:00:00.000Z');
const later = new Date('2026-01-01T00:05:00.000Z');
const status: WorkflowStatus = { phase: 'Executing', message: 'it runs', engine: 'job', steps: [], conditions: [] };

const shortly = ({ conditions }: WorkflowStatus) =>
  Object.fromEntries(conditions.map((condition) => [condition.type, `${condition.status} ${condition.reason}`]));

test.each([
  {
    phase: '' as const,
    says: {
      ExecutionCreated: 'False Waiting',
      ExecutionRunning: 'False Waiting',
      ExecutionComplete: 'False Waiting',
      Ready: 'False Waiting',
    },
  },
  {
    phase: 'Executing' as const,
    says: {
      ExecutionCreated: 'True Executing',
      ExecutionRunning: 'True Executing',
      ExecutionComplete: 'False Executing',
      Ready: 'False Executing',
    },
  },
  {
    phase: 'Completed' as const,
    says: {
      ExecutionCreated: 'True Completed',
      ExecutionRunning: 'False Completed',
      ExecutionComplete: 'True Completed',
      Ready: 'True Completed',
      Recorded: 'False Underway',
    },
  },
  {
    phase: 'Failed' as const,
    says: {
      ExecutionCreated: 'False Failed',
      ExecutionRunning: 'False Failed',
      ExecutionComplete: 'True Failed',
      Ready: 'False Failed',
      Recorded: 'False Underway',
    },
  },
])('phase "$phase" is said in conditions', ({ phase, says }) => {
  expect(shortly(withConditions({ ...status, phase }, { generation: 1, now: first }))).toEqual(says);
});

test('a condition keeps its time until its status changes', () => {
  const begun = withConditions(status, { generation: 1, now: first });
  const ended = withConditions({ ...begun, phase: 'Completed' }, { generation: 2, now: later });
  const timeOf = (type: string) => ended.conditions.find((one) => one.type === type)?.lastTransitionTime;
  expect(timeOf('ExecutionCreated')).toBe(first.toISOString());
  expect(timeOf('ExecutionComplete')).toBe(later.toISOString());
  expect(ended.observedGeneration).toBe(2);
});

test('what is recorded stays recorded, and that something was created stays true', () => {
  const done = withConditions({ ...status, phase: 'Completed' }, { generation: 1, now: first, isRecorded: true });
  const again = withConditions(done, { generation: 1, now: later });
  expect(isTrue(again, 'Recorded')).toBe(true);
  expect(again).toEqual(done);
  const failed = withConditions(
    { ...withConditions(status, { generation: 1, now: first }), phase: 'Failed' },
    { generation: 1, now: later },
  );
  expect(isTrue(failed, 'ExecutionCreated')).toBe(true);
});

test('conditions of others are kept', () => {
  const theirs = { type: 'Theirs', status: 'True', reason: 'R', message: '', lastTransitionTime: 'then' } as const;
  const written = withConditions({ ...status, conditions: [theirs] }, { generation: 1, now: first });
  expect(written.conditions[0]).toEqual(theirs);
});
