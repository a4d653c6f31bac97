/** The ActionPolicy that a Pod, or the template that Pods are made from, names for itself. */
import { failure, quoted } from '../kernel/failure.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { actionPolicyAnnotation } from '../policy/action-policy.ts';
import type { PolicySnapshot } from '../policy/model.ts';
import { underActionPolicy } from '../policy/named-action-policy.ts';
import { fieldOf } from './find-images.ts';
import type { JudgedKind } from './judged-kinds.ts';

/** The policies as they are for this object. A name that stands for nothing is no reason to restrict nothing. */
export function policiesFor(
  snapshot: PolicySnapshot,
  object: unknown,
  { podSpec }: Pick<JudgedKind, 'podSpec'>,
): Result<PolicySnapshot> {
  if (podSpec === undefined) return ok(snapshot);
  const path = [...podSpec.slice(0, -1), 'metadata', 'annotations'];
  const annotations = asRecord(path.reduce<unknown>((inner, name) => asRecord(inner)?.[name], object)) ?? {};
  const name = Object.hasOwn(annotations, actionPolicyAnnotation) ? annotations[actionPolicyAnnotation] : undefined;
  if (name === undefined) return ok(snapshot);
  const under = typeof name === 'string' ? underActionPolicy(snapshot, name) : undefined;
  return under === undefined ? fail(notThere(name, path)) : ok(under);
}

function notThere(name: unknown, path: readonly string[]) {
  const what = typeof name === 'string' ? `"${quoted(name, 80)}"` : 'a value that is no text';
  return failure(
    'POLICY_NOT_READY',
    `${fieldOf(path)}[${actionPolicyAnnotation}] is ${what}, and no ActionPolicy of that name is in force; ` +
      'apply it, name another one, or take the annotation away',
  );
}
