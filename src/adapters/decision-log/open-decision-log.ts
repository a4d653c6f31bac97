/**
 * The decision log: JSON lines, chained by hash, in one file that is rotated by size. A decision is in the hands of the
 * operating system before its answer leaves. What arrives while a write is under way is written by the next one. When
 * writing fails, nothing of it counts: the chain stays where it was, the log says that it is not ready, and tries again.
 * docs/decisions/0006-decision-log.md
 */
import { failure } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import type { Decision, DecisionLog } from '../../ports/decision-log.ts';
import { boundedJson } from './bounded-decision.ts';
import { chainLine, startOf, type Head, type LogNotes } from '../../records/chain.ts';
import type { Committed } from './log-file.ts';
import { RotatingLog, type DecisionLogPorts, type RotationSettings } from './rotating-log.ts';

export interface DecisionLogSettings extends RotationSettings {
  /** Who writes, e.g. the Pod's name; with the time of opening it names the chain. */
  readonly writerId: string;
}

export interface OpenDecisionLog extends DecisionLog {
  /** Why nothing can be written at present; for readiness. */
  problem(): string | undefined;
  /** How far the file that is written to may be read: what comes after may be cut off again. */
  committed(): Committed | undefined;
  /** Writes what is waiting and closes the file. */
  close(): Promise<void>;
}

const maxWaiting = 4096;
const maxBatch = 512;
const probeMilliseconds = 5000;
/** What a line has beside the decision, without notes. */
const placeBytes = 320;

interface Waiting {
  readonly decision: Decision;
  readonly settle: (result: Result<void>) => void;
}

interface Outage {
  readonly since: string;
  readonly why: string;
  readonly lost: number;
  /** A probe has succeeded since; the next decision will show. */
  readonly mayBeOver: boolean;
}

/** Never rejects: a log that cannot be written is not ready, says why, and recovers by itself. */
export async function openDecisionLog(
  ports: DecisionLogPorts,
  settings: DecisionLogSettings,
): Promise<OpenDecisionLog> {
  const log = new ChainedLog(ports, settings);
  await log.probe();
  return log;
}

class ChainedLog implements OpenDecisionLog {
  readonly #ports: DecisionLogPorts;
  readonly #files: RotatingLog;
  readonly #timer: NodeJS.Timeout;
  #head: Head;
  #waiting: Waiting[] = [];
  /** The one write or probe under way; never rejects. */
  #work: Promise<void> | undefined;
  #outage: Outage | undefined;
  #isClosed = false;

  constructor(ports: DecisionLogPorts, settings: DecisionLogSettings) {
    this.#ports = ports;
    this.#files = new RotatingLog(ports, settings);
    this.#head = startOf({ id: settings.writerId, startedAt: ports.clock.now().toISOString() });
    this.#timer = setInterval(() => void this.#retry(), probeMilliseconds).unref();
  }

  problem(): string | undefined {
    return this.#outage?.mayBeOver === false ? this.#outage.why : undefined;
  }

  committed(): Committed | undefined {
    return this.#files.committed;
  }

  append(decision: Decision): Promise<Result<void>> {
    if (this.#isClosed) return Promise.resolve(fail(unavailable('it is closed')));
    if (this.#waiting.length >= maxWaiting) {
      return Promise.resolve(fail(unavailable(`${maxWaiting} decisions are waiting to be written`)));
    }
    return new Promise((settle) => {
      this.#waiting.push({ decision, settle });
      this.#work ??= this.#drain();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    // A probe is followed by what was decided meanwhile.
    while (this.#work !== undefined) await this.#work;
    await this.#files.close();
    this.#ports.log.info({ head: this.#head }, 'decision log closed');
  }

  async #drain(): Promise<void> {
    // After the current round of I/O callbacks, so that everything decided in it goes into one write.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, maxBatch);
      const result = await this.#write(batch.map(({ decision }) => decision));
      for (const { settle } of batch) settle(result);
    }
    this.#work = undefined;
  }

  async #write(decisions: readonly Decision[]): Promise<Result<void>> {
    try {
      const texts = decisions.map(boundedJson);
      await this.#files.prepare(texts.reduce((sum, text) => sum + text.length + placeBytes, 0));
      const { bytes, head } = this.#chain(texts);
      await this.#files.append(bytes);
      this.#head = head;
    } catch (error) {
      this.#failed(error, decisions.length);
      return fail(unavailable(this.#outage?.why ?? ''));
    }
    this.#recovered();
    return ok(undefined);
  }

  #chain(texts: readonly string[]): { readonly bytes: Buffer; readonly head: Head } {
    let head = this.#head;
    const lines = texts.map((text, index) => {
      const chained = chainLine(text, head, index === 0 ? this.#notes() : undefined);
      head = chained.head;
      return chained.line;
    });
    return { bytes: Buffer.from(lines.join('')), head };
  }

  #notes(): LogNotes {
    const { lost = 0, since = '' } = this.#outage ?? {};
    return lost > 0 ? { ...this.#files.notes, lost: { decisions: lost, since } } : this.#files.notes;
  }

  async #retry(): Promise<void> {
    if (this.#outage === undefined || this.#work !== undefined) return;
    this.#work = this.probe();
    await this.#work;
    this.#work = this.#waiting.length > 0 ? this.#drain() : undefined;
  }

  async probe(): Promise<void> {
    try {
      await this.#files.probe();
      if (this.#outage !== undefined) this.#outage = { ...this.#outage, mayBeOver: true };
    } catch (error) {
      this.#failed(error, 0);
    }
  }

  #failed(error: unknown, lost: number): void {
    const why = error instanceof Error ? error.message : 'the file cannot be written';
    if (this.#outage === undefined) this.#ports.log.error({ err: error }, 'decision log cannot be written');
    const since = this.#outage?.since ?? this.#ports.clock.now().toISOString();
    this.#outage = { since, why, lost: (this.#outage?.lost ?? 0) + lost, mayBeOver: false };
  }

  #recovered(): void {
    if (this.#outage === undefined) return;
    this.#ports.log.warn({ since: this.#outage.since, lost: this.#outage.lost }, 'decision log is written again');
    this.#outage = undefined;
  }
}

function unavailable(why: string): ReturnType<typeof failure> {
  return failure('DECISION_LOG_UNAVAILABLE', `The decision log cannot be written: ${why}.`, 10);
}
