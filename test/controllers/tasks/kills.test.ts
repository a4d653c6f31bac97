/** The process is killed at every single call it makes, before and after the call took effect, and another one takes over. */
import { describe, expect, test } from 'vitest';
import { agentKinds } from '../../../src/agents/kinds.ts';
import { laggingView } from '../../fakes/lagging-view.ts';
import { home, key, podPlace, World } from './world.ts';

type Life =
  | 'completes'
  | 'fails'
  | 'cannot pull'
  | 'is stopped'
  | 'runs out of time'
  | 'loses its Pod'
  | 'is deleted'
  | 'is deleted elsewhere'
  | 'finds its names taken'
  | 'is refused'
  | 'is deleted when it has completed';

const lives: readonly Life[] = [
  'completes',
  'fails',
  'cannot pull',
  'is stopped',
  'runs out of time',
  'loses its Pod',
  'is deleted',
  'is deleted elsewhere',
  'finds its names taken',
  'is refused',
  'is deleted when it has completed',
];

const quota = { maxTaskStarts: 3, windowSeconds: 600 };
const agentNamespace = 'agents';

function prepare(world: World, life: Life): void {
  const isElsewhere = life === 'is deleted elsewhere';
  world.agent({ maxConcurrentTasks: 2, quota }, 'default', isElsewhere ? agentNamespace : home);
  world.add({
    ...(life === 'runs out of time' && { timeout: '40s' }),
    ...(isElsewhere && { agentRef: { name: 'default', namespace: agentNamespace } }),
  });
  if (life === 'finds its names taken') {
    world.put({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'fix-pod', namespace: home } });
  }
  if (life === 'is refused') {
    world.cluster.refuse = (verb, kind) =>
      verb === 'create' && kind === 'Pod' ? { status: 403, message: 'pods "fix-pod" is forbidden: no' } : undefined;
  }
}

type Happens = (world: World, place: { readonly namespace: string; readonly name: string }) => void;

const dropped: Happens = ({ cluster }) => cluster.drop({ kind: agentKinds.task, ...key });
const finished: Happens = ({ pods }, place) => pods.finish(place, { log: 'done' });

/** What happens to it from outside, always the same, whoever reconciles: first, and later. */
const happenings: Readonly<Record<Life, readonly [first?: Happens, later?: Happens]>> = {
  completes: [finished],
  fails: [({ pods }, place) => pods.finish(place, { exitCode: 2 })],
  'cannot pull': [({ pods }, place) => pods.wait(place, 'ErrImagePull', 'not found')],
  'is stopped': [
    (world, place) => {
      world.cluster.setLog(place, 'half of it');
      world.stop();
    },
  ],
  'runs out of time': [],
  'loses its Pod': [({ pods }, place) => pods.remove(place)],
  'is deleted': [dropped],
  'is deleted elsewhere': [dropped],
  'finds its names taken': [finished],
  'is refused': [],
  'is deleted when it has completed': [finished, dropped],
};

function happen(world: World, life: Life, second: number): void {
  const pod = world.cluster.all(agentKinds.pod).find(({ metadata }) => metadata.annotations !== undefined);
  if (pod === undefined) return;
  const place = { namespace: pod.metadata.namespace ?? '', name: pod.metadata.name };
  const [first, later] = happenings[life];
  if (second === 4) world.pods.run(place);
  if (second === 8) first?.(world, place);
  if (second === 20) later?.(world, place);
}

interface Ran {
  readonly status: unknown;
  readonly made: readonly string[];
  readonly left: readonly string[];
  readonly history: unknown;
  readonly calls: number;
}

/** The API server does not answer to one call. */
function fallOut({ cluster }: World, at: number): void {
  const { refuse } = cluster;
  let calls = 0;
  cluster.refuse = (...asked) => {
    calls += 1;
    return calls === at ? 'unavailable' : refuse?.(...asked);
  };
}

/** To the end, in seconds that pass; a process that is killed is followed by another at once. */
async function run(
  life: Life,
  kill?: { readonly at: number; readonly when: 'before' | 'after' },
  outageAt?: number,
): Promise<Ran> {
  const world = new World();
  prepare(world, life);
  if (outageAt !== undefined) fallOut(world, outageAt);
  if (kill !== undefined) world.cluster.failAfter(kill.at, kill.when);
  for (let second = 0; second < 80; second += 1) {
    await world.survive();
    happen(world, life, second);
    world.nowMs += 1_000;
  }
  const agent = world.cluster.all(agentKinds.agent)[0];
  return {
    status: world.task()?.['status'],
    made: [...world.made.values()].filter((name) => name !== `${home}/fix-pod` || life !== 'finds its names taken'),
    left: [...world.names('pod'), ...world.names('configMap')],
    history: agent?.['status'],
    calls: world.cluster.callCount(),
  };
}

/** Without what a moment of difference may change. */
function essence({ status, made, left, history }: Ran): unknown {
  const text = JSON.stringify({ status, made, left, history });
  return text.replaceAll(/2026-01-01T00:0[01]:\d\dZ/g, 'then').replaceAll(/fix-[0-9a-f]{10}/g, 'fix-hash');
}

describe.each(lives)('a Task that %s', (life) => {
  test('comes to the same end wherever the process is killed, and has one Pod', async () => {
    const whole = await run(life);
    expect(whole.made).toHaveLength(life === 'is refused' ? 0 : 1);
    expect(whole.calls).toBeGreaterThan(5);
    for (let at = 1; at <= whole.calls; at += 1) {
      for (const when of ['before', 'after'] as const) {
        const ran = await run(life, { at, when });
        expect({ at, when, end: essence(ran) }).toEqual({ at, when, end: essence(whole) });
      }
    }
  });

  test('comes to the same end whichever call the API server does not answer', async () => {
    // A start that could not be taken back counts for longer than it has to.
    const endOf = (ran: Ran): unknown => essence({ ...ran, history: undefined });
    const whole = await run(life);
    for (let at = 1; at <= whole.calls; at += 1) {
      const ran = await run(life, undefined, at);
      expect({ at, end: endOf(ran) }).toEqual({ at, end: endOf(whole) });
    }
  });
});

test('a Pod that was made and removed by hand while nobody led is not made again', async () => {
  const world = new World();
  world.agent();
  world.add();
  await world.reconcile();
  world.restart();
  world.pods.remove(podPlace);
  await world.reconcile();
  expect(world.condition('Ready')).toContain('False PodLost');
  expect(world.made.size).toBe(1);
});

describe('somebody who begins to lead and is behind', () => {
  const watched = [agentKinds.task, agentKinds.agent, agentKinds.template, agentKinds.config, agentKinds.pod];
  const refusing = (world: World, name: string): void => {
    world.cluster.refuse = (_verb, kind, about) =>
      kind === 'Task' && JSON.stringify(about).includes(`"name":"${name}"`) ? 'unavailable' : undefined;
  };

  test('gives nobody the place that another has already', async () => {
    const world = new World();
    world.agent({ maxConcurrentTasks: 1 });
    world.add({}, 'older');
    world.add({}, 'younger');
    const behind = laggingView(world.cluster, watched);
    refusing(world, 'older');
    await world.reconcile('older');
    await world.reconcile('younger');
    expect(world.status('younger').phase).toBe('Running');
    world.cluster.refuse = undefined;
    world.reconciler = world.begin(behind);
    await world.reconcile('older');
    expect(world.status('older').phase).toBe('Queued');
    // Each of them once.
    expect(world.cluster.calls.get('refresh Task')).toBe(2);
  });

  test('makes no Pod for a Task that has come to its end', async () => {
    const world = new World();
    world.agent();
    world.add();
    world.cluster.failAfter(4);
    await expect(world.reconcile()).rejects.toThrow('create Pod');
    world.cluster.revive();
    const behind = laggingView(world.cluster, watched);
    world.reconciler = world.begin(world.cluster);
    await world.reconcile();
    world.pods.finish(podPlace);
    await world.reconcile();
    world.pods.remove(podPlace);
    world.reconciler = world.begin(behind);
    await world.reconcile();
    expect(world.status().phase).toBe('Completed');
    expect(world.made.size).toBe(1);
  });

  test('does not take back a claim of its own that was written though nobody heard of it', async () => {
    const world = new World();
    world.agent({ maxConcurrentTasks: 1 });
    world.add({}, 'first');
    world.add({}, 'second');
    const view = laggingView(world.cluster, watched);
    world.reconciler = world.begin(view);
    view.loseAnswers(1);
    expect(await world.reconcile('first')).toMatchObject({ kind: 'retry' });
    await world.reconcile('second');
    expect(world.status('second').phase).toBe('Queued');
    await world.reconcile('first');
    expect(world.names('pod')).toEqual([`${home}/first-pod`]);
  });
});

test('deciding again on what was done gives nothing', async () => {
  const world = new World();
  world.agent({ maxConcurrentTasks: 1 });
  world.add();
  world.add({}, 'other');
  await world.reconcile();
  await world.reconcile('other');
  const before = world.cluster.callCount();
  for (const name of ['fix', 'other']) expect(await world.reconcile(name)).toMatchObject({ kind: 'settled' });
  expect(world.cluster.callCount()).toBe(before);
});
