/**
 * Every reason for which Countersign says no, as data. Codes are a public interface: they appear in answers, decision
 * records and metrics, so one may be added but none may change its meaning.
 *
 * - violation: the policy says no. Trying again changes nothing until image, signature or policy changes.
 * - unavailable: it could not be established. The same request may pass later.
 * - error: the request makes no sense, or Countersign itself is at fault.
 */
export type FailureKind = 'violation' | 'unavailable' | 'error';

const kinds = {
  // the image and its name
  IMAGE_REFERENCE_INVALID: 'violation',
  IMAGE_NOT_PINNED: 'violation',
  IMAGE_NOT_FOUND: 'violation',
  IMAGE_MISSING: 'violation',
  RUN_MISMATCH: 'violation',
  IMAGE_UNRESOLVED: 'violation',
  // policies
  NO_MATCHING_POLICY: 'violation',
  POLICY_NOT_READY: 'violation',
  POLICY_INVALID: 'violation',
  STATIC_FAIL: 'violation',
  POLICY_UNSATISFIED: 'violation',
  POLICY_LIMIT_EXCEEDED: 'violation',
  // signatures
  SIGNATURE_MISSING: 'violation',
  SIGNATURE_INVALID: 'violation',
  SIGNATURE_MALFORMED: 'violation',
  SIGNATURE_UNSUPPORTED: 'violation',
  TOO_MANY_SIGNATURES: 'violation',
  ATTESTATION_MISSING: 'violation',
  CLAIM_MISMATCH: 'violation',
  KEY_MISMATCH: 'violation',
  IDENTITY_MISMATCH: 'violation',
  CERTIFICATE_INVALID: 'violation',
  CERTIFICATE_EXPIRED: 'violation',
  SCT_INVALID: 'violation',
  TLOG_MISSING: 'violation',
  TLOG_INVALID: 'violation',
  TIMESTAMP_MISSING: 'violation',
  TIMESTAMP_INVALID: 'violation',
  // contracts and what they are bound to
  CONTRACT_MISSING: 'violation',
  CONTRACT_INVALID: 'violation',
  CONTRACT_CONFLICT: 'violation',
  INPUT_INVALID: 'violation',
  NAMESPACE_NOT_ALLOWED: 'violation',
  TARGET_NOT_ALLOWED: 'violation',
  SERVICE_ACCOUNT_NOT_ALLOWED: 'violation',
  POD_SECURITY_VIOLATION: 'violation',
  // workflows of actions
  WORKFLOW_INVALID: 'violation',
  // tasks of agents
  TASK_INVALID: 'violation',
  // what could not be established
  REGISTRY_UNREACHABLE: 'unavailable',
  REGISTRY_TIMEOUT: 'unavailable',
  REGISTRY_RATE_LIMITED: 'unavailable',
  REGISTRY_DENIED: 'unavailable',
  REGISTRY_RESPONSE_INVALID: 'unavailable',
  REGISTRY_RESPONSE_TOO_LARGE: 'unavailable',
  TLOG_UNAVAILABLE: 'unavailable',
  TRUST_ROOT_UNAVAILABLE: 'unavailable',
  SECRET_UNAVAILABLE: 'unavailable',
  CLUSTER_UNAVAILABLE: 'unavailable',
  POLICIES_UNAVAILABLE: 'unavailable',
  POLICY_ENGINE_UNAVAILABLE: 'unavailable',
  DECISION_LOG_UNAVAILABLE: 'unavailable',
  RECORDS_UNAVAILABLE: 'unavailable',
  DEADLINE_EXCEEDED: 'unavailable',
  OVERLOADED: 'unavailable',
  // requests and ourselves
  REQUEST_MALFORMED: 'error',
  REQUEST_TOO_LARGE: 'error',
  REQUEST_UNSUPPORTED: 'error',
  INTERNAL: 'error',
} as const satisfies Record<string, FailureKind>;

export type FailureCode = keyof typeof kinds;
export const failureCodes = Object.keys(kinds) as readonly FailureCode[];

export interface Failure {
  readonly code: FailureCode;
  /** One sentence for the person who has to act on it. Untrusted parts are already cut by `quoted`. */
  readonly message: string;
  /** Seconds after which trying again is worth it; only for kind "unavailable". */
  readonly retryAfterSeconds?: number;
}

export function failure(code: FailureCode, message: string, retryAfterSeconds?: number): Failure {
  return retryAfterSeconds === undefined ? { code, message } : { code, message, retryAfterSeconds };
}

export function kindOf(failed: Pick<Failure, 'code'>): FailureKind {
  return kinds[failed.code];
}

/** An exception for bugs and outages that cross a border where no Result is possible; never matched on its text. */
export class CodedError extends Error {
  override readonly name = 'CodedError';
  readonly failure: Failure;

  constructor(failed: Failure, cause?: unknown) {
    super(failed.message, cause === undefined ? undefined : { cause });
    this.failure = failed;
  }
}

/** Untrusted text for a sentence: control characters escaped, at most `limit` characters. */
export function quoted(text: string, limit = 256): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}…` : text;
  // Everything that could end a line, hide text or steer a terminal: C0, C1, DEL, bidi, line separators, half characters.
  return cut.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
}
