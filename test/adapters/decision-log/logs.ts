/** Decision logs in folders of their own, and what tests do to their files. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decisionLogFiles } from '../../../src/adapters/decision-log/lines.ts';
import type { Disk } from '../../../src/adapters/decision-log/log-file.ts';
import { openDecisionLog, type OpenDecisionLog } from '../../../src/adapters/decision-log/open-decision-log.ts';
import { verifyDecisionLog, type Verification } from '../../../src/adapters/decision-log/verify-decision-log.ts';
import type { Decision } from '../../../src/ports/decision-log.ts';

export function decision(change: Partial<Decision> = {}): Decision {
  return {
    v: 1,
    time: '2026-03-01T12:00:00.000Z',
    correlationId: 'c-1',
    phase: 'validate',
    verdict: 'refuse',
    uid: 'u-1',
    operation: 'CREATE',
    user: 'jane',
    kind: 'Pod',
    namespace: 'shop',
    name: 'web',
    images: [{ field: 'spec.containers[0].image', image: 'registry.example/web:1', policies: ['signed'] }],
    reasons: [{ code: 'SIGNATURE_MISSING', message: 'There is no signature.', policy: 'signed' }],
    durationMs: 12,
    ...change,
  };
}

interface Opening {
  readonly writerId?: string;
  readonly maxBytes?: number;
  readonly maxFiles?: number;
  readonly disk?: Disk;
  readonly file?: string;
}

export class LogFolder {
  readonly folder: string;
  readonly file: string;
  readonly messages: string[] = [];
  /** Seconds since the epoch; moves on with every opening, so that every chain has a name of its own. */
  now = Date.parse('2026-03-01T12:00:00Z');
  readonly #opened: OpenDecisionLog[] = [];

  private constructor(folder: string) {
    this.folder = folder;
    this.file = join(folder, 'decisions.jsonl');
  }

  static async make(): Promise<LogFolder> {
    return new LogFolder(await mkdtemp(join(tmpdir(), 'decisions-')));
  }

  async open({ writerId = 'pod-a', disk, ...settings }: Opening = {}): Promise<OpenDecisionLog> {
    this.now += 1000;
    const note = (_fields: unknown, message: string): void => void this.messages.push(message);
    const log = await openDecisionLog(
      {
        clock: { now: () => new Date(this.now) },
        log: { info: note, warn: note, error: note },
        ...(disk === undefined ? {} : { disk }),
      },
      { file: this.file, writerId, maxBytes: 1e9, maxFiles: 100, ...settings },
    );
    this.#opened.push(log);
    return log;
  }

  /** A log of one writer with `count` records, closed. */
  async write(count: number, opening: Opening = {}): Promise<void> {
    const log = await this.open(opening);
    for (let number = 1; number <= count; number += 1) {
      const appended = await log.append(decision({ uid: `u-${number}`, name: `pod-${number}` }));
      if (!appended.ok) throw new Error(appended.failure.message);
    }
    await log.close();
  }

  /** Lines of the file that is written to, without line feeds. */
  async lines(file = this.file): Promise<readonly string[]> {
    return (await readFile(file, 'utf8')).split('\n').slice(0, -1);
  }

  async replaceLines(lines: readonly string[], file = this.file): Promise<void> {
    await writeFile(file, lines.map((line) => `${line}\n`).join(''));
  }

  async records(): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const lines: string[] = [];
    for (const file of await this.files()) lines.push(...(await this.lines(file)));
    // Written by the log itself, one object per line.
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  files(): Promise<readonly string[]> {
    return decisionLogFiles(this.file);
  }

  async verify(): Promise<Verification> {
    return verifyDecisionLog(await this.files());
  }

  async remove(): Promise<void> {
    await Promise.all(this.#opened.map((log) => log.close()));
    await rm(this.folder, { recursive: true, force: true });
  }
}
