/** Policies on their way into the cluster: a broken one is refused with everything that is wrong with it. */
import { failure } from '../kernel/failure.ts';
import { stableJson } from '../kernel/stable-json.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { checkPolicyObject } from '../policy/check-object.ts';
import type { PolicyRules } from '../policy/model.ts';
import { parseTrustRoot } from '../policy/parse-trust-root.ts';
import type { TrustRootCheck } from '../ports/trust-root-check.ts';
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
export async function checkPolicy(
  request: AdmissionRequest,
  now: Date,
  trustRoots: TrustRootCheck | undefined,
  rules: PolicyRules | undefined,
): Promise<Outcome> {
  const { refusal, warnings } = checkPolicyObject(request.object, now, rules);
  if (refusal !== undefined) return refuse(failure('POLICY_INVALID', refusal));
  const problem = trustRoots === undefined ? undefined : await problemInside(request, trustRoots);
  return problem === undefined ? judged({ notices: warnings }) : refuse(failure('POLICY_INVALID', problem));
}

/** Time alone makes metadata expire: who changes something else, a label or a finalizer, has nothing to do with it. */
async function problemInside(
  { object, oldObject, resource }: AdmissionRequest,
  trustRoots: TrustRootCheck,
): Promise<string | undefined> {
  const spec = asRecord(object)?.['spec'];
  const isTrustRoot = resource.resource === 'trustroots';
  if (!isTrustRoot || stableJson(spec) === stableJson(asRecord(oldObject)?.['spec'])) return undefined;
  const root = parseTrustRoot(object);
  const why = root.ok ? await trustRoots.problemOf(root.value) : undefined;
  // In policy-controller's words, and then ours.
  const field = 'invalid value: failed to construct a TUF client: spec.repository.mirrorFS';
  return why === undefined ? undefined : `validation failed: ${field}\n${why}`;
}
