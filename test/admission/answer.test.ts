import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { answer } from '../../src/admission/answer.ts';
import { isAllowed, judged, refuse, skip, type Outcome } from '../../src/admission/outcome.ts';
import { failure, failureCodes, kindOf, type FailureCode } from '../../src/kernel/failure.ts';
import type { Violation } from '../../src/policy/verdict.ts';
import type { Response } from './bench.ts';

function violation(code: FailureCode, rest: Partial<Violation> = {}): Violation {
  return { code, message: `because of ${code}`, fields: ['spec.containers[0].image'], image: 'a.example/app', ...rest };
}

function responseTo(outcome: Outcome, uid = 'uid-1'): Response {
  // Our own answer, a line above.
  return (JSON.parse(answer(uid, outcome, 'id-1').body) as { response: Response }).response;
}

describe('allowed', () => {
  test.each<[string, Outcome]>([
    ['without a violation', judged({})],
    ['with a warning', judged({ warnings: [violation('SIGNATURE_MISSING')] })],
    ['with a reason not to look', skip('delete')],
  ])('%s, and no status', (_title, outcome) => {
    expect(responseTo(outcome)).toMatchObject({ uid: 'uid-1', allowed: true });
    expect(responseTo(outcome).status).toBeUndefined();
  });

  test('with a patch, in base64', () => {
    const patch = [{ op: 'replace', path: '/spec/image', value: 'é' }] as const;
    const response = responseTo(judged({ patch }));

    expect(response.patchType).toBe('JSONPatch');
    expect(JSON.parse(Buffer.from(response.patch ?? '', 'base64').toString())).toStrictEqual(patch);
  });
});

describe('refused', () => {
  test.each<[FailureCode, number, string]>([
    ['SIGNATURE_MISSING', 403, 'Forbidden'],
    ['REGISTRY_UNREACHABLE', 503, 'ServiceUnavailable'],
    ['REQUEST_MALFORMED', 500, 'InternalError'],
    ['INTERNAL', 500, 'InternalError'],
  ])('for %s with %d %s', (code, status, reason) => {
    expect(responseTo(judged({ violations: [violation(code)] }))).toMatchObject({
      allowed: false,
      status: { status: 'Failure', code: status, reason, details: { causes: [{ reason: code }] } },
    });
  });

  test('once there is any violation, of whatever code', () => {
    for (const code of failureCodes) {
      const outcome = judged({ violations: [violation(code)], warnings: [violation('SIGNATURE_MISSING')] });

      expect(isAllowed(outcome.verdict)).toBe(false);
      expect(outcome.verdict).toBe(
        { violation: 'refuse', unavailable: 'unavailable', error: 'error' }[kindOf({ code })],
      );
    }
  });

  test('a definite no comes first and decides: trying again would change nothing', () => {
    const response = responseTo(
      judged({ violations: [violation('REGISTRY_TIMEOUT', { retryAfterSeconds: 5 }), violation('KEY_MISMATCH')] }),
    );

    expect(response.status).toMatchObject({
      code: 403,
      details: { causes: [{ reason: 'KEY_MISMATCH' }, { reason: 'REGISTRY_TIMEOUT' }] },
    });
    expect(response.status?.details).not.toHaveProperty('retryAfterSeconds');
  });

  test('a fault of the request or of ours comes before what may pass later', () => {
    const violations = [violation('REGISTRY_TIMEOUT'), violation('INTERNAL')];

    expect(responseTo(judged({ violations })).status).toMatchObject({ code: 500 });
  });

  test('for a while: clients are told when to try again', () => {
    const violations = [violation('REGISTRY_TIMEOUT', { retryAfterSeconds: 5 }), violation('SECRET_UNAVAILABLE')];

    expect(responseTo(judged({ violations })).status?.details.retryAfterSeconds).toBe(5);
    expect(responseTo(refuse(failure('OVERLOADED', 'busy'))).status?.details.retryAfterSeconds).toBe(2);
  });

  test('equal findings in any order are one answer', () => {
    const violations = [
      violation('SIGNATURE_MISSING', { policy: 'b' }),
      violation('SIGNATURE_MISSING', { policy: 'a' }),
      violation('SIGNATURE_INVALID', { fields: ['spec.containers[1].image'] }),
      violation('REGISTRY_TIMEOUT'),
    ];

    fc.assert(
      fc.property(fc.shuffledSubarray(violations, { minLength: 4 }), (shuffled) => {
        expect(responseTo(judged({ violations: shuffled }))).toStrictEqual(responseTo(judged({ violations })));
      }),
    );
  });
});

describe('what people read', () => {
  test('one line per violation with code, reason, field and image, and the request to ask about', () => {
    const violations = [
      violation('SIGNATURE_MISSING'),
      violation('IMAGE_NOT_FOUND', { fields: ['spec.containers[1].image', 'spec.containers[2].image'], image: 'b:1' }),
    ];

    expect(responseTo(judged({ violations })).status?.message).toBe(
      [
        'SIGNATURE_MISSING: because of SIGNATURE_MISSING: spec.containers[0].image "a.example/app"',
        'IMAGE_NOT_FOUND: because of IMAGE_NOT_FOUND: spec.containers[1].image, spec.containers[2].image "b:1" [request id-1]',
      ].join('\n'),
    );
  });

  test('a hundred violations fit, and how many more there are is said', () => {
    const violations = Array.from({ length: 100 }, (_, index) =>
      violation('SIGNATURE_MISSING', { message: 'x'.repeat(300), fields: [`spec.containers[${index}].image`] }),
    );
    const { status } = responseTo(judged({ violations }));

    expect(status?.message.length).toBeLessThan(4_200);
    expect(status?.message).toMatch(/… and \d+ more \[request id-1\]$/);
    expect(status?.details.causes).toHaveLength(20);
  });

  test('an endless name hides neither the reason nor the request', () => {
    const { status } = responseTo(judged({ violations: [violation('KEY_MISMATCH', { image: 'x'.repeat(10_000) })] }));

    expect(status?.message).toContain('KEY_MISMATCH: because of KEY_MISMATCH');
    expect(status?.message).toContain('[request id-1]');
    expect(status?.message.length).toBeLessThan(1_100);
  });

  test('a lasting no is not told in words that make controllers wait for something else', () => {
    const message = 'exceeded quota, Violates PodSecurity and a Security Context Constraint';

    expect(responseTo(judged({ violations: [violation('STATIC_FAIL', { message })] })).status?.message).not.toMatch(
      /violates PodSecurity|exceeded quota|security context constraint/i,
    );
  });

  test('warnings are as long and as many as the API server shows', () => {
    const warnings = Array.from({ length: 30 }, () => violation('KEY_MISMATCH', { message: 'x'.repeat(500) }));
    const response = responseTo(judged({ warnings, notices: ['a notice'] }));

    expect(response.warnings).toHaveLength(13);
    expect(response.warnings?.at(-1)).toBe('… and 19 more');
    expect(Math.max(...(response.warnings ?? []).map((text) => text.length))).toBeLessThanOrEqual(255);
  });

  test('a violation has one line only, however its message is written', () => {
    const violations = [violation('KEY_MISMATCH', { message: 'a\nSIGNATURE_MISSING: b\r\nc' })];

    expect(responseTo(judged({ violations })).status?.message.split(/[\r\n]/)).toHaveLength(1);
  });
});

test('the audit log of the API server learns verdict, codes, policies, snapshot and request', () => {
  const response = responseTo(
    judged({
      violations: [violation('KEY_MISMATCH'), violation('KEY_MISMATCH')],
      warnings: [violation('TLOG_MISSING')],
      audited: [violation('CONTRACT_MISSING')],
      snapshot: 'sha256:00',
      images: [{ field: 'spec.containers[0].image', image: 'a', policies: ['p', 'a'] }],
    }),
  );

  expect(response.auditAnnotations).toStrictEqual({
    verdict: 'refuse',
    'correlation-id': 'id-1',
    codes: 'KEY_MISMATCH',
    warnings: 'TLOG_MISSING',
    audited: 'CONTRACT_MISSING',
    policies: 'a,p',
    snapshot: 'sha256:00',
  });
});

test('what the audit log learns is bounded, and no name is cut in two', () => {
  const policies = Array.from({ length: 500 }, (_, index) => `policy-${index}`);
  const response = responseTo(judged({ images: [{ field: 'f', image: 'i', policies }] }));
  const names = (response.auditAnnotations['policies'] ?? '').split(',');

  expect(names.join(',').length).toBeLessThanOrEqual(1_024);
  expect(names.pop()).toBe('…');
  expect(names.filter((name) => !policies.includes(name))).toEqual([]);
  expect(names.length).toBeGreaterThan(50);
});

describe('the HTTP status', () => {
  test('is 200 for whatever has a uid: what else is said is not read', () => {
    expect(answer('uid-1', refuse(failure('INTERNAL', 'x')), 'id-1').httpStatus).toBe(200);
  });

  test.each<[FailureCode, number]>([
    ['REQUEST_MALFORMED', 400],
    ['REQUEST_TOO_LARGE', 413],
    ['REQUEST_UNSUPPORTED', 415],
    ['OVERLOADED', 503],
    ['DECISION_LOG_UNAVAILABLE', 503],
    ['INTERNAL', 500],
  ])('says it where there is none: %s is %d', (code, status) => {
    expect(answer('', refuse(failure(code, 'x')), 'id-1').httpStatus).toBe(status);
  });
});
