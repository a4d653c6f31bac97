/**
 * Audit of what already runs: the leader walks through all Pods now and then, and after policies have changed, judges them
 * as admission would, and keeps a report in each namespace. It refuses nothing and changes no workload.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { defined } from '../../kernel/defined.ts';
import type { Leadership } from '../../ports/leadership.ts';
import type { Policies } from '../../ports/policies.ts';
import type { PolicyReports } from '../../ports/policy-reports.ts';
import type { PassProgress, ScanProgress } from '../../ports/scan-progress.ts';
import { noSummary } from './decide.ts';
import { beginPass, noReports, type Pass, type PassPorts } from './pass.ts';

export interface ScanPorts extends PassPorts {
  readonly policies: Pick<Policies, 'current'>;
  /** Absent: there is one process, which leads. */
  readonly leadership?: Leadership;
}

export interface ScanSettings {
  readonly intervalMs: number;
  readonly imagesPerSecond: number;
  /** After a change of policies, and after the start; changes within it are taken together. */
  readonly settleMs: number;
  /** After a pass that failed. */
  readonly retryMs: number;
}

export const usualScanSettings: ScanSettings = {
  intervalMs: 60 * 60_000,
  imagesPerSecond: 10,
  settleMs: 60_000,
  retryMs: 60_000,
};

export interface Scanner {
  progress(): ScanProgress;
  /** Running images that each policy has a say about, by kind/name; undefined until a pass was complete. */
  matchedImages(): ReadonlyMap<string, number> | undefined;
  /** Breaks off what is under way. */
  close(): Promise<void>;
}

/** Between looks at whether it is time. */
const lookMs = 1_000;

/** Begins once policies have been in force for `settleMs`. */
export function startScanner(ports: ScanPorts, settings: ScanSettings = usualScanSettings): Scanner {
  return new RunningScanner(ports, settings);
}

/** A walk and the policies it began under. */
interface Work {
  readonly pass: Pass;
  readonly generation: string;
  readonly began: Date;
  isOver: boolean;
}

const nothingYet: PassProgress = { namespaces: { done: 0, total: 0 }, pods: 0, images: 0, summary: noSummary };

class RunningScanner implements Scanner {
  readonly #ports: ScanPorts;
  readonly #settings: ScanSettings;
  readonly #closing = new AbortController();
  readonly #stopped: Promise<void>;
  #work: Work | undefined;
  /** Policies as they are now, and since when. */
  #seen = { generation: '', since: 0 };
  /** When there is something to do without a change of policies. */
  #due = 0;
  #isScanning = false;
  #matched: ReadonlyMap<string, number> | undefined;
  #finishedAt: string | undefined;
  #problem: string | undefined;
  #hasSaidUnserved = false;

  constructor(ports: ScanPorts, settings: ScanSettings) {
    this.#ports = ports;
    this.#settings = settings;
    this.#stopped = this.#loop(this.#closing.signal);
  }

  progress(): ScanProgress {
    return {
      ...(this.#work?.pass.progress() ?? nothingYet),
      state: this.#isScanning ? 'scanning' : 'waiting',
      ...defined('startedAt', this.#work?.began.toISOString()),
      ...defined('finishedAt', this.#finishedAt),
      ...defined('problem', this.#problem),
    };
  }

  matchedImages(): ReadonlyMap<string, number> | undefined {
    return this.#matched;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#stopped;
  }

  async #loop(closed: AbortSignal): Promise<void> {
    const { clock, log } = this.#ports;
    while (!closed.aborted) {
      try {
        if (this.#isDue(clock.now().getTime())) await this.#asLeader(closed);
      } catch (error) {
        log.error({ err: error }, 'scan failed unexpectedly');
        this.#failed('it failed unexpectedly');
      }
      await sleep(Math.min(lookMs, this.#settings.settleMs), undefined, { signal: closed, ref: false }).catch(
        () => undefined,
      );
    }
  }

  #isDue(now: number): boolean {
    const generation = this.#ports.policies.current()?.generation;
    if (generation === undefined || !this.#leads()) return false;
    if (generation !== this.#seen.generation) this.#seen = { generation, since: now };
    if (now - this.#seen.since < this.#settings.settleMs) return false;
    const isNew = this.#work?.generation !== generation && this.#problem === undefined;
    return isNew || now >= this.#due;
  }

  #leads(): boolean {
    return this.#ports.leadership?.isLeader() ?? true;
  }

  /** Another leader's reports are not to be written over. */
  async #asLeader(closed: AbortSignal): Promise<void> {
    const deposed = new AbortController();
    const stop = this.#ports.leadership?.onChange(() => {
      if (!this.#leads()) deposed.abort();
    });
    this.#isScanning = true;
    try {
      await this.#scan(AbortSignal.any([closed, deposed.signal]));
    } finally {
      this.#isScanning = false;
      stop?.();
    }
  }

  async #scan(signal: AbortSignal): Promise<void> {
    const { log, clock, reports } = this.#ports;
    const served = await reports.served(signal);
    if (!served.ok) return this.#failed(served.failure.message);
    const work = this.#workFor(served.value, clock.now());
    log.info({ snapshot: work.generation, reports: served.value ?? 'none' }, 'scan begins');
    const ended = await work.pass.run(signal);
    const { summary, ...counts } = work.pass.progress();
    log.info({ ...counts, ...summary, ended: ended.ok ? ended.value : 'incomplete' }, 'scan ends');
    if (!ended.ok) return this.#failed(ended.failure.message);
    this.#problem = undefined;
    if (ended.value === 'broken-off') return;
    const now = clock.now();
    work.isOver = true;
    this.#due = now.getTime() + this.#settings.intervalMs;
    this.#finishedAt = now.toISOString();
    this.#matched = this.#counted(work.pass);
  }

  /** What was broken off, or has failed in part, goes on where it was, unless policies are others by now. */
  #workFor(served: string | undefined, now: Date): Work {
    const { generation } = this.#seen;
    const { intervalMs } = this.#settings;
    const known = this.#work;
    const isOld = known === undefined || known.isOver || now.getTime() - known.began.getTime() > intervalMs;
    if (!isOld && known.generation === generation) return known;
    const reports = served === undefined ? this.#withoutReports() : this.#ports.reports;
    const pass = beginPass({ ...this.#ports, reports }, { ...this.#settings, removesOthers: true });
    this.#work = { pass, generation, began: now, isOver: false };
    return this.#work;
  }

  #withoutReports(): PolicyReports {
    if (!this.#hasSaidUnserved) {
      const message =
        'the API server serves neither openreports.io nor wgpolicyk8s.io: what runs is counted, and no report is written';
      this.#ports.log.warn({}, message);
    }
    this.#hasSaidUnserved = true;
    return noReports;
  }

  #failed(reason: string): void {
    if (this.#problem !== reason) this.#ports.log.warn({ reason }, 'scan incomplete; it is tried again');
    this.#problem = reason;
    this.#due = this.#ports.clock.now().getTime() + this.#settings.retryMs;
  }

  /** Policies that nothing was held against are counted, too: nothing of it runs. */
  #counted(pass: Pass): ReadonlyMap<string, number> {
    const { policies = [], actionPolicies = [] } = this.#ports.policies.current() ?? {};
    const names = [
      ...policies.map(({ name }) => `ClusterImagePolicy/${name}`),
      ...actionPolicies.map(({ name }) => `ActionPolicy/${name}`),
    ];
    return new Map([...names.map((name) => [name, 0] as const), ...pass.matched()]);
  }
}
