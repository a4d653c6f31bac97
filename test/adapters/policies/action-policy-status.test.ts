import { afterEach, beforeEach, expect, test } from 'vitest';
import { statusWriter, type StatusWriter } from '../../../src/adapters/policies/action-policy-status.ts';
import { parsePolicyValue } from '../../../src/policy/parse-documents.ts';
import { fakeApiServer, type FakeApiServer } from '../kubernetes/fake-api-server.ts';

const now = new Date('2026-06-01T00:00:00.123Z');
const path = '/apis/countersign.dev/v1alpha1/actionpolicies/actions/status';
let server: FakeApiServer;
let writer: StatusWriter;
let warnings: string[];

beforeEach(async () => {
  server = await fakeApiServer();
  warnings = [];
  const log = {
    info: () => undefined,
    error: () => undefined,
    warn: (fields: object) => void warnings.push(JSON.stringify(fields)),
  };
  writer = statusWriter(server.kubeConfig, { deadlineMs: 500, maxBytes: 10_000 }, log);
});
afterEach(() => server.close());

const exception = (expires: string): object => ({ images: ['a.example/b@*'], reason: 'r', owner: 'team-a', expires });

function policy(spec: object, status?: unknown): Readonly<Record<string, unknown>> {
  return {
    apiVersion: 'countersign.dev/v1alpha1',
    kind: 'ActionPolicy',
    metadata: { name: 'actions', generation: 3 },
    spec: { images: [{ glob: 'a.example/**' }], ...spec },
    status,
  };
}

async function write(object: unknown, at = now): Promise<void> {
  const [document] = parsePolicyValue(object, 'ActionPolicy/actions');
  if (document === undefined) throw new Error('no document');
  await writer.write([{ name: 'actions', object, document }], at);
}

const ready = { type: 'Ready', status: 'True', reason: 'InForce', message: 'the policy is in force' };
const fresh = { type: 'ExceptionsExpired', status: 'False', reason: 'NoneExpired', message: 'every exception counts' };
const then = { lastTransitionTime: '2026-06-01T00:00:00Z' };

test('a policy that is in force says so', async () => {
  await write(policy({ exceptions: [exception('2026-06-01T00:00:01Z')] }));
  expect(server.patches).toStrictEqual([
    {
      path,
      type: 'application/merge-patch+json',
      body: {
        status: {
          observedGeneration: 3,
          conditions: [
            { ...ready, ...then },
            { ...fresh, ...then },
          ],
        },
      },
    },
  ]);
});

test('what it says already is not written again', async () => {
  const status = {
    observedGeneration: 3,
    conditions: [
      { ...ready, lastTransitionTime: 'x' },
      { ...fresh, more: 1 },
    ],
  };
  await write(policy({}, status));
  expect(server.patches).toStrictEqual([]);
});

test('an expired exception is named, and what stays keeps its time', async () => {
  const before = { lastTransitionTime: '2020-01-01T00:00:00Z' };
  const status = {
    observedGeneration: 3,
    conditions: [
      { ...ready, ...before },
      { ...fresh, ...before },
    ],
  };
  const exceptions = [exception('2026-05-31T00:00:00Z'), exception('2027-01-01T00:00:00Z')];
  await write(policy({ exceptions }, status));
  expect(server.patches[0]?.body).toStrictEqual({
    status: {
      observedGeneration: 3,
      conditions: [
        { ...ready, ...before },
        {
          type: 'ExceptionsExpired',
          status: 'True',
          reason: 'Expired',
          message: '1 of 2 no longer count: of team-a since 2026-05-31T00:00:00.000Z',
          ...then,
        },
      ],
    },
  });
});

test('a policy that cannot be read says what is wrong with it', async () => {
  await write(policy({ mode: 'x', targets: {} }));
  const body = JSON.stringify(server.patches[0]?.body);
  expect(body).toContain('"type":"Ready","status":"False","reason":"Invalid"');
  for (const field of ['spec.mode', 'spec.targets.allow']) expect(body).toContain(field);
});

test('a failure is logged once, and nothing more', async () => {
  server.breakdown = { match: /^PATCH /, status: 403 };
  await write(policy({}));
  await write(policy({}));
  expect(warnings).toStrictEqual([
    expect.stringMatching(/cannot write the status of ActionPolicy actions.*permission/),
  ]);
  server.breakdown = undefined;
  await write(policy({}));
  expect(server.patches).toHaveLength(1);
});
