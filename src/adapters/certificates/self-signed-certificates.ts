/**
 * A CA and serving certificates made here, for installations that bring none. Certificates are renewed long before they
 * end. A new CA is published beside the old one weeks before anything is signed with it, so that clients that follow
 * `ca` trust it in time.
 */
import { X509Certificate } from 'node:crypto';
import { fail, ok, type Result } from '../../kernel/result.ts';
import type { CertificateSource, ServingCertificate } from '../../ports/certificates.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import { dayMs, issueServing, makeAuthority, servingDays, type KeyPair } from './authority.ts';
import { loadAuthorities, saveAuthorities } from './authority-store.ts';
import { Listeners } from './listeners.ts';

/** A successor is made when the newest CA has fewer days left, so that it is always older than `publishDays` when needed. */
const successorDays = 150;
const publishDays = 30;
const renewDays = servingDays / 3;
const checkMs = 6 * 3600 * 1000;

export interface SelfSignedPorts {
  readonly clock: Clock;
  readonly log: Logger;
}

export interface SelfSignedSettings {
  /** DNS names and IP addresses. */
  readonly names: readonly string[];
  /** Keeps the CA across restarts. One process per folder. */
  readonly folder?: string;
}

export interface SelfSignedCertificates extends CertificateSource {
  /** Every CA that clients should trust, PEM. */
  caPem(): string;
  /** What the timer does; for tests with a clock of their own. */
  renewIfDue(): Promise<void>;
}

/** The failure is a sentence for whoever starts the program. */
export async function selfSignedCertificates(
  ports: SelfSignedPorts,
  settings: SelfSignedSettings,
): Promise<Result<SelfSignedCertificates, string>> {
  const stored = settings.folder === undefined ? ok([]) : await loadAuthorities(settings.folder);
  if (!stored.ok) return stored;
  try {
    return ok(await Rotation.start(ports, settings, stored.value));
  } catch (error) {
    return fail(`the CA cannot be kept in ${settings.folder}: ${error instanceof Error ? error.message : 'unknown'}`);
  }
}

class Rotation implements SelfSignedCertificates {
  readonly #ports: SelfSignedPorts;
  readonly #settings: SelfSignedSettings;
  readonly #listeners = new Listeners();
  readonly #timer: NodeJS.Timeout;
  /** Oldest first, none expired. */
  #authorities: readonly KeyPair[];
  #serving: KeyPair;

  static async start(
    ports: SelfSignedPorts,
    settings: SelfSignedSettings,
    stored: readonly KeyPair[],
  ): Promise<Rotation> {
    const now = ports.clock.now();
    const authorities = await currentAuthorities(stored, now);
    if (settings.folder !== undefined) await saveAuthorities(settings.folder, authorities);
    const serving = await issueServing(signer(authorities, now), settings.names, now);
    return new Rotation(ports, settings, authorities, serving);
  }

  private constructor(
    ports: SelfSignedPorts,
    settings: SelfSignedSettings,
    authorities: readonly KeyPair[],
    serving: KeyPair,
  ) {
    this.#ports = ports;
    this.#settings = settings;
    this.#authorities = authorities;
    this.#serving = serving;
    this.#timer = setInterval(() => void this.#renewQuietly(), checkMs).unref();
  }

  current(): ServingCertificate {
    return { ...this.#serving, ca: this.caPem() };
  }

  caPem(): string {
    return this.#authorities.map(({ cert }) => `${cert.trim()}\n`).join('');
  }

  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async renewIfDue(): Promise<void> {
    const now = this.#ports.clock.now();
    const authorities = await currentAuthorities(this.#authorities, now);
    const isChanged = authorities.some((pair) => !this.#authorities.includes(pair));
    const isDue = daysLeft(this.#serving, now) < renewDays;
    if (!isChanged && !isDue) return;
    if (isChanged && this.#settings.folder !== undefined) await saveAuthorities(this.#settings.folder, authorities);
    if (isDue) this.#serving = await issueServing(signer(authorities, now), this.#settings.names, now);
    this.#authorities = authorities;
    this.#ports.log.info({ authority: isChanged, serving: isDue }, 'certificates renewed');
    this.#listeners.notify();
  }

  /** The next round tries again; there are weeks left. */
  async #renewQuietly(): Promise<void> {
    await this.renewIfDue().catch((error: unknown) =>
      this.#ports.log.error({ err: error }, 'certificates cannot be renewed'),
    );
  }
}

/** The same array members when nothing is due. */
async function currentAuthorities(known: readonly KeyPair[], now: Date): Promise<readonly KeyPair[]> {
  const valid = known.filter((authority) => daysLeft(authority, now) > 0);
  const newest = valid.at(-1);
  const isDue = newest === undefined || daysLeft(newest, now) < successorDays;
  return isDue ? [...valid, await makeAuthority(now)] : valid;
}

/** The newest CA that clients have had time to learn of; else the oldest there is. */
function signer(authorities: readonly KeyPair[], now: Date): KeyPair {
  const published = authorities.filter(({ cert }) => {
    return now.getTime() - new X509Certificate(cert).validFromDate.getTime() > publishDays * dayMs;
  });
  const found = published.at(-1) ?? authorities[0];
  if (found === undefined) throw new Error('there is always an authority');
  return found;
}

function daysLeft({ cert }: KeyPair, now: Date): number {
  return (new X509Certificate(cert).validToDate.getTime() - now.getTime()) / dayMs;
}
