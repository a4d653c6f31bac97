import type { Repository } from '../../ports/registry.ts';
import { fitsHost } from './docker-config.ts';
import { noRegistryFile, type RegistryEntry, type RegistryFile } from './registry-file.ts';

export interface HostSettings {
  /** Hosts (with port) spoken to over plain HTTP, at whatever address. */
  readonly insecure: readonly string[];
  /** PEM certificates by host (with port), used instead of the system's; such a host may have any address too. */
  readonly ca: ReadonlyMap<string, string>;
  /** What --registry-config says. What is above is stronger where both speak of a host. */
  readonly file?: RegistryFile;
}

/**
 * What the installation says about a host. One that is `unknown` may be anybody's, so its address is looked at: also
 * where only a name with a star fits it, as whoever writes image names chooses what the star stands for.
 */
export type HostRule = (
  { readonly kind: 'insecure' } | { readonly kind: 'ca'; readonly pem?: string } | { readonly kind: 'unknown' }
) & {
  /** Proxy and certificates for it. */
  readonly entry?: RegistryEntry;
};

export class Hosts {
  readonly #named = new Map<string, HostRule>();
  readonly #patterns: readonly RegistryEntry[];
  readonly #entries: ReadonlyMap<string, RegistryEntry>;

  constructor({ insecure, ca, file = noRegistryFile }: HostSettings) {
    this.#patterns = file.registries.filter(({ host }) => host.includes('*'));
    const named = file.registries.filter((entry) => !this.#patterns.includes(entry));
    this.#entries = new Map(named.map((entry) => [entry.host, entry]));
    for (const entry of named) this.#named.set(origin(entry.insecure ? 'http:' : 'https:', entry.host), ruleOf(entry));
    for (const host of insecure) this.#name('http:', host, { kind: 'insecure' });
    for (const [host, pem] of ca) this.#name('https:', host, { kind: 'ca', pem });
  }

  #name(scheme: 'http:' | 'https:', host: string, rule: HostRule): void {
    const entry = this.entryOf(host);
    this.#named.set(origin(scheme, host), entry === undefined ? rule : { ...rule, entry });
  }

  isInsecure(host: string): boolean {
    return this.#named.get(origin('http:', host))?.kind === 'insecure';
  }

  ruleFor(url: URL): HostRule {
    const named = this.#named.get(url.origin);
    if (named !== undefined) return named;
    const entry = url.protocol === 'https:' ? this.entryOf(url.host) : undefined;
    return entry === undefined ? unknown : { kind: 'unknown', entry };
  }

  /** The entry of the registry file for a host as it stands in image names: its own, or the first with a star that fits. */
  entryOf(host: string): RegistryEntry | undefined {
    return this.#entries.get(host) ?? this.#patterns.find((entry) => fitsHost(entry.host, host));
  }

  /**
   * /v2/<repository>/<path> at the repository's registry; undefined when the name means something else to a URL parser
   * than to whoever reads it, such as the host "0x7f.1". Names are parsed before they come here: encoding again means
   * that a mistake elsewhere cannot leave the path.
   */
  urlOf({ registry, repository }: Repository, path: string): URL | undefined {
    const scheme = this.isInsecure(registry) ? 'http:' : 'https:';
    const segments = [...repository.split('/'), ...path.split('/')];
    if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) return undefined;
    const text = `${scheme}//${registry}/v2/${segments.map(encode).join('/')}`;
    if (!URL.canParse(text)) return undefined;
    const url = new URL(text);
    return url.hostname === registry.replace(/:\d+$/, '').toLowerCase() ? url : undefined;
  }
}

const unknown: HostRule = { kind: 'unknown' };

function ruleOf(entry: RegistryEntry): HostRule {
  if (entry.insecure) return { kind: 'insecure', entry };
  return { kind: entry.files.ca === undefined ? 'unknown' : 'ca', entry };
}

/** Case and default port do not make another host. */
function origin(scheme: 'http:' | 'https:', host: string): string {
  const text = `${scheme}//${host}`;
  return URL.canParse(text) ? new URL(text).origin : text;
}

/** The colon of a digest stays, as registries' routes expect. */
function encode(segment: string): string {
  return encodeURIComponent(segment).replaceAll('%3A', ':');
}
