import fc from 'fast-check';
import { expect, test } from 'vitest';
import { withBoundedOutputs } from '../../src/workflow/bounded-outputs.ts';
import type { StepStatus } from '../../src/workflow/model.ts';

const step = (name: string, bytes: number): StepStatus => ({
  name,
  phase: 'Completed',
  outputs: { text: 'ü'.repeat(Math.floor(bytes / 2)) },
});

test('outputs that fit are kept as they are', () => {
  const steps = [step('a', 100_000), step('b', 100_000), { name: 'c', phase: 'Pending' as const }];
  expect(withBoundedOutputs(steps)).toEqual(steps);
});

test('those that do not fit are replaced, and later ones that fit are kept', () => {
  const [a, b, c] = withBoundedOutputs([step('a', 200_000), step('b', 100_000), step('c', 50_000)]);
  expect(a?.outputs).toHaveProperty('text');
  expect(b?.outputs).toEqual({ 'countersign.dev/omitted': expect.stringContaining('100011 bytes') });
  expect(c?.outputs).toHaveProperty('text');
});

test('all together are never more than 256 KiB and a word per step, and doing it again changes nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(300_000), { maxLength: 8 }), (sizes) => {
      const bounded = withBoundedOutputs(sizes.map((size, index) => step(`s${index}`, size)));
      const bytes = bounded.reduce((sum, { outputs }) => sum + Buffer.byteLength(JSON.stringify(outputs)), 0);
      expect(bytes).toBeLessThanOrEqual(256 * 1024 + sizes.length * 200);
      expect(withBoundedOutputs(bounded)).toEqual(bounded);
    }),
    { numRuns: 50 },
  );
});

test('what was said in place of outputs is not replaced itself', () => {
  const full = [step('a', 262_128), step('b', 50_000)];
  const bounded = withBoundedOutputs(full);
  expect(bounded[0]).toEqual(full[0]);
  expect(withBoundedOutputs(bounded)).toEqual(bounded);
});
