import { expect, test } from 'vitest';
import { workflowKinds } from '../../../src/workflow/kinds.ts';
import { world, type StepSpec } from './world.ts';

const chain: readonly StepSpec[] = [{ name: 'a' }, { name: 'b', runAfter: ['a'] }, { name: 'c', runAfter: ['b'] }];

// The budget: a change that needs more calls has to say so here.
test('200 workflows of three steps cost one creation per step and at most ten status writes each', async () => {
  const count = 200;
  const one = world();
  let reconciles = 0;
  const due = new Set<string>();
  for (let index = 0; index < count; index += 1) one.apply(`w${index}`, chain);
  one.cluster.onChange((object) => {
    if (workflowKinds.some(({ kind }) => kind === object.kind)) due.add(object.metadata.name);
    else due.add(object.metadata.ownerReferences?.[0]?.name ?? '');
  });
  for (let index = 0; index < count; index += 1) due.add(`w${index}`);
  while (due.size > 0) {
    while (due.size > 0) {
      for (const name of due) {
        due.delete(name);
        reconciles += 1;
        const settled = await one.reconcile(name);
        expect(settled.kind).toBe('settled');
      }
    }
    one.runActions();
    one.advance(1_000);
    if (due.size === 0) for (let index = 0; index < count; index += 1) await one.reconcile(`w${index}`);
  }
  const phases = Array.from({ length: count }, (_, index) => one.status(`w${index}`).phase);
  expect(new Set(phases)).toEqual(new Set(['Completed']));
  expect(Object.fromEntries(one.cluster.calls)).toEqual({
    'create ActionExecution': 3 * count,
    'writeStatus WorkflowExecution': expect.toSatisfy((writes: number) => writes <= 10 * count),
  });
  expect(reconciles).toBeLessThanOrEqual(25 * count);
});
