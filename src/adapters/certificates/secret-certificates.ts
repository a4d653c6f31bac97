/**
 * The serving certificate that all replicas share, as each of them follows it: read from the Secret again and again, by
 * name. A Secret that is gone or damaged changes nothing here: the last good certificate stays while the leader repairs.
 * Only a replica that has no certificate at all makes one, and only where there is none or one of ours that nobody repairs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fail, ok, type Result } from '../../kernel/result.ts';
import type { CertificateSource, ServingCertificate } from '../../ports/certificates.ts';
import type { CertificateStore, SharedCertificates, StoredCertificates } from '../../ports/certificate-store.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import { Listeners } from './listeners.ts';

export interface SecretCertificatesPorts {
  readonly store: CertificateStore;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface SecretCertificatesTiming {
  /** Milliseconds between looks. */
  readonly pollMs: number;
  /** For how long a start waits for the API server. */
  readonly startMs: number;
  /** How long a leader has for the repair before a replica without a certificate does it. */
  readonly repairMs: number;
}

const usualFollowing: SecretCertificatesTiming = { pollMs: 10_000, startMs: 60_000, repairMs: 20_000 };

export interface SecretCertificates extends CertificateSource {
  /** What is in use, for whoever renews it. */
  shared(): SharedCertificates;
  /** Sentences for readiness: what keeps the Secret from being followed, or the certificate from being believed. */
  warnings(): readonly string[];
  /** Reads the Secret now. */
  look(): Promise<void>;
}

/** Waits for a certificate; the failure is a sentence for whoever starts the program. */
export async function secretCertificates(
  ports: SecretCertificatesPorts,
  title: string,
  timing: SecretCertificatesTiming = usualFollowing,
): Promise<Result<SecretCertificates, string>> {
  const began = performance.now();
  let problem = 'there was no time to read it';
  while (performance.now() - began < timing.startMs) {
    const mayRepair = performance.now() - began >= timing.repairMs;
    const first = await firstCertificates(ports, mayRepair);
    if (first.ok) return ok(new Following(ports, title, timing.pollMs, first.value));
    problem = first.failure;
    await sleep(Math.min(1_000, timing.pollMs));
  }
  return fail(sentence(title, problem));
}

/** The failure is a reason to try again. */
async function firstCertificates(
  { store, clock, log }: SecretCertificatesPorts,
  mayRepair: boolean,
): Promise<Result<SharedCertificates, string>> {
  const read = await store.read();
  if (!read.ok) return fail(read.failure.message);
  const { stored } = read.value;
  if (stored.kind === 'shared') return ok(stored);
  const problem = problemOf(stored);
  if (stored.kind === 'foreign' || (stored.kind === 'damaged' && !mayRepair)) return fail(problem);
  // Of replicas that start together one is first; the others read what it has made.
  const made = await store.apply(stored, { kind: 'start over' }, clock.now());
  if (!made.ok) return fail(made.failure.message);
  log.info({ made: made.value, because: stored.kind }, 'first certificates');
  const again = await store.read();
  if (!again.ok) return fail(again.failure.message);
  return again.value.stored.kind === 'shared' ? ok(again.value.stored) : fail(problemOf(again.value.stored));
}

class Following implements SecretCertificates {
  readonly #ports: SecretCertificatesPorts;
  readonly #title: string;
  readonly #listeners = new Listeners();
  readonly #poll: NodeJS.Timeout;
  #shared: SharedCertificates;
  #problem: string | undefined;
  #looking: Promise<void> | undefined;

  constructor(ports: SecretCertificatesPorts, title: string, pollMs: number, first: SharedCertificates) {
    this.#ports = ports;
    this.#title = title;
    this.#shared = first;
    this.#poll = setInterval(() => void this.look(), pollMs).unref();
  }

  current(): ServingCertificate {
    const { serving, authorities } = this.#shared;
    return { cert: serving.cert, key: serving.key, ca: authorities.map(({ cert }) => cert).join('') };
  }

  shared(): SharedCertificates {
    return this.#shared;
  }

  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  close(): void {
    clearInterval(this.#poll);
  }

  warnings(): readonly string[] {
    const { serving } = this.#shared;
    const now = this.#ports.clock.now().getTime();
    const ended = serving.notAfter <= now ? [sentence(this.#title, 'the serving certificate in use has ended')] : [];
    const early = serving.notBefore > now ? [sentence(this.#title, 'the certificate in use is not valid yet')] : [];
    return [...(this.#problem === undefined ? [] : [sentence(this.#title, this.#problem)]), ...ended, ...early];
  }

  /** One at a time: an answer that was overtaken must not count. */
  async look(): Promise<void> {
    while (this.#looking !== undefined) await this.#looking;
    this.#looking = this.#lookOnce().finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
  }

  async #lookOnce(): Promise<void> {
    const read = await this.#ports.store.read();
    const stored = read.ok ? read.value.stored : undefined;
    const problem = read.ok ? problemOf(read.value.stored) : read.failure.message;
    if (stored?.kind !== 'shared') return this.#report(problem);
    this.#report(undefined);
    if (stored.version === this.#shared.version) return;
    this.#shared = stored;
    this.#listeners.notify();
  }

  #report(problem: string | undefined): void {
    if (problem !== undefined && problem !== this.#problem) {
      this.#ports.log.warn({ reason: sentence(this.#title, problem) }, 'the serving certificate in use stays');
    }
    this.#problem = problem;
  }
}

function problemOf(stored: StoredCertificates): string {
  switch (stored.kind) {
    case 'shared':
      return '';
    case 'absent':
      return 'it is gone; the leader makes another one';
    case 'damaged':
      return `${stored.why}; the leader replaces what is in it`;
    case 'foreign':
      return (
        `${stored.why}, so it belongs to somebody else and is neither used nor overwritten: ` +
        'delete it, or give it the label to have its content replaced'
      );
  }
}

function sentence(title: string, problem: string): string {
  return `${title}: ${problem}`;
}
