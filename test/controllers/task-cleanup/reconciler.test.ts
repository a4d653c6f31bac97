import { beforeEach, describe, expect, test } from 'vitest';
import { agentKinds } from '../../../src/agents/kinds.ts';
import { cleanupConcerned, namespacesToClean } from '../../../src/controllers/task-cleanup/concerned.ts';
import { createCleanupReconciler } from '../../../src/controllers/task-cleanup/reconciler.ts';
import type { Reconciler, Settled } from '../../../src/controllers/runtime/reconciler.ts';
import type { KubeObject } from '../../../src/kernel/kube-object.ts';
import type { ClusterEvent } from '../../../src/ports/events.ts';
import { fakeCluster, Killed, type FakeCluster } from '../../fakes/fake-cluster.ts';

const start = Date.parse('2026-01-01T00:00:00Z');
const team = { namespace: 'team', name: '' };
let nowMs: number;
let cluster: FakeCluster;
let events: ClusterEvent[];
let reconciler: Reconciler;

beforeEach(() => {
  nowMs = start;
  cluster = fakeCluster({ now: () => nowMs });
  events = [];
  restart();
});

function restart(): void {
  cluster.revive();
  reconciler = createCleanupReconciler({
    objects: cluster,
    events: { tell: (event) => void events.push(event) },
    clock: { now: () => new Date(nowMs) },
    log: { info: () => {}, warn: () => {}, error: () => {} },
    systemImage: 'registry.example/countersign:1',
  });
}

function reconcile(key = team): Promise<Settled> {
  return reconciler.reconcile(key, new AbortController().signal);
}

function config(spec: unknown, namespace = 'team', name = 'default'): KubeObject {
  const { apiVersion, kind } = agentKinds.config;
  return cluster.put({ apiVersion, kind, metadata: { name, namespace }, spec });
}

/** Finished so many seconds before the beginning of the test; without: it runs. */
function task(name: string, secondsAgo?: number, namespace = 'team', finalizers: readonly string[] = []): KubeObject {
  const { apiVersion, kind } = agentKinds.task;
  const completionTime = new Date(start - (secondsAgo ?? 0) * 1_000).toISOString();
  const status = secondsAgo === undefined ? { phase: 'Running' } : { phase: 'Completed', completionTime };
  return cluster.put({ apiVersion, kind, metadata: { name, namespace, finalizers }, spec: {}, status });
}

const left = (namespace = 'team'): readonly string[] =>
  cluster
    .all(agentKinds.task)
    .filter(({ metadata }) => metadata.namespace === namespace && metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.name);

const cleanup = (rules: object): object => ({ cleanup: rules });

describe('a namespace with finished Tasks', () => {
  test('keeps all of them where nobody has said anything', async () => {
    task('old', 1_000_000);
    config({}, 'elsewhere');
    config(cleanup({ ttlSecondsAfterFinished: 1 }), 'team', 'other');
    config(cleanup({ ttlSecondsAfterFinished: 1 }), 'elsewhere');
    expect(await reconcile()).toEqual({ kind: 'settled' });
    expect(cluster.callCount()).toBe(0);
  });

  test('loses those whose time is over, and is looked at again when the next is', async () => {
    config(cleanup({ ttlSecondsAfterFinished: 60 }));
    task('gone', 60);
    task('next', 45);
    task('later', 5);
    task('runs');
    expect(await reconcile()).toEqual({ kind: 'settled', requeueAfterMs: 15_000 });
    expect(left()).toEqual(['next', 'later', 'runs']);
    nowMs += 15_000;
    expect(await reconcile()).toEqual({ kind: 'settled', requeueAfterMs: 40_000 });
    expect(left()).toEqual(['later', 'runs']);
  });

  test('is cleaned by the config of the system where it has none of its own', async () => {
    config(cleanup({ maxRetainedTasks: 1 }), 'kubeopencode-system');
    task('a', 2);
    task('b', 1);
    await reconcile();
    expect(left()).toEqual(['b']);
  });

  test('is cleaned by a config of its own as a whole', async () => {
    config(cleanup({ maxRetainedTasks: 1 }), 'kubeopencode-system');
    config({});
    task('a', 2);
    task('b', 1);
    await reconcile();
    expect(left()).toEqual(['a', 'b']);
  });

  test('loses nothing of other namespaces, of KubeTask, or under a name that was given away again', async () => {
    config(cleanup({ maxRetainedTasks: 0 }));
    task('a', 1);
    task('b', 1, 'other');
    const { apiVersion, kind } = agentKinds.kubeTask;
    cluster.put({
      apiVersion,
      kind,
      metadata: { name: 'k', namespace: 'team' },
      spec: {},
      status: { phase: 'Failed' },
    });
    await reconcile();
    expect([left(), left('other'), cluster.all(agentKinds.kubeTask).length]).toEqual([[], ['b'], 1]);
  });

  test('asks once for what has a finalizer, however often it is looked at', async () => {
    config(cleanup({ maxRetainedTasks: 0 }));
    task('a', 1, 'team', ['kubeopencode.io/task-cleanup']);
    await reconcile();
    await reconcile();
    expect(cluster.calls.get('remove Task')).toBe(1);
  });

  test.each([
    { cleanup: { ttlSecondsAfterFinished: -1 } },
    { cleanup: { ttlSecondsAfterFinished: 'soon' } },
    { cleanup: { maxRetainedTasks: 1.5 } },
    { cleanup: 'all' },
    'nonsense',
  ])('loses nothing by the config %j, and says so once', async (spec) => {
    config(spec);
    config(cleanup({ maxRetainedTasks: 0 }), 'kubeopencode-system');
    task('a', 1);
    expect(await reconcile()).toEqual({ kind: 'settled' });
    await reconcile();
    expect(left()).toEqual(['a']);
    expect(events).toMatchObject([{ type: 'Warning', reason: 'InvalidConfig', about: { name: 'default' } }]);
  });

  test('is tried again when the API server cannot be had', async () => {
    config(cleanup({ maxRetainedTasks: 0 }));
    task('a', 1);
    cluster.refuse = () => 'unavailable';
    expect(await reconcile()).toMatchObject({ kind: 'retry' });
    expect(left()).toEqual(['a']);
  });
});

test('one that must not be removed keeps no other', async () => {
  config(cleanup({ maxRetainedTasks: 0 }));
  for (const [name, secondsAgo] of [
    ['a', 3],
    ['b', 2],
    ['c', 1],
  ] as const)
    task(name, secondsAgo);
  cluster.refuse = (verb, _kind, about) =>
    verb === 'remove' && 'name' in about && about.name === 'a' ? 'unavailable' : undefined;
  expect(await reconcile()).toMatchObject({ kind: 'retry' });
  expect(await reconcile()).toMatchObject({ kind: 'retry' });
  expect(left()).toEqual(['a']);
  expect(cluster.calls.get('remove Task')).toBe(4);
  cluster.refuse = undefined;
  expect(await reconcile()).toEqual({ kind: 'settled' });
  expect(left()).toEqual([]);
});

describe('of 1,000 finished Tasks', () => {
  beforeEach(() => {
    for (let index = 0; index < 1_000; index += 1) task(`t-${String(index).padStart(4, '0')}`, index);
    for (let index = 0; index < 10; index += 1) task(`runs-${index}`);
  });

  const newest = (count: number): readonly string[] =>
    Array.from({ length: count }, (_, index) => `t-${String(index).padStart(4, '0')}`);

  async function untilSettled(): Promise<number> {
    for (let rounds = 1; ; rounds += 1) {
      const settled = await reconcile();
      if (settled.kind === 'settled' && settled.requeueAfterMs !== 0) return rounds;
    }
  }

  const rows = [
    { rules: { maxRetainedTasks: 100 }, kept: 100 },
    { rules: { ttlSecondsAfterFinished: 250 }, kept: 250 },
    { rules: { ttlSecondsAfterFinished: 400, maxRetainedTasks: 300 }, kept: 300 },
    { rules: { ttlSecondsAfterFinished: 200, maxRetainedTasks: 300 }, kept: 200 },
    { rules: { maxRetainedTasks: 0 }, kept: 0 },
    { rules: { maxRetainedTasks: 5_000 }, kept: 1_000 },
  ];
  test.each(rows)(
    'exactly the $kept newest stay by $rules, with one call for each that goes',
    async ({ rules, kept }) => {
      config(cleanup(rules));
      const rounds = await untilSettled();
      expect(left().filter((name) => name.startsWith('t-'))).toEqual(newest(kept));
      expect(left().filter((name) => name.startsWith('runs-'))).toHaveLength(10);
      expect(cluster.callCount()).toBe(1_000 - kept);
      expect(rounds).toBe(Math.max(1, Math.ceil((1_000 - kept) / 50)));
      await untilSettled();
      expect(cluster.callCount()).toBe(1_000 - kept);
    },
  );

  test('the same ones stay wherever the process is killed', async () => {
    config(cleanup({ maxRetainedTasks: 950 }));
    for (const at of [1, 2, 17]) {
      for (const when of ['before', 'after'] as const) {
        cluster.failAfter(at, when);
        await expect(untilSettled()).rejects.toThrow(Killed);
        restart();
      }
    }
    await untilSettled();
    expect(left().filter((name) => name.startsWith('t-'))).toEqual(newest(950));
  });
});

describe('who is looked at again', () => {
  test('at the beginning: every namespace that has finished Tasks, once', () => {
    task('a', 1);
    task('b', 1);
    task('c', 1, 'other');
    task('runs', undefined, 'busy');
    expect(namespacesToClean(cluster)).toEqual([team, { namespace: 'other', name: '' }]);
  });

  test.each([
    ['a Task that has finished', () => task('a', 1), 'present', [team]],
    ['a Task that runs', () => task('a'), 'present', []],
    ['a Task that is gone', () => task('a', 1), 'gone', []],
    ['a config', () => config({}), 'present', [team]],
    ['a config that is gone', () => config({}), 'gone', [team]],
    ['a config of another name', () => config({}, 'team', 'other'), 'present', []],
    [
      'the config of the system',
      () => {
        task('a', 1);
        task('b', 1, 'other');
        return config({}, 'kubeopencode-system');
      },
      'present',
      [team, { namespace: 'other', name: '' }],
    ],
  ] as const)('after %s', (_, made, change, keys) => {
    expect(cleanupConcerned(made(), change, cluster)).toEqual(keys);
  });

  test('after a Task of KubeTask: nobody', () => {
    const { apiVersion, kind } = agentKinds.kubeTask;
    const other = cluster.put({
      apiVersion,
      kind,
      metadata: { name: 'k', namespace: 'team' },
      status: { phase: 'Failed' },
    });
    expect(cleanupConcerned(other, 'present', cluster)).toEqual([]);
  });
});
