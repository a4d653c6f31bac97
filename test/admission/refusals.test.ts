import { expect, test } from 'vitest';
import type { Decision } from '../../src/ports/decision-log.ts';
import type { ObjectReference } from '../../src/ports/events.ts';
import type { ReviewPorts } from '../../src/admission/review.ts';
import { Bench, pinned, podOf, reviewOf, unsigned, type World } from './bench.ts';

const owner = { apiVersion: 'batch/v1', kind: 'Job', name: 'nightly', uid: 'u-1', controller: true };
const ofJob = { ...podOf(pinned('a.example/app', '1')), metadata: { ownerReferences: [owner] } };

interface Told {
  readonly about: readonly ObjectReference[];
  readonly decision: Decision;
}

function benchThatTells(world: World): { readonly bench: Bench; readonly told: Told[] } {
  const told: Told[] = [];
  const refusals = { refused: (about: Told['about'], decision: Decision) => void told.push({ about, decision }) };
  const ports: Partial<ReviewPorts> = { refusals };
  return { bench: new Bench({ ...world, ports }), told };
}

test('whoever waits for a Pod is told of its refusal, with the decision as it was recorded', async () => {
  const { bench, told } = benchThatTells({ facts: () => unsigned });
  const { response } = await bench.review('validate', reviewOf(ofJob));

  expect(response.allowed).toBe(false);
  expect(told.map(({ about }) => about)).toEqual([
    [{ apiVersion: 'batch/v1', kind: 'Job', name: 'nightly', uid: 'u-1', namespace: 'team' }],
  ]);
  expect(told.map(({ decision }) => decision)).toEqual(bench.decisions);
});

test('nobody is told of what is admitted, or not judged', async () => {
  const { bench, told } = benchThatTells({});
  await bench.review('validate', reviewOf(ofJob));
  await bench.review('mutate', reviewOf(ofJob));
  await bench.review('validate', { nonsense: true });

  expect(told).toEqual([]);
});

test('a decision that could not be recorded is told as what was answered', async () => {
  const { told, bench } = benchThatTells({ append: async () => Promise.reject(new Error('disk full')) });
  await bench.review('validate', reviewOf(ofJob));

  expect(told.map(({ decision }) => decision.reasons[0]?.code)).toEqual(['DECISION_LOG_UNAVAILABLE']);
});

test('whatever happens to telling, the answer is the same', async () => {
  const broken = (): never => {
    throw new Error('broken');
  };
  const asked = reviewOf(ofJob);
  const world: World = { facts: () => unsigned };
  const { response } = await new Bench({ ...world, ports: { refusals: { refused: broken } } }).review(
    'validate',
    asked,
  );

  expect(response).toEqual((await new Bench(world).review('validate', asked)).response);
});
