/**
 * Brings decisions from the decision log to the store. It never gives up: while the store is away the log keeps them, and
 * what was sent without an answer is sent again, since the store takes nothing twice. It must not hold up admissions.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { Records } from '../ports/records.ts';
import { sameWriter } from './chain.ts';
import { backOff, type Pauses } from './back-off.ts';
import type { Spool, SpoolBatch } from './spool.ts';

export interface DeliveryMetrics {
  delivered(count: number): void;
  /** A try that failed; it is tried again. */
  failed(): void;
  /** Decisions that never come to the store: lines that are no records, places that others have taken, files removed too early. */
  lost(why: 'unreadable' | 'malformed' | 'tampered' | 'removed', count: number): void;
  /** Bytes of the log that wait. */
  backlog(bytes: number): void;
}

export interface DeliveryPorts {
  readonly spool: Spool;
  readonly records: Pick<Records, 'add' | 'positions'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: DeliveryMetrics;
}

export interface DeliverySettings {
  /** Milliseconds between looks at a log that had nothing new. */
  readonly pollMs: number;
  readonly pauses: Pauses;
}

export interface DeliveryState {
  readonly backlogBytes: number;
  /** When everything that was written had been delivered. */
  readonly lastComplete?: Date;
  /** Why nothing is delivered at present. */
  readonly problem?: string;
}

export interface Delivery {
  state(): DeliveryState;
  /** Delivers what is there, for at most so long. */
  close(graceMs: number): Promise<void>;
}

const usual: DeliverySettings = { pollMs: 250, pauses: { firstMs: 200, longestMs: 30_000 } };
/** Often enough when somebody waits for the end. */
const closingPauses: Pauses = { firstMs: 100, longestMs: 500 };

export function deliver(ports: DeliveryPorts, settings: DeliverySettings = usual): Delivery {
  const running = new RunningDelivery(ports, settings);
  running.start();
  return running;
}

class RunningDelivery implements Delivery {
  readonly #ports: DeliveryPorts;
  readonly #settings: DeliverySettings;
  #state: DeliveryState = { backlogBytes: 0 };
  #work: Promise<void> = Promise.resolve();
  /** Ends the present pause. */
  #pause = new AbortController();
  #isClosing = false;
  #mustStop = false;
  #failures = 0;
  /** The store has what the cursor says that it has. */
  #isAgreed = false;

  constructor(ports: DeliveryPorts, settings: DeliverySettings) {
    this.#ports = ports;
    this.#settings = settings;
  }

  start(): void {
    this.#work = this.#run();
  }

  state(): DeliveryState {
    return this.#state;
  }

  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    this.#pause.abort();
    const grace = new AbortController();
    const late = sleep(graceMs, undefined, { signal: grace.signal }).catch(() => undefined);
    await Promise.race([this.#work, late]);
    grace.abort();
    this.#mustStop = true;
    this.#pause.abort();
    const { backlogBytes } = this.#state;
    if (backlogBytes > 0) this.#ports.log.warn({ backlogBytes }, 'decisions are delivered after the next start');
  }

  async #run(): Promise<void> {
    let isDone = false;
    while (!isDone && !this.#mustStop) {
      // What was written before closing is read by a look that began after it.
      const isClosing = this.#isClosing;
      const outcome = await this.#step();
      isDone = isClosing && outcome === 'complete';
      await this.#rest(outcome);
    }
    await this.#ports.spool.close();
  }

  async #rest(outcome: Outcome): Promise<void> {
    if (outcome === 'delivered' || this.#mustStop || (this.#isClosing && outcome === 'complete')) return;
    const pauses = this.#isClosing ? closingPauses : this.#settings.pauses;
    const ms = outcome === 'complete' ? this.#settings.pollMs : backOff(pauses, this.#failures);
    this.#pause = new AbortController();
    await sleep(ms, undefined, { signal: this.#pause.signal }).catch(() => undefined);
  }

  /** Never rejects. */
  async #step(): Promise<Outcome> {
    const { spool, clock } = this.#ports;
    try {
      if (!this.#isAgreed && !(await this.#agree())) return 'failed';
      const batch = await spool.read();
      this.#report(batch);
      if (batch.records.length + batch.unreadable.length === 0) {
        this.#succeeded({ backlogBytes: 0, lastComplete: clock.now() });
        return 'complete';
      }
      if (!(await this.#add(batch))) return 'failed';
      await spool.advance();
      this.#succeeded({ ...this.#state, backlogBytes: await spool.backlog() });
      return 'delivered';
    } catch (error) {
      await this.#failed(error instanceof Error ? error.message : 'the decision log cannot be read');
      return 'failed';
    }
  }

  /** A store that was put back to an earlier state, or is another one, gets everything that is still here. */
  async #agree(): Promise<boolean> {
    const { spool, records, log } = this.#ports;
    const positions = await records.positions();
    if (!positions.ok) return this.#failed(positions.failure.message);
    const head = await spool.delivered();
    const stored = head && positions.value.find(({ writer }) => sameWriter(writer, head.writer));
    if (head !== undefined && (stored?.last ?? 0) < head.sequence) {
      log.warn({ head, stored: stored?.last ?? 0 }, 'the store lacks decisions that it had: they are delivered again');
      await spool.rewind();
    }
    this.#isAgreed = true;
    return true;
  }

  async #add({ records }: SpoolBatch): Promise<boolean> {
    if (records.length === 0) return true;
    const { metrics, log } = this.#ports;
    const added = await this.#ports.records.add(records);
    if (!added.ok) return this.#failed(added.failure.message);
    metrics.delivered(added.value.added);
    for (const { writer, sequence, why, message } of added.value.refused ?? []) {
      metrics.lost(why, 1);
      log.error({ writer, sequence, reason: message }, 'decision refused by the store');
    }
    return true;
  }

  #report({ unreadable, lost }: SpoolBatch): void {
    // The same batch comes again after a failure.
    if (this.#failures > 0) return;
    const { metrics, log } = this.#ports;
    for (const line of unreadable) log.error(line, 'line of the decision log is no decision');
    if (unreadable.length > 0) metrics.lost('unreadable', unreadable.length);
    if (lost === 0) return;
    metrics.lost('removed', lost);
    log.error({ lost }, 'decisions were removed from the decision log before they were delivered');
  }

  #succeeded(state: DeliveryState): void {
    if (this.#failures > 0) this.#ports.log.info({ failures: this.#failures }, 'decisions are delivered again');
    this.#failures = 0;
    const { problem: _over, ...rest } = state;
    this.#state = rest;
    this.#ports.metrics.backlog(rest.backlogBytes);
  }

  async #failed(problem: string): Promise<false> {
    const { log, metrics, spool } = this.#ports;
    this.#failures += 1;
    // It may come back with less than it had.
    this.#isAgreed = false;
    if (this.#state.problem !== problem) log.error({ problem }, 'decisions cannot be delivered; they wait in the log');
    this.#state = { ...this.#state, problem };
    metrics.failed();
    const backlogBytes = await spool.backlog().catch(() => this.#state.backlogBytes);
    this.#state = { ...this.#state, backlogBytes };
    metrics.backlog(backlogBytes);
    return false;
  }
}

type Outcome = 'delivered' | 'complete' | 'failed';
