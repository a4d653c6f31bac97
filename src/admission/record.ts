import { defined } from '../kernel/defined.ts';
import { quoted } from '../kernel/failure.ts';
import { asRecord } from '../kernel/strict-json.ts';
import type { Violation } from '../policy/verdict.ts';
import type { Decision, DecisionReason } from '../ports/decision-log.ts';
import type { AdmissionRequest } from './decode.ts';
import type { Outcome } from './outcome.ts';
import { namedFields } from './wording.ts';

/** What is known of a request apart from its outcome. */
export interface Circumstances {
  readonly phase: Decision['phase'];
  readonly correlationId: string;
  readonly started: Date;
  readonly durationMs: number;
  readonly uid: string;
  readonly request: AdmissionRequest | undefined;
}

const maxReasons = 100;

export function decisionOf(known: Circumstances, outcome: Outcome): Decision {
  const { request } = known;
  const reasons = outcome.verdict === 'warn' ? outcome.warnings : outcome.violations;
  return {
    v: 1,
    time: known.started.toISOString(),
    correlationId: known.correlationId,
    phase: known.phase,
    verdict: outcome.verdict,
    uid: known.uid,
    ...(request === undefined ? {} : aboutRequest(request)),
    images: outcome.images,
    reasons: reasons.slice(0, maxReasons).map(reasonOf),
    ...(outcome.audited.length === 0 ? {} : { audited: outcome.audited.slice(0, maxReasons).map(reasonOf) }),
    ...defined('snapshot', outcome.snapshot),
    ...defined('skipped', outcome.skipped),
    durationMs: known.durationMs,
  };
}

function aboutRequest(request: AdmissionRequest): Partial<Decision> {
  return {
    operation: request.operation,
    ...(request.dryRun ? { dryRun: true } : {}),
    user: short(request.user),
    kind: short(request.subResource === '' ? request.kind : `${request.kind}/${request.subResource}`),
    namespace: short(request.namespace),
    name: short(nameOf(request)),
  };
}

/** An object that the API server will name is known by the beginning of its name. */
function nameOf({ name, object }: AdmissionRequest): string {
  if (name !== '') return name;
  const metadata = asRecord(object?.['metadata']);
  const given = metadata?.['name'] ?? metadata?.['generateName'];
  return typeof given === 'string' ? given : '';
}

function reasonOf({ code, message, fields, image, policy }: Violation): DecisionReason {
  return {
    code,
    message,
    ...defined('field', fields.length === 0 ? undefined : namedFields(fields)),
    ...defined('image', image === '' ? undefined : image),
    ...defined('policy', policy),
  };
}

function short(text: string): string {
  return quoted(text, 256);
}
