import { expect, test } from 'vitest';
import { rememberEvaluations } from '../../src/evidence/evaluations.ts';
import { digestOf } from '../../src/kernel/digest.ts';
import { failure } from '../../src/kernel/failure.ts';
import { fail, ok, type Result } from '../../src/kernel/result.ts';
import type { Evaluation } from '../../src/policy/evaluation.ts';
import type { EvaluationRequest } from '../../src/ports/policy-languages.ts';

const soon = (): AbortSignal => AbortSignal.timeout(5_000);
const passes = ok<Evaluation>({ result: 'pass', message: '' });

function about(input: string, text = 'code'): EvaluationRequest {
  return { name: 'NAME', code: { language: 'rego', text, hash: digestOf(text) }, input };
}

/** Remembered evaluations over an engine that answers so. */
function over(answer: (request: EvaluationRequest) => Result<Evaluation> | Promise<Result<Evaluation>>) {
  const asked: string[] = [];
  const languages = rememberEvaluations(
    {
      evaluate: (request) => {
        asked.push(request.input);
        return Promise.resolve(answer(request));
      },
    },
    9,
  );
  return { languages, asked };
}

test('equal content is evaluated once, whoever asks, and other content by itself', async () => {
  const { languages, asked } = over(() => passes);
  await Promise.all([languages.evaluate(about('a'), soon()), languages.evaluate(about('a'), soon())]);
  await languages.evaluate(about('a'), soon());
  await languages.evaluate(about('b'), soon());
  await languages.evaluate(about('a', 'other code'), soon());
  await languages.evaluate({ ...about('a'), name: 'other' }, soon());
  expect(asked).toEqual(['a', 'b', 'a', 'a']);
});

test('a refusal by the code is no other than an acceptance: it holds', async () => {
  const { languages, asked } = over(() => ok({ result: 'fail', message: 'no' }));
  for (const _ of [1, 2])
    expect(await languages.evaluate(about('a'), soon())).toMatchObject({ value: { message: 'no' } });
  expect(asked).toHaveLength(1);
});

test('what failed is asked again after a second', async () => {
  let isAway = true;
  const { languages, asked } = over(() => (isAway ? fail(failure('POLICY_ENGINE_UNAVAILABLE', 'away')) : passes));
  expect((await languages.evaluate(about('a'), soon())).ok).toBe(false);
  isAway = false;
  expect((await languages.evaluate(about('a'), soon())).ok).toBe(false);
  await new Promise((resolve) => setTimeout(resolve, 1_050));
  expect(await languages.evaluate(about('a'), soon())).toEqual(passes);
  expect(asked).toHaveLength(2);
});

test('what is under way is not lost when others fill the memory meanwhile', async () => {
  const slow = Promise.withResolvers<Result<Evaluation>>();
  const long = ok<Evaluation>({ result: 'fail', message: 'x'.repeat(16_384) });
  const { languages } = over(({ input }) => (input === 'slow' ? slow.promise : long));
  const waiting = languages.evaluate(about('slow'), soon());
  for (let index = 0; index < 600; index += 1) await languages.evaluate(about(String(index)), soon());
  slow.resolve(passes);
  expect(await waiting).toEqual(passes);
});
