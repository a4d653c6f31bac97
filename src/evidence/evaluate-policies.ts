import { fail, type Result } from '../kernel/result.ts';
import type { Evaluation } from '../policy/evaluation.ts';
import { policiesToEvaluate } from '../policy/judge.ts';
import type { ObjectPolicy } from '../policy/model.ts';
import type { Plan, PlannedPolicy } from '../policy/plan.ts';
import { policyInput } from '../policy/policy-input.ts';
import type { PinnedImage } from '../policy/question.ts';
import type { Evaluations, Evidence } from '../policy/verdict.ts';
import type { Workload } from '../ports/pull-credentials.ts';
import type { EvidenceSource } from './evidence-source.ts';

export interface Evaluated {
  readonly plan: Plan;
  readonly evidence: Evidence;
  readonly image: PinnedImage;
  /** The object that was sent. */
  readonly content: Readonly<Record<string, unknown>>;
  readonly workload: Workload;
}

/** The second half of gathering: what `spec.policy` says of what the authorities have proven. */
export async function evaluatePolicies(
  source: Pick<EvidenceSource, 'configs' | 'evaluate'>,
  about: Evaluated,
  signal: AbortSignal,
): Promise<Evaluations> {
  const entries = policiesToEvaluate(about.plan, about.evidence).map(
    async (planned): Promise<readonly (readonly [string, Result<Evaluation>])[]> => {
      const { name, policy: rule } = planned.policy;
      return rule === undefined ? [] : [[name, await evaluateOne(source, about, planned, rule, signal)]];
    },
  );
  return new Map((await Promise.all(entries)).flat());
}

async function evaluateOne(
  source: Pick<EvidenceSource, 'configs' | 'evaluate'>,
  { evidence, image, content, workload }: Evaluated,
  planned: PlannedPolicy,
  rule: ObjectPolicy,
  signal: AbortSignal,
): Promise<Result<Evaluation>> {
  const configs = rule.fetchConfigFile ? await source.configs(image, workload, signal) : undefined;
  if (configs?.ok === false) return fail(configs.failure);
  const place = configs === undefined ? { content } : { content, configs: configs.value };
  const input = policyInput(planned, rule, evidence, place);
  return source.evaluate({ name: 'ClusterImagePolicy', code: rule.code, input }, signal);
}
