import fc from 'fast-check';
import { expect, test } from 'vitest';
import { kinds } from '../../../src/workflow/kinds.ts';
import { world, type Ending, type StepSpec } from './world.ts';

// Any graph, any ending of its steps, killed at any calls, cancelled at any time, and seeing what was true a moment ago.
interface Run {
  readonly steps: readonly StepSpec[];
  readonly endings: readonly Ending[];
  readonly maxParallelSteps: number;
  /** Calls until the next kill. */
  readonly kills: readonly { readonly calls: number; readonly when: 'before' | 'after' }[];
  readonly cancelAt: number | undefined;
  readonly staleness: readonly boolean[];
}

const ending: fc.Arbitrary<Ending> = fc.oneof(
  { weight: 12, arbitrary: fc.constant('Completed' as const) },
  { weight: 1, arbitrary: fc.constant('Failed' as const) },
  { weight: 1, arbitrary: fc.constant('removed' as const) },
);

const steps = fc
  .array(fc.record({ parents: fc.array(fc.nat(6), { maxLength: 3 }), usesWorkspace: fc.boolean() }), {
    minLength: 1,
    maxLength: 7,
  })
  .map((shapes) =>
    shapes.map(({ parents, usesWorkspace }, index) => ({
      name: `s${index}`,
      usesWorkspace,
      runAfter: [...new Set(parents)].filter((parent) => parent < index).map((parent) => `s${parent}`),
    })),
  );

const run: fc.Arbitrary<Run> = fc.record({
  steps,
  endings: fc.array(ending, { minLength: 7, maxLength: 7 }),
  maxParallelSteps: fc.integer({ min: 1, max: 4 }),
  kills: fc.array(fc.record({ calls: fc.integer({ min: 1, max: 6 }), when: fc.constantFrom('before', 'after') }), {
    maxLength: 8,
  }),
  cancelAt: fc.option(fc.nat(12), { nil: undefined, freq: 4 }),
  staleness: fc.array(fc.boolean(), { minLength: 1, maxLength: 50 }),
});

async function play({ steps: asked, endings, maxParallelSteps, kills, cancelAt, staleness }: Run) {
  let turn = 0;
  // Its own writes are seen at once; what a process finds when it begins, and what others write, may be old.
  let isNew = false;
  let hearsAll = false;
  const isStale = (kind: string): boolean => {
    turn += 1;
    if (hearsAll) return false;
    return (staleness[turn % staleness.length] ?? false) && (kind === 'ActionExecution' || isNew);
  };
  const one = world({
    settings: { maxParallelSteps },
    ending: (step) => endings[Number(step.slice(1))] ?? 'Completed',
    isStale,
  });
  one.apply('w', asked);
  const left = [...kills];
  for (let round = 0; round < 80; round += 1) {
    if (round === cancelAt) one.change('w', { cancel: true });
    const kill = left.shift();
    if (kill !== undefined) one.cluster.failAfter(kill.calls, kill.when);
    isNew = (await one.runThroughKills(1)) > 0;
  }
  hearsAll = true;
  one.restart();
  await one.run(40);
  return one;
}

test('every step runs at most once and after its parents, and the end is as the steps ended', async () => {
  await fc.assert(
    fc.asyncProperty(run, async (asked) => {
      const one = await play(asked);
      const status = one.status('w');
      expect(one.runs).toEqual([...new Set(one.runs)]);
      for (const { name, runAfter = [] } of asked.steps) {
        const began = one.runs.indexOf(`w/${name}`);
        const parents = runAfter.map((parent) => status.steps.find((step) => step.name === parent));
        if (began < 0) continue;
        expect(parents.map((parent) => parent?.phase)).toEqual(parents.map(() => 'Completed'));
        for (const parent of runAfter) expect(one.runs.indexOf(`w/${parent}`)).toBeLessThan(began);
      }
      const isAllCompleted = status.steps.every(({ phase }) => phase === 'Completed');
      expect(status.phase).toBe(isAllCompleted ? 'Completed' : 'Failed');
      expect(status.failureDetails === undefined).toBe(isAllCompleted);
      expect(status.steps.filter(({ phase }) => phase === 'Pending' || phase === 'Running')).toEqual([]);
      expect(one.cluster.all(kinds.claim)).toEqual([]);
    }),
    { numRuns: 300 },
  );
}, 60_000);

test('what has ended is not touched again, and every step of it that began has one last record', async () => {
  await fc.assert(
    fc.asyncProperty(run, async (asked) => {
      const one = await play(asked);
      const calls = one.cluster.callCount();
      await one.run(20);
      expect(one.cluster.callCount()).toBe(calls);
      const status = one.status('w');
      if (status.engine === undefined) return;
      const last = Object.fromEntries(one.kept.map((record) => [record.step, record.status]));
      const expected = status.steps.map(({ name, phase }) => [name, phase.toLowerCase()]);
      expect(last).toEqual(Object.fromEntries(expected));
    }),
    { numRuns: 100 },
  );
}, 60_000);

test('what was decided once and done leaves nothing to be decided, but for what an initialized workflow begins', async () => {
  await fc.assert(
    fc.asyncProperty(run, async ({ steps: asked, endings }) => {
      const one = world({ ending: (step) => endings[Number(step.slice(1))] ?? 'Completed' });
      one.apply('w', asked);
      for (let round = 0; round < 40; round += 1) {
        const before = one.status('w').phase;
        await one.reconcile('w');
        const calls = one.cluster.callCount();
        const { phase } = one.status('w');
        await one.reconcile('w');
        // That its history is stored is known after it has ended.
        const most = before === '' ? Infinity : Number(phase === 'Completed' || phase === 'Failed');
        expect(one.cluster.callCount() - calls).toBeLessThanOrEqual(most);
        one.runActions();
        one.advance(1_000);
      }
    }),
    { numRuns: 100 },
  );
}, 60_000);
