/** The edge and the real reviewer together: what the API server gets when a request never comes to be judged. */
import { noPolicyCode } from '../fakes/policy-code.ts';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { createReviewer, type Reviewer } from '../../src/admission/review.ts';
import { ok } from '../../src/kernel/result.ts';
import type { ServerLimits } from '../../src/http/server.ts';
import type { Decision } from '../../src/ports/decision-log.ts';
import { closeEdges, openEdgeOf, post, type Edge, type Received } from './edge.ts';

afterEach(closeEdges);

const uid = '7b2c6b1e-6a0e-4f1e-9f39-0d8b5f1f9f10';
const pod = {
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid,
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    namespace: 'shop',
    name: 'web',
    operation: 'CREATE',
    userInfo: { username: 'jane' },
    object: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web' },
      spec: { containers: [{ name: 'web', image: 'registry.example/web:1' }] },
    },
  },
};

interface Gate extends Edge<Reviewer> {
  readonly decisions: readonly Decision[];
}

/** No policy has been read yet; `log` is told every decision before it is answered. */
async function openGate(
  limits: Partial<ServerLimits> = {},
  recorded: () => Promise<void> = () => Promise.resolve(),
): Promise<Gate> {
  const decisions: Decision[] = [];
  const ignore = (): undefined => undefined;
  const nobody = (): Promise<never> => Promise.reject(new Error('nothing is asked'));
  let count = 0;
  const reviewer = createReviewer(
    {
      policies: { current: ignore, problems: () => [] },
      evidence: { resolveTag: nobody, answer: nobody, contract: nobody, ...noPolicyCode },
      decisionLog: {
        append: async (decision) => {
          decisions.push(decision);
          await recorded();
          return ok(undefined);
        },
      },
      clock: { now: () => new Date() },
      metrics: { admission: ignore, refusal: ignore, decisionLogFailure: ignore },
      log: { info: ignore, warn: ignore, error: ignore },
      newId: () => `c-${(count += 1)}`,
    },
    { onDecisionLogFailure: 'refuse' },
  );
  return { ...(await openEdgeOf(reviewer, limits)), decisions };
}

/** admission.k8s.io/v1 AdmissionReview, as strict as the API server. */
function refusal({ text, headers }: Received): unknown {
  expect(headers['content-type']).toBe('application/json');
  const parsed: unknown = JSON.parse(text);
  expect(parsed).toMatchObject({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: {
      uid: expect.any(String),
      allowed: false,
      status: { status: 'Failure', code: expect.any(Number), message: expect.stringMatching(/.+/) },
    },
  });
  expect(parsed).not.toHaveProperty('response.patch');
  return parsed;
}

describe('a request that never comes to be judged', () => {
  test.each([
    { name: 'is no JSON', sent: { body: '{"kind":' }, code: 'REQUEST_MALFORMED', status: 400 },
    { name: 'is empty', sent: { body: '' }, code: 'REQUEST_MALFORMED', status: 400 },
    { name: 'is JSON, but no AdmissionReview', sent: { body: '[]' }, code: 'REQUEST_MALFORMED', status: 400 },
    { name: 'is no UTF-8', sent: { body: Buffer.from([0x7b, 0xff, 0x7d]) }, code: 'REQUEST_MALFORMED', status: 400 },
    { name: 'is nested without measure', sent: { body: '['.repeat(90_000) }, code: 'REQUEST_MALFORMED', status: 400 },
    { name: 'is too large', sent: { body: 'x'.repeat(200_000) }, code: 'REQUEST_TOO_LARGE', status: 413 },
    {
      name: 'is too large, in chunks',
      sent: { body: 'x'.repeat(200_000), headers: { 'transfer-encoding': 'chunked' } },
      code: 'REQUEST_TOO_LARGE',
      status: 413,
    },
    {
      name: 'is compressed',
      sent: { body: gzipSync('{}'), headers: { 'content-encoding': 'gzip' } },
      code: 'REQUEST_UNSUPPORTED',
      status: 415,
    },
    {
      name: 'is a form',
      sent: { headers: { 'content-type': 'text/plain' } },
      code: 'REQUEST_UNSUPPORTED',
      status: 415,
    },
  ])('because it $name is an AdmissionReview that refuses, $code, and is recorded', async ({ sent, code, status }) => {
    const gate = await openGate({ maxBodyBytes: 100_000 });
    for (const path of ['/validate', '/mutate']) {
      const received = await post(gate, `${path}?timeout=10s`, sent);
      expect(received.status).toBe(status);
      expect(refusal(received)).toMatchObject({
        response: { uid: '', status: { details: { causes: [{ reason: code }] } } },
      });
    }
    expect(gate.decisions).toMatchObject([
      { phase: 'validate', verdict: 'error', reasons: [{ code }] },
      { phase: 'mutate', verdict: 'error', reasons: [{ code }] },
    ]);
  });

  test('because its body stops coming is refused as unavailable before the API server gives up', async () => {
    const gate = await openGate();
    const received = await post(gate, '/validate?timeout=1s', { write: (chunk) => chunk('{"kind":') });
    expect(refusal(received)).toMatchObject({ response: { status: { code: 503 } } });
    expect(gate.decisions).toMatchObject([{ verdict: 'unavailable', reasons: [{ code: 'DEADLINE_EXCEEDED' }] }]);
  });

  test('because too many are being judged keeps its uid, and may be tried again', async () => {
    const block = Promise.withResolvers<undefined>();
    let isFirst = true;
    const gate = await openGate({ maxInFlight: 1 }, async () => {
      if (!isFirst) return;
      isFirst = false;
      await block.promise;
    });
    const first = post(gate, '/validate', { body: JSON.stringify(pod) });
    await expect.poll(() => gate.decisions.length).toBe(1);
    const second = await post(gate, '/validate', { body: JSON.stringify(pod) });
    expect(second.status).toBe(200);
    expect(refusal(second)).toMatchObject({
      response: {
        uid,
        status: {
          code: 503,
          reason: 'ServiceUnavailable',
          details: { causes: [{ reason: 'OVERLOADED' }], retryAfterSeconds: 1 },
        },
      },
    });
    block.resolve(undefined);
    await first;
  });
});

test('a request before any policy was read is refused with its uid, and may be tried again', async () => {
  const gate = await openGate();
  const received = await post(gate, '/validate', { body: JSON.stringify(pod) });
  expect(received.status).toBe(200);
  expect(refusal(received)).toMatchObject({
    response: { uid, status: { code: 503, details: { causes: [{ reason: 'POLICIES_UNAVAILABLE' }] } } },
  });
});

test('an answer is given only after its decision was recorded', async () => {
  const block = Promise.withResolvers<undefined>();
  const gate = await openGate({}, () => block.promise);
  let isAnswered = false;
  const received = post(gate, '/validate', { body: '{' }).finally(() => (isAnswered = true));
  await expect.poll(() => gate.decisions.length).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(isAnswered).toBe(false);
  block.resolve(undefined);
  refusal(await received);
});
