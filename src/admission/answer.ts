import { kindOf, type FailureKind } from '../kernel/failure.ts';
import type { Violation } from '../policy/verdict.ts';
import { isAllowed, type Outcome } from './outcome.ts';
import { refusalMessage, warningTexts } from './wording.ts';

export interface Answer {
  readonly httpStatus: number;
  /** The AdmissionReview as JSON. */
  readonly body: string;
}

/** admission.k8s.io/v1 AdmissionResponse. */
export function answer(uid: string, outcome: Outcome, correlationId: string): Answer {
  const warnings = warningTexts(outcome);
  const response = {
    uid,
    allowed: isAllowed(outcome.verdict),
    ...(isAllowed(outcome.verdict) ? {} : { status: status(outcome, correlationId) }),
    ...(outcome.patch.length === 0 ? {} : { patchType: 'JSONPatch', patch: base64(outcome.patch) }),
    ...(warnings.length === 0 ? {} : { warnings }),
    auditAnnotations: auditAnnotations(outcome, correlationId),
  };
  return {
    httpStatus: uid === '' ? httpStatusWithoutUid(outcome) : 200,
    body: JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response }),
  };
}

const statusOf = {
  violation: { code: 403, reason: 'Forbidden' },
  unavailable: { code: 503, reason: 'ServiceUnavailable' },
  error: { code: 500, reason: 'InternalError' },
} as const satisfies Record<FailureKind, { readonly code: number; readonly reason: string }>;

const defaultRetrySeconds = 2;
const maxCauses = 20;

/** metav1.Status; clients that know Kubernetes try again by themselves after `retryAfterSeconds`. */
function status(outcome: Outcome, correlationId: string): object {
  const [first] = outcome.violations;
  const kind = first === undefined ? 'error' : kindOf(first);
  const causes = outcome.violations.slice(0, maxCauses).map(({ code, fields }) => ({
    reason: code,
    ...(fields[0] === undefined ? {} : { field: fields[0] }),
  }));
  const retry = kind === 'unavailable' ? { retryAfterSeconds: retryAfter(outcome.violations) } : {};
  return {
    status: 'Failure',
    ...statusOf[kind],
    message: refusalMessage(outcome, correlationId),
    details: { causes, ...retry },
  };
}

function retryAfter(violations: readonly Violation[]): number {
  return Math.max(...violations.map(({ retryAfterSeconds }) => retryAfterSeconds ?? defaultRetrySeconds));
}

function base64(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64');
}

const maxAnnotation = 1_024;

/** The API server prefixes each key with the webhook's name. */
function auditAnnotations(outcome: Outcome, correlationId: string): Record<string, string> {
  const { verdict, violations, warnings, audited, images, snapshot } = outcome;
  const policies = [...images.flatMap((image) => image.policies), ...violations.flatMap(({ policy }) => policy ?? [])];
  const annotations = {
    verdict,
    'correlation-id': correlationId,
    codes: joined(violations.map(({ code }) => code)),
    warnings: joined(warnings.map(({ code }) => code)),
    audited: joined(audited.map(({ code }) => code)),
    policies: joined(policies),
    snapshot: snapshot ?? '',
  };
  return Object.fromEntries(Object.entries(annotations).filter(([, value]) => value !== ''));
}

/** Whole names only, as many as fit. */
function joined(texts: readonly string[]): string {
  const names = [...new Set(texts)].sort();
  const text = names.join(',');
  if (text.length <= maxAnnotation) return text;
  return `${text.slice(0, text.lastIndexOf(',', maxAnnotation - 2) + 1)}…`;
}

/** Without a uid the API server takes no answer, so the HTTP status has to say it. */
function httpStatusWithoutUid({ violations }: Outcome): number {
  const [first] = violations;
  if (first?.code === 'REQUEST_MALFORMED') return 400;
  if (first?.code === 'REQUEST_TOO_LARGE') return 413;
  if (first?.code === 'REQUEST_UNSUPPORTED') return 415;
  return first === undefined ? 500 : statusOf[kindOf(first)].code;
}
