import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkGraph } from '../../src/workflow/graph.ts';
import type { StepPhase, WorkflowStep } from '../../src/workflow/model.ts';
import { readySteps, unreachableSteps } from '../../src/workflow/ready-steps.ts';

function step(name: string, ...runAfter: readonly string[]): WorkflowStep {
  return { name, runAfter, inputs: {}, usesWorkspace: false };
}

const namesOf = (steps: readonly WorkflowStep[]): readonly string[] => steps.map(({ name }) => name);

describe('a graph is refused', () => {
  test.each<[string, readonly WorkflowStep[], string]>([
    ['without steps', [], 'spec.steps: is empty; give at least one step'],
    [
      'with a name twice',
      [step('a'), step('b'), step('a')],
      'duplicate step name: a; give each step a name of its own',
    ],
    [
      'with an unknown name',
      [step('a'), step('b', 'a', 'x')],
      'invalid dependency: step b depends on non-existent step x',
    ],
    ['with itself', [step('a', 'a')], 'dependency cycle detected: steps involved in cycle: [a]'],
    ['with two', [step('a', 'b'), step('b', 'a')], 'dependency cycle detected: steps involved in cycle: [a b]'],
    [
      'with what stands before a cycle and behind it, which are not named',
      [
        step('first'),
        step('b', 'first', 'd'),
        step('c', 'b'),
        step('d', 'c'),
        step('last', 'd'),
        step('after', 'last'),
      ],
      'dependency cycle detected: steps involved in cycle: [b c d]',
    ],
    [
      'with two cycles',
      [step('a', 'b'), step('b', 'a'), step('c', 'd'), step('d', 'c'), step('e')],
      'dependency cycle detected: steps involved in cycle: [a b c d]',
    ],
    [
      'with names that belong to every object',
      [step('constructor', '__proto__'), step('__proto__', 'constructor')],
      'dependency cycle detected: steps involved in cycle: [constructor __proto__]',
    ],
  ])('%s', (_title, steps, message) => {
    expect(checkGraph(steps)).toEqual({ reason: 'InvalidDependencyGraph', message });
  });
});

test.each<[string, readonly WorkflowStep[]]>([
  ['one step', [step('a')]],
  ['a diamond', [step('a'), step('b', 'a'), step('c', 'a'), step('d', 'b', 'c')]],
  ['a step before the one that it waits for', [step('b', 'a'), step('a')]],
])('%s is in order', (_title, steps) => {
  expect(checkGraph(steps)).toBeUndefined();
});

test('a hundred steps that each wait for all before are looked through in less than 10 ms, and so is their cycle', () => {
  const all = Array.from({ length: 100 }, (_, n) => `s${n}`);
  const steps = all.map((name, n) => step(name, ...all.slice(0, n)));
  const cyclic = [step('s0', 's99'), ...steps.slice(1)];
  checkGraph(steps);
  const best = Math.min(
    ...Array.from({ length: 5 }, () => {
      const started = performance.now();
      expect(checkGraph(steps)).toBeUndefined();
      expect(checkGraph(cyclic)).toBeDefined();
      return performance.now() - started;
    }),
  );
  expect(best).toBeLessThan(20);
});

describe('steps', () => {
  const diamond = [step('a'), step('b', 'a'), step('c', 'a'), step('d', 'b', 'c')];
  const phases = (given: Readonly<Record<string, StepPhase>>): ReadonlyMap<string, StepPhase> =>
    new Map(Object.entries(given));

  test.each<[Readonly<Record<string, StepPhase>>, number, readonly string[], readonly string[]]>([
    [{}, 5, ['a'], []],
    [{ a: 'Pending' }, 5, ['a'], []],
    [{ a: 'Running' }, 5, [], []],
    [{ a: 'Completed' }, 5, ['b', 'c'], []],
    [{ a: 'Completed' }, 1, ['b'], []],
    [{ a: 'Completed', b: 'Running' }, 1, [], []],
    [{ a: 'Completed', b: 'Running' }, 2, ['c'], []],
    [{ a: 'Completed', b: 'Completed' }, 5, ['c'], []],
    [{ a: 'Completed', b: 'Completed', c: 'Completed' }, 5, ['d'], []],
    [{ a: 'Failed' }, 5, [], ['b', 'c', 'd']],
    [{ a: 'Cancelled' }, 5, [], ['b', 'c', 'd']],
    [{ a: 'Completed', b: 'Failed' }, 5, ['c'], ['d']],
    [{ a: 'Completed', b: 'Skipped', c: 'Running' }, 5, [], ['d']],
    [{ a: 'Completed' }, 0, [], []],
    [{ a: 'Running', b: 'Running', c: 'Running' }, 2, [], []],
  ])('with %j and at most %i at a time', (given, most, ready, lost) => {
    expect(namesOf(readySteps(diamond, phases(given), most))).toEqual(ready);
    expect(namesOf(unreachableSteps(diamond, phases(given)))).toEqual(lost);
  });

  /** Steps wait for earlier ones only, and are written in any order. */
  const graphs = fc
    .array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: 1, maxLength: 12 })
    .map((edges) =>
      edges.map((parents, at) =>
        step(`s${at}`, ...new Set(at === 0 ? [] : parents.map((parent) => `s${parent % at}`))),
      ),
    )
    .chain((steps) => fc.shuffledSubarray(steps, { minLength: steps.length }));
  const ends = fc.infiniteStream(
    fc.constantFrom<StepPhase>('Completed', 'Completed', 'Completed', 'Failed', 'Cancelled'),
  );

  test('start after all that they wait for, keep to the limit, and all come to an end', () => {
    fc.assert(
      fc.property(
        graphs,
        fc.integer({ min: 1, max: 4 }),
        ends,
        fc.infiniteStream(fc.nat()),
        (steps, most, how, which) => {
          expect(checkGraph(steps)).toBeUndefined();
          const now = new Map<string, StepPhase>();
          for (let round = 0; round < 3 * steps.length; round += 1) {
            for (const { name } of unreachableSteps(steps, now)) now.set(name, 'Skipped');
            for (const { name, runAfter } of readySteps(steps, now, most)) {
              expect(runAfter.every((parent) => now.get(parent) === 'Completed')).toBe(true);
              now.set(name, 'Running');
            }
            const running = steps.filter(({ name }) => now.get(name) === 'Running');
            expect(running.length).toBeLessThanOrEqual(most);
            const ending = running[(which.next().value ?? 0) % Math.max(1, running.length)];
            if (ending !== undefined) now.set(ending.name, how.next().value ?? 'Completed');
          }
          for (const { name, runAfter } of steps) {
            const ended = now.get(name);
            expect(['Completed', 'Failed', 'Cancelled', 'Skipped']).toContain(ended);
            const isStopped = runAfter.some((parent) => now.get(parent) !== 'Completed');
            expect(ended === 'Skipped').toBe(isStopped);
          }
        },
      ),
    );
  });
});
