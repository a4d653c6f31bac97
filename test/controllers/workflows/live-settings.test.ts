import { expect, test } from 'vitest';
import { liveSettings } from '../../../src/controllers/workflows/live-settings.ts';
import type { ClusterEvent } from '../../../src/ports/events.ts';
import { names } from '../../../src/workflow/model.ts';
import { fakeCluster } from '../../fakes/fake-cluster.ts';

function start({ leads = true, environment = {} }: { leads?: boolean; environment?: Record<string, string> } = {}) {
  const cluster = fakeCluster();
  const told: ClusterEvent[] = [];
  const logged: unknown[] = [];
  const followers = new Set<() => void>();
  const state = { leads };
  const leadership = {
    isLeader: () => state.leads,
    onChange: (follower: () => void) => {
      followers.add(follower);
      return () => followers.delete(follower);
    },
  };
  const log = { info: () => undefined, warn: (fields: unknown) => logged.push(fields), error: () => undefined };
  const events = { tell: (event: ClusterEvent) => told.push(event) };
  const live = liveSettings({ objects: cluster, events, leadership, log }, 'countersign-system', environment);
  return {
    live,
    told,
    logged,
    put: (name: string, data: object, namespace = 'countersign-system') =>
      cluster.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data }),
    lead: () => {
      state.leads = true;
      for (const follower of followers) follower();
    },
  };
}

test('without ConfigMaps the environment counts, and else what is usual', () => {
  const { live } = start({ environment: { MAX_PARALLEL_STEPS: '7' } });
  expect(live.settings()).toMatchObject({ maxParallelSteps: 7, approvalThreshold: 10 });
  expect(live.registry().actions.size).toBe(0);
});

test('what the ConfigMap says is in force at once', () => {
  const { live, put } = start({ environment: { MAX_PARALLEL_STEPS: '7' } });
  put(names.settings, { 'max-parallel-steps': '2' });
  expect(live.settings().maxParallelSteps).toBe(2);
  put(names.settings, { 'max-parallel-steps': '3' });
  expect(live.settings().maxParallelSteps).toBe(3);
});

test('is read once per version', () => {
  const { live, put } = start();
  put(names.settings, { retries: '1' });
  expect(live.settings()).toBe(live.settings());
});

test('a ConfigMap of that name elsewhere says nothing', () => {
  const { live, put } = start();
  put(names.settings, { 'max-parallel-steps': '2' }, 'shop');
  expect(live.settings().maxParallelSteps).toBe(5);
});

test('a wrong value is told once in the log, at the ConfigMap, and does not keep others from counting', () => {
  const { live, put, told, logged } = start();
  put(names.settings, { 'max-parallel-steps': 'many', retries: '1' });
  for (let again = 0; again < 3; again += 1) expect(live.settings()).toMatchObject({ maxParallelSteps: 5, retries: 1 });
  expect(logged).toHaveLength(1);
  expect(told).toMatchObject([
    {
      about: { apiVersion: 'v1', kind: 'ConfigMap', name: names.settings, namespace: 'countersign-system' },
      type: 'Warning',
      reason: 'InvalidValue',
      message: expect.stringContaining('max-parallel-steps') as string,
    },
  ]);
});

test('a wrong entry of the registry is told the same way', () => {
  const { live, put, told } = start();
  put(names.registry, { 'kubernetes.scale': 'no: image' });
  expect(live.registry().actions.size).toBe(0);
  expect(told.map(({ about }) => about.name)).toEqual([names.registry]);
});

test('a replica that does not lead tells nobody but its log, until it leads', () => {
  const { put, told, logged, lead } = start({ leads: false });
  put(names.settings, { retries: 'often' });
  expect([told.length, logged.length]).toEqual([0, 1]);
  lead();
  expect([told.length, logged.length]).toEqual([1, 1]);
});

test('a thousand wrong values are not a thousand events', () => {
  const { put, told } = start();
  put(names.settings, Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`key-${at}`, 'x'])));
  expect(told.length).toBeLessThanOrEqual(10);
});
