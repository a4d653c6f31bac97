/** What Agents of both systems have in common. */
import { quoted } from '../kernel/failure.ts';
import { actionPolicyAnnotation } from '../policy/action-policy.ts';
import { shown, type Members, type Problems } from '../workflow/fields.ts';
import { Seen } from '../workflow/seen.ts';
import { objectName } from './rules.ts';

export function readApiVersion(object: unknown): string {
  return new Seen(object).text('apiVersion') ?? '';
}

export function readAccount(spec: Members, namespace: string): string {
  if ((spec.raw('serviceAccountName') ?? '') === '') {
    spec.complain('serviceAccountName', `is missing; name a ServiceAccount of namespace ${quoted(namespace, 63)}`);
  }
  return spec.text('serviceAccountName', objectName) ?? '';
}

/** Empty is no name: whoever wrote it meant to restrict something. */
export function readActionPolicy(
  annotations: Readonly<Record<string, string>>,
  problems: Problems,
): string | undefined {
  const name = annotations[actionPolicyAnnotation];
  if (name === undefined || isActionPolicyName(name)) return name;
  problems.add(
    `metadata.annotations[${actionPolicyAnnotation}]`,
    `is ${shown(name)}; write the name of an ActionPolicy, or leave it out`,
  );
  return undefined;
}

function isActionPolicyName(name: string): boolean {
  return name.length <= objectName.maxLength && objectName.pattern?.test(name) === true;
}
