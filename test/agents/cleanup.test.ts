import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { finishedTask, surplusOf, type FinishedTask } from '../../src/agents/cleanup.ts';
import type { KubeObject } from '../../src/kernel/kube-object.ts';

const now = new Date('2026-01-01T01:00:00Z');

function task(status: object, metadata: object = {}): KubeObject {
  const creationTimestamp = '2026-01-01T00:00:00Z';
  return {
    apiVersion: 'kubeopencode.io/v1alpha1',
    kind: 'Task',
    metadata: { name: 't', namespace: 'team', uid: 'u', resourceVersion: '1', creationTimestamp, ...metadata },
    status,
  };
}

describe('whether a Task has finished', () => {
  test.each(['', 'Pending', 'Queued', 'Running', 'completed', undefined, 7])('not in phase %j', (phase) => {
    expect(finishedTask(task({ phase, completionTime: '2026-01-01T00:30:00Z' }))).toBeUndefined();
  });

  test.each(['Completed', 'Failed'])('in phase %s, since its completionTime', (phase) => {
    const finishedAt = Date.parse('2026-01-01T00:30:00Z');
    expect(finishedTask(task({ phase, completionTime: '2026-01-01T00:30:00Z' }))).toEqual({
      name: 't',
      uid: 'u',
      finishedAt,
    });
  });

  test.each([undefined, 'yesterday', 7, null])('since its creation with completionTime %j', (completionTime) => {
    const finishedAt = Date.parse('2026-01-01T00:00:00Z');
    expect(finishedTask(task({ phase: 'Failed', completionTime }))).toMatchObject({ finishedAt });
  });

  test('is not asked of what goes already, nor of what has no time at all', () => {
    expect(finishedTask(task({ phase: 'Failed' }, { deletionTimestamp: '2026-01-01T00:10:00Z' }))).toBeUndefined();
    expect(finishedTask(task({ phase: 'Failed' }, { creationTimestamp: undefined }))).toBeUndefined();
  });
});

/** Finished so many seconds ago. */
function ago(seconds: number, name = `ago-${seconds}`): FinishedTask {
  return { name, uid: `uid-${name}`, finishedAt: now.getTime() - seconds * 1_000 };
}

const namesOf = (tasks: readonly FinishedTask[]): readonly string[] => tasks.map(({ name }) => name);

describe('what is surplus', () => {
  const rows = [
    { rules: {}, ages: [1, 1_000_000], gone: [], nextInMs: undefined },
    { rules: { ttlSecondsAfterFinished: 60 }, ages: [59, 60, 61], gone: ['ago-61', 'ago-60'], nextInMs: 1_000 },
    { rules: { ttlSecondsAfterFinished: 0 }, ages: [0, 5], gone: ['ago-5', 'ago-0'], nextInMs: undefined },
    { rules: { maxRetainedTasks: 2 }, ages: [4, 2, 3, 1], gone: ['ago-4', 'ago-3'], nextInMs: undefined },
    { rules: { maxRetainedTasks: 0 }, ages: [1, 2], gone: ['ago-2', 'ago-1'], nextInMs: undefined },
    { rules: { maxRetainedTasks: 9 }, ages: [1, 2], gone: [], nextInMs: undefined },
    // Whose time is over does not count among those that are kept.
    {
      rules: { ttlSecondsAfterFinished: 60, maxRetainedTasks: 2 },
      ages: [10, 20, 30, 90],
      gone: ['ago-90', 'ago-30'],
      nextInMs: 40_000,
    },
    { rules: { ttlSecondsAfterFinished: 60 }, ages: [-5], gone: [], nextInMs: 65_000 },
  ];
  test.each(rows)('by $rules of $ages', ({ rules, ages, gone, nextInMs }) => {
    const { surplus, nextInMs: next } = surplusOf(
      ages.map((age) => ago(age)),
      rules,
      now,
    );
    expect({ gone: namesOf(surplus), next }).toEqual({ gone, next: nextInMs });
  });

  test('of Tasks that have ended in one second, the last by name', () => {
    const { surplus } = surplusOf([ago(5, 'b'), ago(5, 'c'), ago(5, 'a')], { maxRetainedTasks: 1 }, now);
    expect(namesOf(surplus)).toEqual(['c', 'b']);
  });

  test('is the same in whichever order Tasks are given, and nothing once it is gone', () => {
    const ages = fc.uniqueArray(fc.integer({ min: 0, max: 500 }), { maxLength: 60 });
    const limit = fc.option(fc.integer({ min: 0, max: 70 }), { nil: undefined });
    fc.assert(
      fc.property(ages, limit, limit, fc.func(fc.integer()), (given, ttl, most, shuffle) => {
        const tasks = given.map((age) => ago(age));
        const rules = {
          ...(ttl !== undefined && { ttlSecondsAfterFinished: ttl }),
          ...(most !== undefined && { maxRetainedTasks: most }),
        };
        const { surplus } = surplusOf(tasks, rules, now);
        const shuffled = tasks.toSorted((a, b) => shuffle(a.name) - shuffle(b.name));
        expect(surplusOf(shuffled, rules, now).surplus).toEqual(surplus);
        const left = tasks.filter((task) => !surplus.includes(task));
        expect(surplusOf(left, rules, now).surplus).toEqual([]);
        expect(left.length).toBeLessThanOrEqual(most ?? Infinity);
        for (const gone of surplus) {
          const isOver = ttl !== undefined && now.getTime() - gone.finishedAt >= ttl * 1_000;
          const isOlder = left.every(({ finishedAt }) => finishedAt >= gone.finishedAt);
          expect(isOver || (isOlder && left.length === most)).toBe(true);
        }
      }),
    );
  });
});
