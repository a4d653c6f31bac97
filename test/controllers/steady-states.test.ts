/** What it costs the API server that something waits, runs or is over: calls in ten minutes in which nothing changes. */
import { describe, expect, test } from 'vitest';
import { agentKinds } from '../../src/agents/kinds.ts';
import type { Settled } from '../../src/controllers/runtime/reconciler.ts';
import { createCleanupReconciler } from '../../src/controllers/task-cleanup/reconciler.ts';
import { World as AgentWorld } from './agents/world.ts';
import { jobPlace, World as KubeTaskWorld } from './kube-tasks/world.ts';
import { home, podPlace, World } from './tasks/world.ts';

interface Timed {
  nowMs: number;
  readonly cluster: { callCount(): number };
}

const tenMinutesMs = 10 * 60_000;
/** As runtime/work-queue.ts has them. */
const pauses = { first: 200, longest: 30_000 };

/** Calls, and looks, as the loop has them that waits for what it is told to wait for. */
async function idle(world: Timed, look: () => Promise<Settled>): Promise<{ calls: number; looks: number }> {
  const until = world.nowMs + tenMinutesMs;
  const before = world.cluster.callCount();
  let failures = 0;
  let looks = 0;
  while (world.nowMs < until) {
    const settled = await look();
    looks += 1;
    failures = settled.kind === 'retry' ? failures + 1 : 0;
    const pauseMs =
      settled.kind === 'retry'
        ? Math.min(pauses.longest, pauses.first * 2 ** (failures - 1))
        : (settled.requeueAfterMs ?? Infinity);
    world.nowMs += pauseMs;
  }
  return { calls: world.cluster.callCount() - before, looks };
}

interface Case {
  readonly what: string;
  readonly prepare: (world: World) => Promise<unknown>;
  /** In ten minutes. */
  readonly calls: number;
  readonly looks: number;
}

async function other(world: World): Promise<void> {
  world.add({}, 'before');
  await world.reconcile('before');
}

async function started(world: World, spec: object = {}): Promise<void> {
  world.agent();
  world.add(spec);
  await world.reconcile();
}

function refusing(world: World, kind: string, message: string): void {
  world.cluster.refuse = (verb, of) => (verb === 'create' && of === kind ? { status: 403, message } : undefined);
}

const cases: readonly Case[] = [
  {
    what: 'waits for capacity',
    prepare: async (world) => {
      world.agent({ maxConcurrentTasks: 1 });
      await other(world);
      world.add();
      await world.reconcile();
    },
    calls: 0,
    looks: 60,
  },
  {
    what: 'waits for its quota',
    prepare: async (world) => {
      world.agent({ quota: { maxTaskStarts: 1, windowSeconds: 3_600 } });
      await other(world);
      world.add();
      await world.reconcile();
    },
    calls: 0,
    looks: 1,
  },
  {
    what: 'waits for a server',
    prepare: async (world) => {
      world.agent({ serverConfig: {} });
      world.add();
      await world.reconcile();
    },
    calls: 0,
    looks: 60,
  },
  {
    what: 'runs',
    prepare: async (world) => {
      await started(world);
      world.pods.run(podPlace);
    },
    calls: 0,
    looks: 1,
  },
  {
    what: 'runs, and has a timeout of hours',
    prepare: async (world) => {
      await started(world, { timeout: '5h' });
      world.pods.run(podPlace);
    },
    calls: 0,
    looks: 1,
  },
  {
    what: 'waits for a registry that is away',
    prepare: async (world) => {
      await started(world);
      world.pods.wait(podPlace, 'ErrImagePull', 'dial tcp: connection refused');
    },
    calls: 0,
    looks: 1,
  },
  {
    what: 'waits for a node',
    prepare: async (world) => {
      await started(world);
      world.pods.unschedulable(podPlace, '0/3 nodes are available');
    },
    calls: 0,
    looks: 1,
  },
  {
    what: 'waits for a volume that is slow',
    prepare: async (world) => {
      await started(world);
      world.pods.withoutVolume(podPlace, 'timed out waiting for the condition');
    },
    calls: 20,
    looks: 21,
  },
  {
    what: 'waits for the quota of its namespace',
    prepare: async (world) => {
      refusing(world, 'Pod', 'pods "fix-pod" is forbidden: exceeded quota: small');
      await started(world);
    },
    calls: 50,
    looks: 16,
  },
  {
    what: 'cannot be claimed',
    prepare: async (world) => {
      world.cluster.refuse = (verb) => (verb === 'writeStatus' ? { status: 403, message: 'no' } : undefined);
      await started(world);
    },
    calls: 30,
    looks: 30,
  },
  {
    what: 'is over, and its Pod is left',
    prepare: async (world) => {
      await started(world);
      world.pods.finish(podPlace, { exitCode: 1 });
      await world.reconcile();
    },
    calls: 0,
    looks: 1,
  },
  {
    what: 'is over, and its Pod does not go',
    prepare: async (world) => {
      await started(world);
      world.pods.run(podPlace);
      world.pods.terminate(podPlace);
      world.stop();
      await world.reconcile();
    },
    calls: 0,
    looks: 1,
  },
  {
    what: 'is over, and its Pod must not be removed',
    prepare: async (world) => {
      await started(world);
      world.pods.run(podPlace);
      world.stop();
      world.cluster.refuse = (verb, kind) => (verb === 'remove' && kind === 'Pod' ? 'unavailable' : undefined);
      await world.reconcile();
    },
    calls: 60,
    looks: 30,
  },
];

describe('a Task of KubeOpenCode that', () => {
  test.each(cases)('$what: at most $calls calls', async ({ prepare, calls, looks }) => {
    const world = new World();
    await prepare(world);
    const spent = await idle(world, () => world.reconcile());
    expect(spent.calls).toBeLessThanOrEqual(calls);
    expect(spent.looks).toBeLessThanOrEqual(looks);
  });
});

const ofKubeTask: readonly (Omit<Case, 'prepare'> & {
  readonly prepare: (world: KubeTaskWorld) => Promise<unknown>;
})[] = [
  {
    what: 'runs',
    prepare: async (world) => {
      await world.reconcile();
      world.kubelet.run(jobPlace);
    },
    calls: 0,
    looks: 1,
  },
  {
    what: 'has no Pod, and nobody says why',
    prepare: (world) => world.reconcile(),
    calls: 60,
    looks: 61,
  },
  {
    what: 'waits for the quota of its namespace',
    prepare: async (world) => {
      world.cluster.refuse = (verb, kind) =>
        verb === 'create' && kind === 'Job' ? { status: 403, message: 'exceeded quota: small' } : undefined;
      await world.reconcile();
    },
    calls: 100,
    looks: 40,
  },
  {
    what: 'is over',
    prepare: async (world) => {
      await world.reconcile();
      world.kubelet.run(jobPlace);
      world.kubelet.finish(jobPlace);
      await world.reconcile();
    },
    calls: 0,
    looks: 1,
  },
];

describe('a Task of KubeTask that', () => {
  test.each(ofKubeTask)('$what: at most $calls calls', async ({ prepare, calls, looks }) => {
    const world = new KubeTaskWorld();
    world.addAgent();
    world.addTask();
    await prepare(world);
    const spent = await idle(world, () => world.reconcile());
    expect(spent.calls).toBeLessThanOrEqual(calls);
    expect(spent.looks).toBeLessThanOrEqual(looks);
  });
});

describe('an Agent', () => {
  const context = { type: 'ConfigMap', configMap: { name: 'files' }, mountPath: 'files' };

  test.each([
    ['with a server', { serverConfig: {} }, 1, 0],
    ['without one', {}, 1, 0],
    ['with a server that never comes up', { serverConfig: {} }, 0, 0],
    ['with a server with files', { serverConfig: {}, contexts: [context] }, 1, 10],
    ['with a server whose files are missing', { serverConfig: {}, contexts: [{ ...context, name: 'x' }] }, 0, 20],
  ] as const)('%s: at most so many calls', async (_, spec, replicas, calls) => {
    const world = new AgentWorld();
    world.put(agentKinds.configMap, 'files', { data: { a: 'b' } });
    world.apply(spec);
    await world.reconcile();
    if (replicas > 0 && world.deployment !== undefined) await world.ready(replicas);
    const spent = await idle(world, () => world.reconcile());
    expect(spent.calls).toBeLessThanOrEqual(calls);
  });
});

test('a namespace whose Tasks are to go in an hour: no call', async () => {
  const world = new World();
  const { apiVersion, kind } = agentKinds.config;
  const spec = { cleanup: { ttlSecondsAfterFinished: 3_600 } };
  world.put({ apiVersion, kind, metadata: { name: 'default', namespace: home }, spec });
  world.add({}, 'over', { status: { phase: 'Completed', completionTime: '2026-01-01T00:00:00Z' } });
  const reconciler = createCleanupReconciler({
    objects: world.cluster,
    events: { tell: () => {} },
    clock: { now: () => new Date(world.nowMs) },
    log: { info: () => {}, warn: () => {}, error: () => {} },
    systemImage: 'r.example/system:1',
  });
  const look = () => reconciler.reconcile({ namespace: home, name: '' }, new AbortController().signal);
  expect(await idle(world, look)).toEqual({ calls: 0, looks: 1 });
});
