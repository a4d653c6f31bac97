import type { Repository } from '../../ports/registry.ts';

export interface HostSettings {
  /** Hosts (with port) spoken to over plain HTTP, at whatever address. */
  readonly insecure: readonly string[];
  /** PEM certificates by host (with port), used instead of the system's; such a host may have any address too. */
  readonly ca: ReadonlyMap<string, string>;
}

/** What the installation says about a host. A host that it says nothing about may be anybody's. */
export type HostRule =
  { readonly kind: 'insecure' } | { readonly kind: 'ca'; readonly pem: string } | { readonly kind: 'unknown' };

export class Hosts {
  readonly #insecure: ReadonlySet<string>;
  readonly #ca: ReadonlyMap<string, string>;

  constructor({ insecure, ca }: HostSettings) {
    this.#insecure = new Set(insecure.map((host) => origin('http:', host)));
    this.#ca = new Map([...ca].map(([host, pem]) => [origin('https:', host), pem]));
  }

  isInsecure(host: string): boolean {
    return this.#insecure.has(origin('http:', host));
  }

  ruleFor(url: URL): HostRule {
    if (this.#insecure.has(url.origin)) return { kind: 'insecure' };
    const pem = this.#ca.get(url.origin);
    return pem === undefined ? { kind: 'unknown' } : { kind: 'ca', pem };
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

/** Case and default port do not make another host. */
function origin(scheme: 'http:' | 'https:', host: string): string {
  const text = `${scheme}//${host}`;
  return URL.canParse(text) ? new URL(text).origin : text;
}

/** The colon of a digest stays, as registries' routes expect. */
function encode(segment: string): string {
  return encodeURIComponent(segment).replaceAll('%3A', ':');
}
