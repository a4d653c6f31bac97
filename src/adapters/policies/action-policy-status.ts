/**
 * Writes what became of ActionPolicies into their status. It is all that Countersign writes into a cluster, nothing reads
 * it back, and a failure changes nothing but the log. Replicas write the same, so that the first one is enough.
 */
import { CustomObjectsApi, PatchStrategy, setHeaderOptions, type KubeConfig } from '@kubernetes/client-node';
import { asRecord } from '../../kernel/strict-json.ts';
import { actionPolicyConditions, type Condition } from '../../policy/action-policy-conditions.ts';
import type { PolicyDocument } from '../../policy/parse-documents.ts';
import type { Logger } from '../../ports/logger.ts';
import { boundedCall, type CallLimits } from '../kubernetes/bounded-call.ts';

export interface PolicyToReport {
  readonly name: string;
  /** As the API server has it. */
  readonly object: unknown;
  readonly document: PolicyDocument;
}

export interface StatusWriter {
  /** Never rejects. */
  write(policies: readonly PolicyToReport[], now: Date): Promise<void>;
}

const kind = { group: 'countersign.dev', version: 'v1alpha1', plural: 'actionpolicies' };

export function statusWriter(kubeConfig: KubeConfig, limits: CallLimits, log: Logger): StatusWriter {
  const api = kubeConfig.makeApiClient(CustomObjectsApi);
  let lastProblem = '';

  async function write(policies: readonly PolicyToReport[], now: Date): Promise<void> {
    let problem = '';
    for (const { name, object, document } of policies) {
      const status = changedStatus(object, actionPolicyConditions(document, now), now);
      if (status === undefined) continue;
      const written = await boundedCall(`write the status of ActionPolicy ${name}`, limits, (call) => {
        const options = setHeaderOptions('Content-Type', PatchStrategy.MergePatch, call);
        return api.patchClusterCustomObjectStatus({ ...kind, name, body: { status } }, options);
      });
      if (!written.ok) problem = written.failure.message;
    }
    if (problem !== '' && problem !== lastProblem) log.warn({ reason: problem }, 'status not written');
    lastProblem = problem;
  }

  return { write };
}

/** Undefined when the object says all of it already. */
function changedStatus(object: unknown, wanted: readonly Condition[], now: Date): object | undefined {
  const record = asRecord(object);
  const status = asRecord(record?.['status']);
  const { generation } = asRecord(record?.['metadata']) ?? {};
  const known = new Map(conditionsOf(status).map((condition) => [condition['type'], condition]));
  const isSame = (condition: Condition): boolean =>
    Object.entries(condition).every(([name, value]) => known.get(condition.type)?.[name] === value);
  if (known.size === wanted.length && wanted.every(isSame) && status?.['observedGeneration'] === generation)
    return undefined;
  const conditions = wanted.map((condition) => {
    const before = known.get(condition.type);
    const isUnchanged = before?.['status'] === condition.status;
    return { ...condition, lastTransitionTime: isUnchanged ? before['lastTransitionTime'] : secondsOf(now) };
  });
  return { observedGeneration: generation, conditions };
}

function conditionsOf(
  status: Readonly<Record<string, unknown>> | undefined,
): readonly Readonly<Record<string, unknown>>[] {
  const conditions: readonly unknown[] = Array.isArray(status?.['conditions']) ? status['conditions'] : [];
  return conditions.map((condition) => asRecord(condition) ?? {});
}

/** meta/v1 Time. */
function secondsOf(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
