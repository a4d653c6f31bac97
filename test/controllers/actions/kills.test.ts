/** The process is killed at every single call it makes, before and after the call took effect, and another one takes over. */
import { describe, expect, test } from 'vitest';
import { kinds } from '../../../src/workflow/kinds.ts';
import { contractWith } from '../../contract/kit.ts';
import { Killed } from '../../fakes/fake-cluster.ts';
import type { Outcome } from '../../fakes/fake-kubelet.ts';
import { key, proven, World } from './world.ts';

type Events = 'completes' | 'fails' | 'is evicted once' | 'cannot pull' | 'is cancelled';
const runs: readonly Events[] = ['completes', 'fails', 'is evicted once', 'cannot pull', 'is cancelled'];

/** What happens to it from outside, always the same, whoever reconciles. */
function happen(world: World, what: Events): void {
  const jobs = world.cluster.all(kinds.job).filter(({ status }) => !JSON.stringify(status ?? {}).includes('"Failed"'));
  for (const { metadata } of jobs) {
    const place = { namespace: key.namespace, name: metadata.name };
    const isFirst = metadata.name === key.name;
    if (what === 'is cancelled' && isFirst) world.add({ cancel: true });
    else if (what === 'cannot pull') world.kubelet.wait(place, 'ErrImagePull', 'not found');
    else if (what === 'is evicted once' && isFirst) world.kubelet.evict(place);
    else world.kubelet.finish(place, outcomes[what]);
  }
}

const outcomes: Partial<Record<Events, Outcome>> = {
  completes: { log: '{"replicas":3}' },
  'is evicted once': { log: '{"replicas":3}' },
  fails: { exitCode: 4 },
};

interface Ran {
  readonly status: unknown;
  readonly created: readonly string[];
  readonly jobs: readonly string[];
  readonly calls: number;
}

/** To the end, in seconds that pass; a process that is killed is followed by another at once. */
async function run(what: Events, kill?: { readonly at: number; readonly when: 'before' | 'after' }): Promise<Ran> {
  const world = new World();
  const created: string[] = [];
  const contract = contractWith({ outputs: [{ name: 'replicas', type: 'string' }] });
  world.prove = (of) => proven(of, contract);
  world.add();
  world.cluster.onChange((object) => {
    if (object.kind === 'Job' && object['status'] === undefined) created.push(object.metadata.uid);
  });
  const all = (): void => {
    for (const { metadata } of world.cluster.all(kinds.job)) created.push(metadata.uid);
  };
  if (kill !== undefined) world.cluster.failAfter(kill.at, kill.when);
  for (let second = 0; second < 80; second += 1) {
    await reconcile(world);
    all();
    if (second === 2) happen(world, what);
    if (second === 40 && what === 'is evicted once') happen(world, what);
    world.nowMs += 1_000;
  }
  return { status: world.status, created: [...new Set(created)], jobs: world.jobs, calls: world.cluster.callCount() };
}

async function reconcile(world: World): Promise<void> {
  try {
    await world.reconcile();
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
    world.restart();
    await reconcile(world);
  }
}

describe.each(runs)('an action that %s', (what) => {
  test('comes to the same end wherever the process is killed, and every attempt at it runs once', async () => {
    const whole = await run(what);
    expect(whole.created).toHaveLength(what === 'is evicted once' ? 2 : 1);
    expect(whole.calls).toBeGreaterThan(2);
    for (let at = 1; at <= whole.calls; at += 1) {
      for (const when of ['before', 'after'] as const) {
        const { calls: _, ...ran } = await run(what, { at, when });
        expect({ at, when, ...ran }).toStrictEqual({
          at,
          when,
          status: whole.status,
          created: whole.created,
          jobs: whole.jobs,
        });
      }
    }
  });
});
