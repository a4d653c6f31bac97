import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { createPolicyLanguages } from '../../../src/adapters/policy-languages/create.ts';
import { keepWarm } from '../../../src/cli/serving/warm-languages.ts';
import { failure } from '../../../src/kernel/failure.ts';
import { fail, ok, type Result } from '../../../src/kernel/result.ts';
import type { Evaluation } from '../../../src/policy/evaluation.ts';
import type { PolicySnapshot } from '../../../src/policy/model.ts';
import type { EvaluationRequest } from '../../../src/ports/policy-languages.ts';
import { byKey, pass, policyFor, snapshotOf } from '../../policy/kit.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const code = { cue: 'predicate: {}', rego: 'package sigstore\nisCompliant = true', cel: 'true' } as const;
type Language = keyof typeof code;

function attesting(type: Language, name = 'p') {
  const attestations = [{ name: 'a', predicateType: 'vuln', policy: { type, data: code[type] } }];
  return policyFor([{ ...byKey, attestations }], name);
}

const looking = (type: Language) => policyFor([pass], 'p', { policy: { type, data: code[type] } });

/** What was asked for while these, one after the other, were in force. */
function warmed(answer: Result<Evaluation> = ok({ result: 'pass', message: '' })) {
  const asked: EvaluationRequest[] = [];
  const inForce: { now: PolicySnapshot | undefined } = { now: undefined };
  const evaluate = (request: EvaluationRequest): Promise<Result<Evaluation>> => {
    asked.push(request);
    return Promise.resolve(answer);
  };
  const warming = keepWarm({ evaluate }, { current: () => inForce.now });
  onTestFinished(() => warming.close());
  const come = (snapshot: PolicySnapshot | undefined): void => {
    inForce.now = snapshot;
    vi.advanceTimersByTime(2_000);
  };
  return { come, warming, languages: () => asked.map(({ code: { language } }) => language), asked };
}

test.each([
  ['an attestation', attesting('cue'), 'cue'],
  ['an attestation', attesting('rego'), 'rego'],
  ['an attestation', attesting('cel'), 'cel'],
  ['the object', looking('cue'), 'cue'],
  ['the object', looking('rego'), 'rego'],
  ['the object', looking('cel'), 'cel'],
])('what evaluates code about %s is asked for when it comes into force (%#)', (_about, policy, language) => {
  const { come, languages } = warmed();
  come(snapshotOf([policy]));
  expect(languages()).toEqual([language]);
});

test('nothing is asked for before there are policies, nor for those without code', () => {
  const { come, languages } = warmed();
  come(undefined);
  come(snapshotOf([policyFor([byKey]), policyFor([pass], 'q')]));
  expect(languages()).toEqual([]);
});

test('each language is asked for once, whatever policies come', () => {
  const { come, languages } = warmed();
  come(snapshotOf([attesting('cue'), attesting('cue', 'q')]));
  come(snapshotOf([attesting('cue', 'r'), attesting('rego', 's')]));
  come(snapshotOf([attesting('cue', 't')]));
  expect(languages()).toEqual(['cue', 'rego']);
});

test('an engine that cannot be used harms nobody', async () => {
  const { come, languages } = warmed(fail(failure('POLICY_ENGINE_UNAVAILABLE', 'away')));
  come(snapshotOf([attesting('cue')]));
  await Promise.resolve();
  expect(languages()).toEqual(['cue']);
});

test('nothing is asked for after the end', () => {
  const { come, warming, languages } = warmed();
  warming.close();
  come(snapshotOf([attesting('cue')]));
  expect(languages()).toEqual([]);
});

test('what is asked is nothing that could go wrong', async () => {
  const { come, asked } = warmed();
  for (const language of ['cue', 'rego', 'cel'] as const) come(snapshotOf([attesting(language)]));
  vi.useRealTimers();
  const languages = createPolicyLanguages();
  onTestFinished(() => languages.close());
  for (const request of asked) {
    expect(await languages.evaluate(request, AbortSignal.timeout(60_000))).toEqual(ok({ result: 'pass', message: '' }));
  }
  expect(asked).toHaveLength(3);
});
