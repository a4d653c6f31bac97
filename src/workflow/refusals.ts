/**
 * Who said no to what would have run an action, and in which word for machines that ends. The API server, its webhooks and
 * the controllers of Jobs and TaskRuns pass a refusal of a Pod on as prose alone: it is recognised here and nowhere else.
 */
import { failureCodes, kindOf, type Failure } from '../kernel/failure.ts';
import type { FailureReason } from './model.ts';

const ofTheConfiguration: ReadonlySet<string> = new Set([
  'CONTRACT_MISSING',
  'CONTRACT_INVALID',
  'CONTRACT_CONFLICT',
  'INPUT_INVALID',
  'IMAGE_MISSING',
]);

/** What the gate says no to: somebody may not, or something is written wrongly. */
export function reasonOfRefusal(failed: Failure): FailureReason {
  if (kindOf(failed) !== 'violation') return 'Unknown';
  // As it would have ended, had it been tried.
  if (failed.code === 'IMAGE_NOT_FOUND') return 'ImagePullBackOff';
  return ofTheConfiguration.has(failed.code) ? 'ConfigurationError' : 'Forbidden';
}

/** The API server's own words about webhooks; ours begin with a code. kubernetes pkg/admission/plugin/webhook/errors */
const denial = /admission webhook "[^"]+" denied the request: ([A-Z][A-Z_]+): (.*)$/s;

/** The gate's refusal, as somebody else passes it on. */
export function refusalIn(message: string): Failure | undefined {
  const [, code, said] = denial.exec(message) ?? [];
  const known = failureCodes.find((one) => one === code);
  if (known === undefined || said === undefined) return undefined;
  return { code: known, message: said.replace(/\. Maybe missing or invalid Task .*$/s, '') };
}

/** Why a Pod was not made. `other`: it may be anything, and may pass. */
export type PodRefusal =
  { readonly kind: 'gate'; readonly failure: Failure } | { readonly kind: 'account' | 'quota' | 'forbidden' | 'other' };

export function podRefusal(message: string): PodRefusal {
  const failed = refusalIn(message);
  if (failed !== undefined) return { kind: 'gate', failure: failed };
  // kubernetes plugin/pkg/admission/{serviceaccount,resourcequota}
  if (/error looking up service account|serviceaccount "[^"]*" not found/.test(message)) return { kind: 'account' };
  if (message.includes('exceeded quota')) return { kind: 'quota' };
  return /is forbidden: |denied the request: /.test(message) ? { kind: 'forbidden' } : { kind: 'other' };
}

/** Nobody has to do anything but wait. */
export function mayPass(refusal: PodRefusal): boolean {
  switch (refusal.kind) {
    case 'gate':
      return kindOf(refusal.failure) !== 'violation';
    case 'quota':
    case 'other':
      return true;
    case 'account':
    case 'forbidden':
      return false;
  }
}
