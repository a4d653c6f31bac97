/** Policies on their way into the cluster: a broken one is refused with everything that is wrong with it. */
import { failure } from '../kernel/failure.ts';
import { checkPolicyObject } from '../policy/check-object.ts';
import type { AdmissionRequest, Resource } from './decode.ts';
import { judged, refuse, type Outcome } from './outcome.ts';

const resources: ReadonlySet<string> = new Set([
  'clusterimagepolicies.policy.sigstore.dev',
  'trustroots.policy.sigstore.dev',
  'actionpolicies.countersign.dev',
]);

export function isPolicy({ group, resource }: Resource): boolean {
  return resources.has(`${resource}.${group}`);
}

/** Every version of a kind has one schema, so that no version is asked for here: the object names its own. */
export function checkPolicy({ object }: AdmissionRequest, now: Date): Outcome {
  const { refusal, warnings } = checkPolicyObject(object, now);
  return refusal === undefined ? judged({ notices: warnings }) : refuse(failure('POLICY_INVALID', refusal));
}
