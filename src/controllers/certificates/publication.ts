/** Since when every caBundle has an authority. It forgets at once: an authority that is missing somewhere starts anew. */
import type { SharedAuthority } from '../../ports/certificate-store.ts';

export interface Publication {
  /** `bundles`: of every configuration of ours, base64; undefined where there is none yet. */
  observe(authorities: readonly SharedAuthority[], bundles: readonly (string | undefined)[], now: number): void;
  /** Nothing is known any more, e.g. because the configurations cannot be read. */
  forget(): void;
  publishedMs(now: number): ReadonlyMap<string, number>;
  /** Whether a bundle, base64, has nothing in it but what was ever published: it is of yesterday, and nobody edited it. */
  isOwn(bundle: string): boolean;
}

export function publication(): Publication {
  const since = new Map<string, number>();
  const own = new Set<string>();
  return {
    observe(authorities, bundles, now) {
      const texts = bundles.map((bundle) => compact(textOf(bundle)));
      for (const { id, cert } of authorities) {
        own.add(compact(cert));
        const isEverywhere = texts.every((text) => text.includes(compact(cert)));
        if (!isEverywhere) since.delete(id);
        else if (!since.has(id)) since.set(id, now);
      }
    },
    forget: () => {
      since.clear();
    },
    publishedMs: (now) => new Map([...since].map(([id, from]) => [id, now - from])),
    isOwn: (bundle) => [...own].reduce((rest, cert) => rest.replace(cert, ''), compact(textOf(bundle))) === '',
  };
}

function textOf(bundle: string | undefined): string {
  return Buffer.from(bundle ?? '', 'base64').toString('utf8');
}

/** PEM without its line breaks, which writers set differently. */
function compact(pem: string): string {
  return pem.replaceAll(/\s/g, '');
}

export function caBundleOf(authorities: readonly SharedAuthority[]): string {
  return Buffer.from(authorities.map(({ cert }) => `${cert.trim()}\n`).join('')).toString('base64');
}
