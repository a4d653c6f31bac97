import { expect, test } from 'vitest';
import { refusalEvents } from '../../../src/adapters/kubernetes/refusal-events.ts';
import type { Decision, DecisionReason } from '../../../src/ports/decision-log.ts';
import type { ClusterEvent, ObjectReference } from '../../../src/ports/events.ts';

const job: ObjectReference = { apiVersion: 'batch/v1', kind: 'Job', name: 'nightly', namespace: 'team', uid: 'u-1' };
const missing: DecisionReason = {
  code: 'SIGNATURE_MISSING',
  message: 'there is no signature',
  field: 'spec.containers[0].image',
  image: 'a.example/app@sha256:00',
  policy: 'apps',
};

function told(decision: Partial<Decision>, about: readonly ObjectReference[] = [job]): readonly ClusterEvent[] {
  const events: ClusterEvent[] = [];
  refusalEvents({ tell: (event) => void events.push(event) }).refused(about, {
    v: 1,
    time: '2026-06-01T00:00:00.000Z',
    correlationId: 'c-1',
    phase: 'validate',
    verdict: 'refuse',
    uid: 'uid',
    kind: 'Pod',
    name: 'nightly-',
    images: [],
    reasons: [missing],
    durationMs: 1,
    ...decision,
  });
  return events;
}

test('a refusal says what, why, for which image, by which policy, and under which request', () => {
  expect(told({})).toEqual([
    {
      about: job,
      type: 'Warning',
      reason: 'ImageRefused',
      message:
        'Pod nightly-: SIGNATURE_MISSING: there is no signature, image a.example/app@sha256:00, policy apps [request c-1]',
      key: 'SIGNATURE_MISSING a.example/app@sha256:00',
    },
  ]);
});

test.each([
  ['unavailable', 'GateUnavailable'],
  ['error', 'GateFailed'],
] as const)('a verdict of %s is %s', (verdict, reason) => {
  expect(told({ verdict })[0]?.reason).toBe(reason);
});

test.each(['admit', 'warn', 'skip'] as const)('a verdict of %s is no refusal', (verdict) => {
  expect(told({ verdict })).toEqual([]);
});

test('everybody who waits is told', () => {
  expect(told({}, [job, { ...job, uid: 'u-2' }]).map(({ about }) => about.uid)).toEqual(['u-1', 'u-2']);
  expect(told({}, [])).toEqual([]);
});

test('equal refusals have equal keys, whatever their request', () => {
  const [one] = told({});
  const [other] = told({ correlationId: 'c-2', name: 'nightly-2', reasons: [missing, missing] });
  expect(other?.key).toBe(one?.key);
  expect(other?.message).toContain(', and 1 more [request c-2]');
});

test('a message is printable and short, and keeps the request, whatever the names are', () => {
  const image = `a.example/${'\u202e\u0007'.repeat(500)}`;
  const reasons = [{ ...missing, image, message: 'a\nb\u001b[31m'.repeat(200), policy: 'p'.repeat(300) }];
  const message = told({ reasons, name: 'n\u0000'.repeat(100) })[0]?.message ?? '';
  expect(message.length).toBeLessThanOrEqual(1_000);
  expect(message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(message).toMatch(/\[request c-1\]$/);
});
