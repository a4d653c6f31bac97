/** The process is killed at every single call it makes, before and after the call took effect, and another one takes over. */
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { agentKinds } from '../../../src/agents/kinds.ts';
import { Killed } from '../../fakes/fake-cluster.ts';
import { fromConfigMap, fromKey, inline, jobPlace, key, World } from './world.ts';

/** What happens to it from outside, always the same, whoever reconciles. */
const stories = {
  completes: (world) => world.kubelet.finish(jobPlace),
  fails: (world) => world.kubelet.finish(jobPlace, { exitCode: 4 }),
  'is evicted': (world) => world.kubelet.evict(jobPlace),
  'runs too long': (world) => world.kubelet.deadline(jobPlace),
  'cannot pull its image': (world) => world.kubelet.wait(jobPlace, 'ErrImagePull', 'not found'),
  'may not have a Pod': (world) =>
    world.cluster.warn(
      { kind: agentKinds.job, ...jobPlace },
      { reason: 'FailedCreate', message: 'Error creating: pods "x" is forbidden: violates PodSecurity' },
    ),
} as const satisfies Record<string, (world: World) => void>;

/** What is so from the beginning. */
const beginnings = {
  'has no Agent': (world) => void world.addTask(),
  'misses a ConfigMap': (world) =>
    void [world.addAgent(), world.addTask({ contexts: [fromKey('/workspace/a', 'late', 'a')] })],
  'is refused its Job': (world) => {
    world.addAgent();
    world.addTask();
    world.cluster.refuse = (verb, kind) =>
      verb === 'create' && kind === 'Job' ? { status: 422, message: 'invalid' } : undefined;
  },
} as const satisfies Record<string, (world: World) => void>;

interface Kill {
  readonly at: number;
  readonly when: 'before' | 'after';
}

interface Ran {
  readonly status: unknown;
  readonly created: readonly string[];
  readonly made: readonly string[];
  readonly finished: number;
  readonly calls: number;
}

/** To the end, in seconds that pass; a process that is killed is followed by another at once. */
async function run(begin: (world: World) => void, happen: (world: World) => void, kill?: Kill): Promise<Ran> {
  const world = new World();
  begin(world);
  const created = new Set<string>();
  if (kill !== undefined) world.cluster.failAfter(kill.at, kill.when);
  for (let second = 0; second < 80; second += 1) {
    await reconcile(world);
    for (const { metadata } of world.cluster.all(agentKinds.job)) created.add(metadata.name);
    if (second === 2) happen(world);
    world.nowMs += 1_000;
  }
  const creations = world.calls('create Job');
  expect(creations).toBeLessThanOrEqual(kill === undefined ? 1 : 2);
  const { status, made, finished, cluster } = world;
  return { status, created: [...created], made, finished: finished.length, calls: cluster.callCount() };
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

/** The whole run, and whatever came of one with a kill that differs from it. */
async function runs(
  begin: (world: World) => void,
  happen: (world: World) => void,
  compared: (status: unknown) => unknown = (status) => status,
): Promise<{ readonly whole: Ran; readonly differing: readonly unknown[] }> {
  const whole = await run(begin, happen);
  const differing: unknown[] = [];
  const outcome = ({ status, created, made }: Ran): unknown => ({ status: compared(status), created, made });
  for (let at = 1; at <= whole.calls; at += 1) {
    for (const when of ['before', 'after'] as const) {
      const ran = await run(begin, happen, { at, when });
      // Whoever is killed right after the end is written cannot count it any more; nobody counts it twice.
      const isSame = isDeepStrictEqual(outcome(ran), outcome(whole)) && ran.finished <= 1;
      if (!isSame) differing.push({ at, when, ...ran });
    }
  }
  return { whole, differing };
}

function withFiles(world: World): void {
  world.addAgent({ defaultContexts: [inline('/workspace/task.md', 'Before.')] });
  world.addConfigMap('guides', { 'guide.md': 'Guide.' });
  const contexts = [fromKey('/workspace/guide.md', 'guides', 'guide.md'), fromConfigMap('/workspace/all', 'guides')];
  world.addTask({ contexts, timeout: '60s' }, key.name);
}

describe('wherever the process is killed, and never run twice', () => {
  test.each(Object.entries(stories))('a Task that %s comes to the same end', async (_, happen) => {
    const { whole, differing } = await runs(withFiles, happen);
    expect(whole).toMatchObject({ finished: 1, created: ['update-job'] });
    expect(differing).toEqual([]);
  });

  test('a Task that loses its Job comes to the same end, later by the time that the next process looks for it', async () => {
    const withoutTimes = (status: unknown): string =>
      JSON.stringify(status).replaceAll(/"(?:completion|lastTransition)Time":"[^"]*"/g, '""');
    const lose = (world: World): void => world.cluster.drop({ kind: agentKinds.job, ...jobPlace });
    const { whole, differing } = await runs(withFiles, lose, withoutTimes);
    expect(whole).toMatchObject({ finished: 1, made: [] });
    expect(differing).toEqual([]);
  });

  test.each(Object.entries(beginnings))('a Task that %s comes to the same end', async (_, begin) => {
    const { whole, differing } = await runs(begin, () => {});
    expect(whole).toMatchObject({ finished: 1, created: [], made: [] });
    expect(differing).toEqual([]);
  });
});
