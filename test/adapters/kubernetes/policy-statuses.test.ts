import { afterEach, beforeEach, expect, test } from 'vitest';
import { clusterPolicyStatuses } from '../../../src/adapters/kubernetes/policy-statuses.ts';
import type { PolicyKind } from '../../../src/ports/policy-objects.ts';
import type { PolicyStatuses } from '../../../src/ports/policy-statuses.ts';
import { fakeApiServer, type FakeApiServer } from './fake-api-server.ts';

const status = { observedGeneration: 3, conditions: [] };
let server: FakeApiServer;
let statuses: PolicyStatuses;

beforeEach(async () => {
  server = await fakeApiServer();
  statuses = clusterPolicyStatuses(server.kubeConfig, { deadlineMs: 1_500, maxBytes: 10_000 });
});
afterEach(() => server.close());

const write = (kind: PolicyKind = 'ActionPolicy') => statuses.write({ kind, name: 'p', resourceVersion: '7' }, status);

test.each<[PolicyKind, string]>([
  ['ClusterImagePolicy', '/apis/policy.sigstore.dev/v1alpha1/clusterimagepolicies/p/status'],
  ['ActionPolicy', '/apis/countersign.dev/v1alpha1/actionpolicies/p/status'],
  ['TrustRoot', '/apis/policy.sigstore.dev/v1alpha1/trustroots/p/status'],
])('the status of a %s is written for one version of it, and nothing else', async (kind, path) => {
  expect(await write(kind)).toEqual({ kind: 'written' });
  expect(server.patches).toEqual([
    { path, type: 'application/merge-patch+json', body: { metadata: { resourceVersion: '7' }, status } },
  ]);
});

test.each([
  [409, 'superseded'],
  [404, 'not-accepted'],
  [422, 'not-accepted'],
  [401, 'unavailable'],
  [403, 'unavailable'],
  [429, 'unavailable'],
  [500, 'unavailable'],
  ['silence', 'unavailable'],
] as const)('an answer of %s is "%s"', async (answer, kind) => {
  server.breakdown = { match: /^PATCH /, status: answer };
  expect(await write()).toMatchObject({ kind });
});

test('what is not written is told with the way out', async () => {
  server.breakdown = { match: /^PATCH /, status: 403 };
  expect(await write()).toMatchObject({
    reason: expect.stringMatching(/cannot write the status of ActionPolicy p: .* 403, permission is missing/),
  });
});
