import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failure, failureCodes, kindOf, quoted } from '../../src/kernel/failure.ts';

describe('untrusted text in a sentence', () => {
  test.each([
    ['plain text', 'ghcr.io/org/app:v1', 'ghcr.io/org/app:v1'],
    ['letters of every language', 'größe 日本 🙂', 'größe 日本 🙂'],
    ['a line break, which would forge a log line', 'a\nrefused: no', 'a\\u{a}refused: no'],
    ['a carriage return', 'a\rb', 'a\\u{d}b'],
    ['a terminal sequence', '\u001b[2J', '\\u{1b}[2J'],
    ['a C1 control', '\u009b2J', '\\u{9b}2J'],
    ['NUL and DEL', '\0\u007f', '\\u{0}\\u{7f}'],
    ['text that runs backwards', '\u202egnp.exe', '\\u{202e}gnp.exe'],
    ['isolates', '\u2066a\u2069', '\\u{2066}a\\u{2069}'],
    ['invisible characters', 'a\u200b\u200d\ufeffb', 'a\\u{200b}\\u{200d}\\u{feff}b'],
    ['line and paragraph separators', '\u2028\u2029', '\\u{2028}\\u{2029}'],
    ['tag characters', '\u{e0041}', '\\u{e0041}'],
    ['half a character', 'a\ud83d', 'a\\u{d83d}'],
  ])('%s', (_title, text, expected) => {
    expect(quoted(text)).toBe(expected);
  });

  test('is cut, and says so', () => {
    expect(quoted('a'.repeat(10_000))).toBe(`${'a'.repeat(256)}…`);
    expect(quoted('abcd', 3)).toBe('abc…');
    expect(quoted('abc', 3)).toBe('abc');
  });

  test('never holds anything that hides, breaks a line or steers a terminal', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(40), (text, limit) => {
        const shown = quoted(text, limit);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
        expect(shown.length).toBeLessThanOrEqual(limit * 10 + 1);
        // Twice changes nothing: text may be quoted where it is found and where it is shown.
        expect(quoted(shown, 1_000)).toBe(shown);
      }),
    );
  });
});

test('every code is of one of the three kinds', () => {
  for (const code of failureCodes) expect(['violation', 'unavailable', 'error']).toContain(kindOf({ code }));
});

test('codes are spoken by other programs: none is taken away', () => {
  expect([...failureCodes].sort()).toMatchInlineSnapshot(`
    [
      "ATTESTATION_MISSING",
      "CERTIFICATE_EXPIRED",
      "CERTIFICATE_INVALID",
      "CLAIM_MISMATCH",
      "CLUSTER_UNAVAILABLE",
      "CONTRACT_CONFLICT",
      "CONTRACT_INVALID",
      "CONTRACT_MISSING",
      "DEADLINE_EXCEEDED",
      "DECISION_LOG_UNAVAILABLE",
      "IDENTITY_MISMATCH",
      "IMAGE_MISSING",
      "IMAGE_NOT_FOUND",
      "IMAGE_NOT_PINNED",
      "IMAGE_REFERENCE_INVALID",
      "IMAGE_UNRESOLVED",
      "INPUT_INVALID",
      "INTERNAL",
      "KEY_MISMATCH",
      "NAMESPACE_NOT_ALLOWED",
      "NO_MATCHING_POLICY",
      "OVERLOADED",
      "POD_SECURITY_VIOLATION",
      "POLICIES_UNAVAILABLE",
      "POLICY_ENGINE_UNAVAILABLE",
      "POLICY_INVALID",
      "POLICY_LIMIT_EXCEEDED",
      "POLICY_NOT_READY",
      "POLICY_UNSATISFIED",
      "RECORDS_UNAVAILABLE",
      "REGISTRY_DENIED",
      "REGISTRY_RATE_LIMITED",
      "REGISTRY_RESPONSE_INVALID",
      "REGISTRY_RESPONSE_TOO_LARGE",
      "REGISTRY_TIMEOUT",
      "REGISTRY_UNREACHABLE",
      "REQUEST_MALFORMED",
      "REQUEST_TOO_LARGE",
      "REQUEST_UNSUPPORTED",
      "RUN_MISMATCH",
      "SCT_INVALID",
      "SECRET_UNAVAILABLE",
      "SERVICE_ACCOUNT_NOT_ALLOWED",
      "SIGNATURE_INVALID",
      "SIGNATURE_MALFORMED",
      "SIGNATURE_MISSING",
      "SIGNATURE_UNSUPPORTED",
      "STATIC_FAIL",
      "TARGET_NOT_ALLOWED",
      "TASK_INVALID",
      "TIMESTAMP_INVALID",
      "TIMESTAMP_MISSING",
      "TLOG_INVALID",
      "TLOG_MISSING",
      "TLOG_UNAVAILABLE",
      "TOO_MANY_SIGNATURES",
      "TRUST_ROOT_UNAVAILABLE",
      "WORKFLOW_INVALID",
    ]
  `);
});

test('a failure has a time to try again only when it was given one', () => {
  expect(failure('STATIC_FAIL', 'no')).toEqual({ code: 'STATIC_FAIL', message: 'no' });
  expect(failure('OVERLOADED', 'later', 2)).toEqual({ code: 'OVERLOADED', message: 'later', retryAfterSeconds: 2 });
});
