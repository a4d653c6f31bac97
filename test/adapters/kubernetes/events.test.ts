import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { clusterEvents, type EventOutcome, type EventsSettings } from '../../../src/adapters/kubernetes/events.ts';
import type { ClusterEvent, Events, ObjectReference } from '../../../src/ports/events.ts';
import { fakeApiServer, type FakeApiServer } from './fake-api-server.ts';
import { untilHolds } from '../../until-holds.ts';

const job: ObjectReference = { apiVersion: 'batch/v1', kind: 'Job', name: 'nightly', namespace: 'team', uid: 'u-1' };
const path = '/api/v1/namespaces/team/events';

let server: FakeApiServer;
let events: Events & { close(): Promise<void> };
let outcomes: EventOutcome[];
let warnings: string[];
let now: Date;

beforeEach(async () => {
  server = await fakeApiServer();
  outcomes = [];
  warnings = [];
  now = new Date('2026-06-01T00:00:00Z');
});
afterEach(async () => {
  await events.close();
  await server.close();
});

function start(settings: Partial<EventsSettings> = {}): void {
  const log = { info: vi.fn(), error: vi.fn(), warn: (fields: object) => void warnings.push(JSON.stringify(fields)) };
  const metrics = { clusterEvent: (outcome: EventOutcome) => void outcomes.push(outcome) };
  const ports = { kubeConfig: server.kubeConfig, clock: { now: () => now }, log, metrics };
  const limits = { deadlineMs: 500, maxBytes: 10_000 };
  events = clusterEvents(ports, { instance: 'countersign-0', limits, updateMs: 20, ...settings });
}

function tell(about: ObjectReference = job, more: Partial<ClusterEvent> = {}): void {
  events.tell({ about, type: 'Warning', reason: 'ImageRefused', message: 'no signature', key: 'k', ...more });
}

const settled = (count: number): Promise<void> => untilHolds(() => expect(outcomes).toHaveLength(count));
/** As sent, of type Event. */
const bodies = (): readonly Record<string, unknown>[] =>
  server.posts.map(({ body }) => body as Record<string, unknown>);

test('an event has all that kubectl describe shows', async () => {
  start();
  tell();
  await settled(1);
  expect(server.posts).toEqual([
    {
      path,
      body: {
        metadata: { name: expect.stringMatching(/^countersign\.[0-9a-f]{32}$/), namespace: 'team' },
        involvedObject: job,
        type: 'Warning',
        reason: 'ImageRefused',
        message: 'no signature',
        count: 1,
        firstTimestamp: '2026-06-01T00:00:00.000Z',
        lastTimestamp: '2026-06-01T00:00:00.000Z',
        source: { component: 'countersign', host: 'countersign-0' },
        reportingComponent: 'countersign',
        reportingInstance: 'countersign-0',
      },
    },
  ]);
});

test('objects of the cluster have theirs in the namespace default, as the API server demands', async () => {
  start();
  tell({ apiVersion: 'policy.sigstore.dev/v1alpha1', kind: 'ClusterImagePolicy', name: 'p' });
  await settled(1);
  expect(server.posts[0]?.path).toBe('/api/v1/namespaces/default/events');
});

test('what occurs again is counted, in few writes', async () => {
  start();
  tell();
  await settled(1);
  now = new Date('2026-06-01T00:05:00Z');
  for (let index = 0; index < 50; index += 1) tell(job, { message: `no signature ${index}` });
  await settled(2);
  expect(server.posts).toHaveLength(1);
  expect(server.patches).toEqual([
    {
      path: expect.stringMatching(`^${path}/countersign\\.`),
      type: 'application/merge-patch+json',
      body: { count: 51, lastTimestamp: '2026-06-01T00:05:00.000Z', message: 'no signature 49' },
    },
  ]);
});

test.each<[string, () => void]>([
  ['another object', () => tell({ ...job, uid: 'u-2' })],
  ['another reason', () => tell(job, { reason: 'GateUnavailable' })],
  ['another key', () => tell(job, { key: 'other' })],
  [
    'the same after ten minutes',
    () => {
      now = new Date('2026-06-01T00:10:00Z');
      tell();
    },
  ],
])('%s is another event', async (_title, again) => {
  start();
  tell();
  again();
  await settled(2);
  expect(server.posts).toHaveLength(2);
  expect(new Set(bodies().map(({ metadata }) => JSON.stringify(metadata))).size).toBe(2);
});

test('one namespace cannot use up what others need, and what is dropped is counted', async () => {
  start({ rates: { all: { burst: 8, perMinute: 60 }, ofNamespace: { burst: 5, perMinute: 60 } } });
  for (let index = 0; index < 100; index += 1) tell({ ...job, uid: `${index}` });
  for (let index = 0; index < 100; index += 1) tell({ ...job, namespace: 'other', uid: `${index}` });
  await untilHolds(() => expect(outcomes.filter((outcome) => outcome === 'written')).toHaveLength(8));
  expect(outcomes.filter((outcome) => outcome === 'dropped')).toHaveLength(192);
  expect(server.posts.filter((post) => post.path === path)).toHaveLength(5);
  now = new Date('2026-06-01T00:00:02Z');
  tell({ ...job, uid: 'later' });
  await untilHolds(() => expect(server.posts.filter((post) => post.path === path)).toHaveLength(6));
});

test('a silent API server holds nobody up, and only so many wait for it', async () => {
  server.breakdown = { match: /^POST /, status: 'silence' };
  start({ rates: { all: { burst: 10_000, perMinute: 1 }, ofNamespace: { burst: 10_000, perMinute: 1 } } });
  const began = performance.now();
  for (let index = 0; index < 1_000; index += 1) tell({ ...job, uid: `${index}` });
  expect(performance.now() - began).toBeLessThan(2_000);
  expect(outcomes.filter((outcome) => outcome === 'dropped')).toHaveLength(798);
  await untilHolds(() => expect(outcomes).toContain('failed'));
});

test('a failure is logged once, and the next occurrence is a new event', async () => {
  server.breakdown = { match: /^POST /, status: 403 };
  start();
  tell();
  await settled(1);
  tell();
  await settled(2);
  expect(warnings).toEqual([expect.stringMatching(/cannot create an event in namespace team.*permission/)]);
  server.breakdown = undefined;
  tell();
  await settled(3);
  expect(outcomes).toEqual(['failed', 'failed', 'written']);
});

test('an event that the API server has forgotten is made again', async () => {
  start();
  tell();
  await settled(1);
  server.breakdown = { match: /^PATCH /, status: 404 };
  tell();
  await settled(2);
  tell();
  await settled(3);
  expect(server.posts).toHaveLength(2);
});

test('nothing is written once it is closed', async () => {
  start();
  server.breakdown = { match: /^POST /, status: 'silence' };
  tell();
  await sleep(20);
  await events.close();
  tell({ ...job, uid: 'u-2' });
  await sleep(40);
  expect(server.posts).toEqual([]);
  expect(outcomes).toEqual([]);
});

test('a message is cut to what the API server takes', async () => {
  start();
  tell(job, { message: 'x'.repeat(5_000) });
  await settled(1);
  expect(String(bodies()[0]?.['message'])).toHaveLength(1_024);
});
