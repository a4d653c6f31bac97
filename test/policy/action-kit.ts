/** ActionPolicies for tests. */
import type { ActionPolicy } from '../../src/policy/action-policy.ts';
import { parseActionPolicy } from '../../src/policy/parse-action-policy.ts';

export function actionDocument(spec: unknown, name = 'actions'): Readonly<Record<string, unknown>> {
  return { apiVersion: 'countersign.dev/v1alpha1', kind: 'ActionPolicy', metadata: { name }, spec };
}

/** A policy for every image, with other members of its spec. */
export function actionPolicy(members: object = {}, name = 'actions'): ActionPolicy {
  const parsed = parseActionPolicy(actionDocument({ images: [{ glob: '**' }], ...members }, name));
  if (!parsed.ok) throw new Error(parsed.failure.join('\n'));
  return parsed.value;
}
