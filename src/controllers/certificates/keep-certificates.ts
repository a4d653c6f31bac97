/**
 * Keeps what lets the API server reach and believe us: the shared certificates, and the way to us in our webhook
 * configurations. Every replica looks, so that each can say what is wrong; only the leader writes. The one exception is a
 * caBundle that is still empty, which the first replica fills at once: nothing can be lost by that, and an installation
 * does not wait for an election.
 */
import type { CertificateStore, SharedAuthority, SharedCertificates } from '../../ports/certificate-store.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Events } from '../../ports/events.ts';
import type { Leadership } from '../../ports/leadership.ts';
import type { Logger } from '../../ports/logger.ts';
import type {
  ConfigurationName,
  WebhookConfiguration,
  WebhookConfigurations,
} from '../../ports/webhook-configurations.ts';
import { decideRotation, type RotationSettings } from './decide.ts';
import { expectedWebhooks, judgeConfiguration, type Judgement, type OwnService } from './judge-configuration.ts';
import { convertedDefinition, judgeConversion } from './judge-conversion.ts';
import { caBundleOf, publication } from './publication.ts';

/** Certificates that replicas share; absent when somebody else makes them, who then writes caBundle as well. */
export interface OwnCertificates {
  readonly store: CertificateStore;
  readonly source: {
    shared(): SharedCertificates;
    look(): Promise<void>;
    onChange(listener: () => void): () => void;
  };
  readonly rotation: RotationSettings;
}

export interface KeepCertificatesPorts {
  readonly configurations: WebhookConfigurations;
  readonly leadership: Leadership;
  readonly events: Events;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface KeepCertificatesSettings {
  readonly service: OwnService;
  /** "everything" also puts back what an administrator may have changed on purpose, e.g. failurePolicy. */
  readonly heal: 'connection' | 'everything';
  readonly checkMs: number;
}

export const usualCheckMs = 10_000;

/** What there may be that leads the API server here. */
export const keptConfigurations: readonly ConfigurationName[] = [...expectedWebhooks, convertedDefinition];

/** Everything from how long a serving certificate is valid: a CA outlives what it signs, also in its last days. */
export function certificateSchedule(servingMs: number): {
  readonly lifetimes: { readonly authorityMs: number; readonly servingMs: number };
  readonly rotation: RotationSettings;
} {
  return {
    lifetimes: { authorityMs: servingMs * 4, servingMs },
    rotation: {
      renewAuthorityMs: (servingMs * 4) / 3,
      renewServingMs: servingMs / 3,
      settleMs: Math.min(60_000, servingMs / 20),
    },
  };
}

export interface KeptCertificates {
  /** Sentences for readiness. */
  warnings(): readonly string[];
  /** Looks now; also what the timer does. */
  check(): Promise<void>;
  close(): Promise<void>;
}

export function keepCertificates(
  ports: KeepCertificatesPorts,
  settings: KeepCertificatesSettings,
  own?: OwnCertificates,
): KeptCertificates {
  return new Keeper(ports, settings, own);
}

/** Certificates are judged by the API server's clock; ours may differ by so much without a word. */
const toleratedSkewMs = 60_000;

class Keeper implements KeptCertificates {
  readonly #ports: KeepCertificatesPorts;
  readonly #settings: KeepCertificatesSettings;
  readonly #own: OwnCertificates | undefined;
  readonly #publication = publication();
  readonly #timer: NodeJS.Timeout;
  readonly #stops: readonly (() => void)[];
  #running: Promise<void> = Promise.resolve();
  #waiting: Promise<void> | undefined;
  #isClosed = false;
  #configurationWarnings: readonly string[] = [];
  #certificateWarnings: readonly string[] = [];
  #logged = new Set<string>();
  /** Findings that have their Event. */
  #told = new Set<string>();

  constructor(ports: KeepCertificatesPorts, settings: KeepCertificatesSettings, own: OwnCertificates | undefined) {
    this.#ports = ports;
    this.#settings = settings;
    this.#own = own;
    this.#timer = setInterval(() => void this.check(), settings.checkMs).unref();
    const look = (): void => void this.check();
    this.#stops = [ports.leadership.onChange(look), ...(own === undefined ? [] : [own.source.onChange(look)])];
    void this.check();
  }

  warnings(): readonly string[] {
    return [...this.#certificateWarnings, ...this.#configurationWarnings];
  }

  /** One after the other; those that wait for the same one are one. */
  check(): Promise<void> {
    if (this.#waiting !== undefined) return this.#waiting;
    const next = this.#running.then(async () => {
      this.#waiting = undefined;
      if (!this.#isClosed) await this.#round();
    });
    this.#waiting = next;
    this.#running = next;
    return next;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    for (const stop of this.#stops) stop();
    await this.#running;
  }

  async #round(): Promise<void> {
    const isCurrent = this.#own !== undefined && (await this.#rotate(this.#own));
    // A caBundle of yesterday would take away what was published since.
    await this.#keepConfigurations(isCurrent ? this.#own?.source.shared().authorities : undefined);
    this.#tellNews();
  }

  /** Gives whether the source knows what is stored. */
  async #rotate({ store, source, rotation }: OwnCertificates): Promise<boolean> {
    const read = await store.read();
    if (!read.ok) {
      this.#certificateWarnings = [read.failure.message];
      return false;
    }
    const { stored, serverTime } = read.value;
    if (stored.kind === 'shared' && stored.version !== source.shared().version) await source.look();
    const now = serverTime ?? this.#ports.clock.now().getTime();
    const skew = Math.abs(now - this.#ports.clock.now().getTime());
    this.#certificateWarnings = skew > toleratedSkewMs ? [skewSentence(skew)] : [];
    if (!this.#ports.leadership.isLeader()) return true;

    const publishedMs = this.#publication.publishedMs(performance.now());
    const change = decideRotation({ stored, inUse: source.shared(), publishedMs, now }, rotation);
    if (change === undefined) return true;
    const applied = await store.apply(stored, change, new Date(now));
    if (!applied.ok) {
      this.#certificateWarnings = [...this.#certificateWarnings, applied.failure.message];
      return false;
    }
    const because = stored.kind === 'damaged' ? stored.why : stored.kind;
    if (applied.value) this.#ports.log.info({ change: change.kind, because }, 'certificates renewed');
    await source.look();
    return applied.value;
  }

  /** `authorities`: what belongs into caBundle; undefined when it is not to be written. */
  async #keepConfigurations(authorities: readonly SharedAuthority[] | undefined): Promise<void> {
    const { configurations } = this.#ports;
    const read = await configurations.read();
    if (!read.ok) {
      this.#publication.forget();
      this.#configurationWarnings = [read.failure.message];
      return;
    }
    // What is written in this look counts from the next one on.
    const bundles: (string | undefined)[] = [];
    const findings: string[] = [];
    const { service, heal } = this.#settings;
    const caBundle = authorities === undefined ? {} : { caBundle: caBundleOf(authorities) };
    const definition = read.value.find(({ kind }) => kind === convertedDefinition.kind);
    const conversion = definition === undefined ? undefined : judgeConversion(definition, { service, ...caBundle });
    if (definition !== undefined && conversion !== undefined) {
      bundles.push(conversion.published);
      findings.push(...(await this.#heal(definition, conversion)));
    }
    for (const expected of expectedWebhooks) {
      const found = read.value.find(({ kind, name }) => kind === expected.kind && name === expected.name);
      if (found === undefined) {
        if (expected.kind === 'ValidatingWebhookConfiguration' && expected.isGate) findings.push(nothingAsks);
        continue;
      }
      const judgement = judgeConfiguration(found, expected, { service, heal, ...caBundle });
      if (judgement.isOurs) bundles.push(judgement.published);
      findings.push(...judgement.findings, ...(await this.#heal(found, judgement)));
      this.#tellAbout(found, judgement.findings);
    }
    if (authorities !== undefined) this.#publication.observe(authorities, bundles, performance.now());
    this.#configurationWarnings = findings;
    this.#told = new Set(findings.filter((finding) => this.#told.has(finding)));
  }

  /** Gives what could not be done. */
  async #heal(configuration: WebhookConfiguration, judgement: Judgement): Promise<readonly string[]> {
    const { operations, healed, isCaBundleOnly, published = '' } = judgement;
    if (operations.length === 0) return [];
    const mayWrite = this.#ports.leadership.isLeader() || (isCaBundleOnly && published === '');
    if (!mayWrite) return [];
    const patched = await this.#ports.configurations.patch(configuration, operations);
    if (!patched.ok) return [patched.failure.message];
    if (!patched.value) return [];
    const { kind, name } = configuration;
    if (isCaBundleOnly && this.#publication.isOwn(published)) {
      this.#ports.log.info({ kind, name }, 'caBundle written');
      return [];
    }
    this.#ports.log.warn({ kind, name, healed }, 'webhook configuration put right');
    for (const message of healed) this.#tell(configuration, 'Normal', 'WebhookPutRight', message);
    return [];
  }

  #tellAbout(configuration: WebhookConfiguration, findings: readonly string[]): void {
    if (!this.#ports.leadership.isLeader()) return;
    for (const finding of findings) {
      if (!this.#told.has(finding)) this.#tell(configuration, 'Warning', 'WebhookWeakened', finding);
      this.#told.add(finding);
    }
  }

  #tell({ kind, name, uid }: WebhookConfiguration, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const group = kind === 'CustomResourceDefinition' ? 'apiextensions' : 'admissionregistration';
    const about = { apiVersion: `${group}.k8s.io/v1`, kind, name, uid };
    this.#ports.events.tell({ about, type, reason, message, key: message });
  }

  /** Each sentence once, until it was untrue for a while. */
  #tellNews(): void {
    const warnings = this.warnings();
    for (const warning of warnings) {
      if (!this.#logged.has(warning)) this.#ports.log.warn({ reason: warning }, 'not in order');
    }
    this.#logged = new Set(warnings);
  }
}

const nothingAsks =
  'There is no ValidatingWebhookConfiguration countersign: the API server asks nothing and nothing is refused. ' +
  'Apply the manifests again';

function skewSentence(skewMs: number): string {
  const seconds = Math.round(skewMs / 1_000);
  return (
    `The clock here and that of the API server differ by ${seconds} s. Certificates are made by the API server's clock; ` +
    'signatures are judged by this one: set it right'
  );
}
