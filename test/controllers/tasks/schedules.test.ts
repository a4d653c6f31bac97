/**
 * Thirty Tasks of three namespaces, one Agent with room for two and a quota, and controllers that are killed, lose their
 * lead and are behind with what others have written: whatever the order, no Task is lost, none is run twice, and at no
 * version of the store do more than two run.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { agentKinds } from '../../../src/agents/kinds.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import type { TaskReconciler } from '../../../src/controllers/tasks/reconciler.ts';
import type { NewObject, ObjectPlace } from '../../../src/kernel/kube-object.ts';
import { Killed } from '../../fakes/fake-cluster.ts';
import { laggingView, type LaggingView } from '../../fakes/lagging-view.ts';
import { World } from './world.ts';

const watched = [agentKinds.task, agentKinds.agent, agentKinds.template, agentKinds.config, agentKinds.pod];
const namespaces = ['one', 'two', 'three'];
const tasks = 30;
const quota = { maxTaskStarts: 7, windowSeconds: 60 };
const keys = Array.from({ length: tasks }, (_, index) => ({
  namespace: namespaces[index % 3] ?? 'one',
  name: `t${index}`,
}));

const everybody = keys.map((_, index) => index);

type Step =
  | { readonly kind: 'reconcile'; readonly which: readonly number[] }
  | { readonly kind: 'pods'; readonly how: number }
  | { readonly kind: 'catch-up'; readonly changes: number }
  | { readonly kind: 'kill'; readonly at: number; readonly when: 'before' | 'after' }
  | { readonly kind: 'change leader' }
  /** `ofTasks`: not those of Agents, which come first, so that it is claims of which nobody hears. */
  | { readonly kind: 'lose answers'; readonly writes: number; readonly ofTasks: boolean }
  /** Nobody can write the oldest that waits, so that others pass it; then somebody leads who has not seen it. */
  | { readonly kind: 'pass'; readonly loses: number }
  /** Those that come next, and nobody else: whoever was just said to run is not looked at. */
  | { readonly kind: 'next'; readonly many: number }
  | { readonly kind: 'time'; readonly seconds: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('reconcile'), which: fc.array(fc.nat(tasks - 1), { maxLength: 8 }) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('pods'), how: fc.nat(9) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('catch-up'), changes: fc.nat(30) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('kill'),
      at: fc.integer({ min: 1, max: 12 }),
      when: fc.constantFrom('before', 'after'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('change leader') }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('lose answers'),
      writes: fc.integer({ min: 1, max: 3 }),
      ofTasks: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass'), loses: fc.nat(2) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('next'), many: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('time'), seconds: fc.integer({ min: 1, max: 30 }) }) },
);

class Schedule {
  readonly world = new World();
  mostRunning = 0;
  readonly starts = new Map<string, number>();
  #view: LaggingView;
  #standby: LaggingView;
  #leader: TaskReconciler;

  constructor() {
    this.world.agent({ maxConcurrentTasks: 2, quota }, 'shared', 'agents');
    const spec = { agentRef: { name: 'shared', namespace: 'agents' } };
    for (const { namespace, name } of keys) this.world.add(spec, name, { namespace });
    this.#view = laggingView(this.world.cluster, watched);
    this.#standby = laggingView(this.world.cluster, watched);
    this.#leader = this.#lead();
  }

  async do(what: Step): Promise<void> {
    switch (what.kind) {
      case 'reconcile':
        return this.reconcile(what.which);
      case 'pods':
        return this.pods(what.how);
      case 'catch-up':
        this.#view.catchUp(what.changes);
        return;
      case 'kill':
        this.world.cluster.failAfter(what.at, what.when);
        return;
      case 'change leader':
        return this.changeLeader();
      case 'lose answers':
        this.#view.loseAnswers(what.writes, what.ofTasks ? agentKinds.task : undefined);
        return;
      case 'pass':
        return this.pass(what.loses);
      case 'next':
        return this.reconcile(this.#line().slice(0, what.many));
      case 'time':
        this.world.nowMs += what.seconds * 1_000;
    }
  }

  async reconcile(which: readonly number[]): Promise<void> {
    const due = [...new Set(which)].flatMap((index) => keys[index] ?? []);
    const rounds = due.map(async (one) => this.#leader.reconcile(one, new AbortController().signal));
    const ends = await Promise.allSettled(rounds);
    const failed = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
    const bug = failed.find((error) => !(error instanceof Killed));
    if (bug instanceof Error) throw bug;
    if (this.world.cluster.isKilled()) this.#takeOver();
  }

  async pass(loses: number): Promise<void> {
    const held = keys.find(({ namespace, name }) => {
      const { phase } = this.world.status(name, namespace);
      return phase !== 'Running' && phase !== 'Completed' && phase !== 'Failed';
    });
    this.world.cluster.refuse = (_verb, kind, about) =>
      kind === 'Task' && held !== undefined && nameOf(about) === held.name ? 'unavailable' : undefined;
    await this.reconcile(everybody);
    this.#view.loseAnswers(loses);
    await this.reconcile(everybody);
    this.world.cluster.refuse = undefined;
    if (loses === 0) this.changeLeader();
    await this.reconcile(everybody);
  }

  /** Who waits, as the store has it, oldest first. */
  #line(): readonly number[] {
    const waits = everybody.filter((index) => {
      const { namespace, name } = keys[index] ?? { namespace: '', name: '' };
      return ['', 'Pending', 'Queued'].includes(this.world.status(name, namespace).phase);
    });
    const placeOf = (index: number): string => `${keys[index]?.namespace}/${keys[index]?.name}`;
    return waits.toSorted((one, other) => (placeOf(one) < placeOf(other) ? -1 : 1));
  }

  /** Some begin, some end. */
  pods(how: number): void {
    for (const [index, pod] of this.world.pods.all().entries()) {
      const place = { namespace: pod.metadata.namespace ?? '', name: pod.metadata.name };
      const phase = asRecord(pod['status'])?.['phase'];
      if (phase === 'Succeeded' || phase === 'Failed' || (index + how) % 3 === 0) continue;
      if (phase === 'Running') this.world.pods.finish(place, { exitCode: (index + how) % 2 });
      else this.world.pods.run(place);
    }
  }

  /** The one that takes over has watched all the time, and is behind. */
  changeLeader(): void {
    this.#view.close();
    this.#view = this.#standby;
    this.#standby = laggingView(this.world.cluster, watched);
    this.#leader = this.#lead();
  }

  catchUp(): void {
    this.#view.catchUp();
  }

  #takeOver(): void {
    this.world.cluster.revive();
    // Nobody follows any more: a view that was there keeps what it knew, one that is new begins with what there is.
    this.#standby.reconnect();
    this.changeLeader();
  }

  #lead(): TaskReconciler {
    this.world.cluster.onChange((object) => {
      if (object.kind === 'Task') this.#count();
    });
    return this.world.begin(this.#view);
  }

  #count(): void {
    const running = this.world.cluster
      .all(agentKinds.task)
      .filter(({ status }) => asRecord(status)?.['phase'] === 'Running');
    this.mostRunning = Math.max(this.mostRunning, running.length);
    for (const { metadata, status } of running) {
      const { startTime } = asRecord(status) ?? {};
      if (typeof startTime === 'string') this.starts.set(metadata.uid, Date.parse(startTime));
    }
  }

  get open(): number {
    const over = ['Completed', 'Failed'];
    return keys.filter(({ namespace, name }) => !over.includes(this.world.status(name, namespace).phase)).length;
  }

  /** Most of them within any window of the quota. */
  get mostStarts(): number {
    const times = [...this.starts.values()];
    const within = (from: number): number =>
      times.filter((time) => time >= from && time < from + quota.windowSeconds * 1_000).length;
    return Math.max(0, ...times.map(within));
  }
}

function nameOf(about: NewObject | ObjectPlace): string | undefined {
  return 'metadata' in about ? about.metadata.name : about.name;
}

test('no Task is lost or run twice, and never do more run than may', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), async (steps) => {
      const schedule = new Schedule();
      for (const one of steps) await schedule.do(one);
      // What is left comes to its end without further trouble.
      for (let round = 0; round < 200 && schedule.open > 0; round += 1) {
        schedule.catchUp();
        await schedule.reconcile(everybody);
        schedule.pods(round);
        schedule.world.nowMs += 10_000;
      }
      expect(schedule.open).toBe(0);
      expect(schedule.mostRunning).toBeLessThanOrEqual(2);
      expect(schedule.mostStarts).toBeLessThanOrEqual(quota.maxTaskStarts);
      const made = [...schedule.world.made.values()];
      expect(made).toHaveLength(tasks);
      expect(new Set(made).size).toBe(tasks);
    }),
    { numRuns: 20 },
  );
}, 120_000);
