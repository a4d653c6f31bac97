/**
 * Leader election through a Lease, with the times of Kubernetes' own controllers. Nobody compares clocks: a candidate takes
 * a lease that it has itself seen unchanged for as long as it lasts, and a leader that could not renew has stopped well
 * before that. So at most one leads, also while the API server is away.
 *
 * Stricter than client-go in one thing: a lease that was deleted or given away by hand says nothing about whoever led until
 * now and may not have noticed. Whoever claims such a lease waits out its duration before leading.
 */
import { randomUUID } from 'node:crypto';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Leadership } from '../../ports/leadership.ts';
import type { Logger } from '../../ports/logger.ts';
import type { ApiFailure } from './bounded-call.ts';
import { kubernetesLease, type Lease, type LeaseStore } from './lease-store.ts';

export interface LeaseTiming {
  /** For how long nobody takes a lease that is not renewed. */
  readonly leaseMs: number;
  /** After so long without a renewal the leader stops leading; shorter than `leaseMs`. */
  readonly renewMs: number;
  readonly retryMs: number;
}

export interface LeadershipSettings {
  readonly kubeConfig: KubeConfig;
  readonly namespace: string;
  readonly name: string;
  /** For people; made unique here. */
  readonly identity: string;
  readonly log: Logger;
  readonly timing?: LeaseTiming;
}

export interface OwnLeadership extends Leadership {
  /** Stops leading and lets others lead at once. */
  close(): Promise<void>;
}

/** As kube-controller-manager has them. */
export const usualTiming: LeaseTiming = { leaseMs: 15_000, renewMs: 10_000, retryMs: 2_000 };
/** Someone may have written any number into the lease. */
const longestLeaseMs = 60_000;
/** Duration of a lease that its holder gave up in good order; client-go writes the same. */
const releasedSeconds = 1;

export function leadership(settings: LeadershipSettings): OwnLeadership {
  const { timing = usualTiming, identity, log } = settings;
  const store = kubernetesLease({ ...settings, deadlineMs: Math.ceil(timing.renewMs / 3) });
  return elect(store, { identity: `${identity}_${randomUUID()}`, timing, log });
}

interface Candidacy {
  readonly identity: string;
  readonly timing: LeaseTiming;
  readonly log: Logger;
}

/** What to do about a lease. "claim" is to take it without leading yet. */
type Step = 'take' | 'claim' | 'renew' | 'stand back';

export function elect(store: LeaseStore, candidacy: Candidacy): OwnLeadership {
  return new Elector(store, candidacy);
}

class Elector implements OwnLeadership {
  readonly #store: LeaseStore;
  readonly #candidacy: Candidacy;
  readonly #listeners = new Set<() => void>();
  readonly #running: Promise<void>;
  #isClosing = false;
  #wake: () => void = () => undefined;
  #expiry: NodeJS.Timeout | undefined;

  /** The lease as last seen, and since when it is like that. */
  #seen: { readonly lease: Lease | undefined; readonly since: number } | undefined;
  /** The version that we wrote last. */
  #written: string | undefined;
  /** What we hold counts from here on. */
  #leadsFrom = Infinity;
  #leadsUntil = -Infinity;
  #wasTold = false;
  #lastProblem: string | undefined;

  constructor(store: LeaseStore, candidacy: Candidacy) {
    this.#store = store;
    this.#candidacy = candidacy;
    this.#running = this.#run();
  }

  /** By the time, not by a timer: those are late when the process was stopped or busy. */
  isLeader(): boolean {
    const now = performance.now();
    return now >= this.#leadsFrom && now < this.#leadsUntil;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#wake();
    await this.#running;
    const held = this.#seen?.lease;
    // Only what was led is given up in good order: a claim does not know whether somebody else still leads.
    const isOurs = this.isLeader() && held !== undefined && held.version === this.#written;
    this.#stopLeading();
    if (isOurs) await this.#store.replace(held, { holder: '', durationSeconds: releasedSeconds });
  }

  async #run(): Promise<void> {
    while (!this.#isClosing) {
      await this.#round();
      this.#tell();
      if (!this.#isClosing) await this.#pause(this.#candidacy.timing.retryMs);
    }
  }

  async #round(): Promise<void> {
    const found = await this.#store.read();
    if (!found.ok) return this.#report(found.failure);
    this.#see(found.value);
    const step = this.#stepFor(found.value);
    if (step !== 'renew') this.#stopLeading();
    if (step === 'stand back') return this.#report(undefined);
    await this.#write(found.value, step);
  }

  #see(lease: Lease | undefined): void {
    if (this.#seen !== undefined && this.#seen.lease?.version === lease?.version) return;
    this.#seen = { lease, since: performance.now() };
  }

  #stepFor(lease: Lease | undefined): Step {
    const { identity, timing } = this.#candidacy;
    if (lease === undefined) return 'claim';
    if (lease.holder === identity) {
      // An unanswered renewal may have arrived all the same.
      return lease.version === this.#written || this.isLeader() ? 'renew' : 'claim';
    }
    if (lease.holder === '') return lease.durationSeconds === releasedSeconds ? 'take' : 'claim';
    const lasts = Math.max(timing.leaseMs, Math.min(lease.durationSeconds * 1_000, longestLeaseMs));
    return performance.now() - (this.#seen?.since ?? Infinity) >= lasts ? 'take' : 'stand back';
  }

  async #write(lease: Lease | undefined, step: 'take' | 'claim' | 'renew'): Promise<void> {
    const { identity, timing } = this.#candidacy;
    const spec = { holder: identity, durationSeconds: Math.ceil(timing.leaseMs / 1_000) };
    // Others count from when they see the renewal, which is later than now.
    const sent = performance.now();
    const answer = await (lease === undefined ? this.#store.create(spec) : this.#store.replace(lease, spec));
    // 409: another candidate was faster, or somebody edited; the next round sees what there is.
    if (!answer.ok) return this.#report(answer.failure.status === 409 ? undefined : answer.failure);
    this.#report(undefined);
    this.#written = answer.value.version;
    this.#see(answer.value);
    if (step === 'claim') this.#leadsFrom = performance.now() + timing.leaseMs;
    if (step === 'take') this.#leadsFrom = sent;
    this.#leadsUntil = sent + timing.renewMs;
  }

  #stopLeading(): void {
    this.#leadsFrom = Infinity;
    this.#leadsUntil = -Infinity;
    this.#tell();
  }

  #tell(): void {
    clearTimeout(this.#expiry);
    const isLeader = this.isLeader();
    if (isLeader) this.#expiry = setTimeout(() => this.#tell(), this.#leadsUntil - performance.now() + 1).unref();
    if (isLeader === this.#wasTold) return;
    this.#wasTold = isLeader;
    this.#candidacy.log.info(
      { identity: this.#candidacy.identity },
      isLeader ? 'this replica leads' : 'this replica does not lead any more',
    );
    for (const listener of this.#listeners) listener();
  }

  /** Once per problem. */
  #report(failed: ApiFailure | undefined): void {
    const problem = failed?.message;
    if (problem !== undefined && problem !== this.#lastProblem) {
      this.#candidacy.log.warn({ reason: problem }, 'leader election does not get on');
    }
    this.#lastProblem = problem;
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms).unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
