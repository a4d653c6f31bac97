import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ActionRecord } from '../../../src/ports/action-history.ts';
import { mergeActions, newerAssessment } from '../../../src/records/history/merge.ts';
import { assessment, at, completed, executing, failed } from './actions.ts';

const actions: fc.Arbitrary<ActionRecord> = fc
  .record(
    {
      status: fc.constantFrom('executing', 'completed', 'failed', 'skipped', 'cancelled'),
      executedAt: fc.constantFrom(at(0), at(1)),
      completedAt: fc.constantFrom(at(5), at(6)),
      attempts: fc.integer({ min: 1, max: 2 }),
      image: fc.constantFrom('a', 'b'),
      contract: fc.constantFrom('c@1', 'd@1'),
      exitCode: fc.integer({ min: 0, max: 1 }),
      outputs: fc.constantFrom({ a: 1 }, { b: 2 }),
    },
    { requiredKeys: ['status', 'executedAt'] },
  )
  .map((change) => ({ ...executing(), ...change }));

test('order does not matter', () => {
  fc.assert(
    fc.property(actions, actions, (a, b) => {
      expect(mergeActions(a, b)).toEqual(mergeActions(b, a));
    }),
  );
});

test('again changes nothing', () => {
  fc.assert(
    fc.property(actions, actions, (a, b) => {
      const merged = mergeActions(a, b);
      expect(mergeActions(merged, merged)).toEqual(merged);
      expect(mergeActions(merged, a)).toEqual(merged);
      expect(mergeActions(merged, b)).toEqual(merged);
    }),
  );
});

test('an end is never taken back', () => {
  fc.assert(
    fc.property(actions, actions, (a, b) => {
      const hasEnd = [a, b].some(({ status }) => status !== 'executing');
      expect(mergeActions(a, b).status !== 'executing').toBe(hasEnd);
    }),
  );
});

test('what completed at last does not say why it failed before', () => {
  const merged = mergeActions(failed({ contract: 'scale@v1' }), completed({ attempts: 2 }));
  expect(merged).toEqual(completed({ attempts: 2 }));
});

test('of two assessments the later one stays', () => {
  const [early, late] = [assessment(), assessment({ score: 0, assessedAt: at(90_000) })];
  expect(newerAssessment(early, late)).toBe(late);
  expect(newerAssessment(late, early)).toBe(late);
});
