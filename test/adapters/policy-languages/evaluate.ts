/** One evaluation, as a table's line asks for it. */
import { createPolicyLanguages, type ClosablePolicyLanguages } from '../../../src/adapters/policy-languages/create.ts';
import { digestOf } from '../../../src/kernel/digest.ts';
import type { Result } from '../../../src/kernel/result.ts';
import type { Evaluation } from '../../../src/policy/evaluation.ts';
import type { PolicyLanguage } from '../../../src/policy/model.ts';

export interface Asked {
  readonly language: PolicyLanguage;
  readonly text: string;
  readonly input?: string;
}

export function ask(
  languages: ClosablePolicyLanguages,
  { language, text, input = '{"a":1}' }: Asked,
  signal: AbortSignal = AbortSignal.timeout(30_000),
): Promise<Result<Evaluation>> {
  return languages.evaluate({ name: 'NAME', code: { language, text, hash: digestOf(text) }, input }, signal);
}

/** "pass", or the result and its message, or the code of the failure. */
export function told(result: Result<Evaluation>): string {
  if (!result.ok) return result.failure.code;
  const { result: verdict, message } = result.value;
  return message === '' ? verdict : `${verdict}: ${message}`;
}

/** The default limits. */
export const standard = (): ClosablePolicyLanguages => createPolicyLanguages();

/** Milliseconds of the processor that this thread, which serves requests, takes for `work`; others may have as much as they want. */
export async function ownTime(work: () => Promise<unknown>): Promise<number> {
  const before = process.threadCpuUsage();
  await work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}
