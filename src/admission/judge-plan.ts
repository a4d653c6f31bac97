import { evaluatePolicies } from '../evidence/evaluate-policies.ts';
import { judge } from '../policy/judge.ts';
import type { NoMatchPolicy } from '../policy/model.ts';
import type { Plan } from '../policy/plan.ts';
import type { PinnedImage } from '../policy/question.ts';
import type { Subject } from '../policy/subject.ts';
import type { Evidence, ImageVerdict } from '../policy/verdict.ts';
import type { JudgePorts, Matter } from './matter.ts';

const noEvidence: Evidence = new Map();

export interface JudgedPlan {
  readonly verdict: ImageVerdict;
  readonly evidence: Evidence;
}

/** The verdict about one image under its digest: everything that policies ask is asked, and then judged. */
export async function judgePlan(
  { evidence: source }: Pick<JudgePorts, 'evidence'>,
  { content, workload, signal }: Pick<Matter, 'content' | 'workload' | 'signal'>,
  plan: Plan,
  { registry, repository, digest }: PinnedImage,
  subject: Pick<Subject, 'fields' | 'text'>,
  noMatch: NoMatchPolicy,
): Promise<JudgedPlan> {
  const { questions } = plan;
  const evidence = questions.length === 0 ? noEvidence : await source.answer(questions, workload, signal);
  const about = { plan, evidence, image: { registry, repository, digest }, content, workload };
  const evaluations = await evaluatePolicies(source, about, signal);
  // Whatever is not in an answer counts as not established.
  return { verdict: judge(plan, subject, noMatch, evidence, evaluations), evidence };
}
