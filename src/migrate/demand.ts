/** What a policy of another product demands of an image, and the ClusterImagePolicy that demands the same. */
import { defined } from '../kernel/defined.ts';
import { quoted } from '../kernel/failure.ts';
import type { Json, Notebook, Written } from './model.ts';

export type Demand =
  /** An authority of ours passes; without its name. */
  | { readonly kind: 'authority'; readonly name: string; readonly authority: Json }
  | { readonly kind: 'at-least'; readonly count: number; readonly of: readonly Demand[] }
  /** It cannot be said here: nothing satisfies it. */
  | { readonly kind: 'impossible'; readonly why: string };

export function authority(name: string, body: Json): Demand {
  return { kind: 'authority', name, authority: body };
}

export function all(of: readonly Demand[]): Demand {
  return of.length === 1 && of[0] !== undefined ? of[0] : { kind: 'at-least', count: of.length, of };
}

export function atLeast(count: number, of: readonly Demand[]): Demand {
  return { kind: 'at-least', count, of };
}

/** Also notes that it was lost. */
export function impossible(notebook: Notebook, why: string, wayOut: string): Demand {
  notebook.lost(`${why}; the policy refuses in its place`, wayOut);
  return { kind: 'impossible', why };
}

export interface PolicyParts {
  readonly name: string;
  readonly images: readonly string[];
  readonly demand: Demand;
  readonly mode: 'enforce' | 'warn';
}

export function policyOf(source: string, { name, images, demand, mode }: PolicyParts): Written {
  const authorities: Json[] = [];
  const names = new Set<string>();
  const condition = conditionOf(demand, (wanted, body) => {
    const unique = uniqueName(wanted, names);
    authorities.push({ name: unique, ...body });
    return unique;
  });
  const policy = isAnyOf(demand) ? undefined : { type: 'cel', data: condition };
  const spec = {
    mode,
    images: images.map((glob) => ({ glob })),
    authorities: authorities.length === 0 ? [refusal('nothing is demanded that could be met')] : authorities,
    ...defined('policy', policy),
  };
  return {
    source,
    object: { apiVersion: 'policy.sigstore.dev/v1beta1', kind: 'ClusterImagePolicy', metadata: { name }, spec },
  };
}

export function refusal(why: string): Json {
  return { name: 'not-carried-over', ...refusalBody(why) };
}

function refusalBody(why: string): Json {
  return { static: { action: 'fail', message: `not carried over: ${quoted(why, 300)}` } };
}

/** Authorities are alternatives by themselves. */
function isAnyOf(demand: Demand): boolean {
  if (demand.kind !== 'at-least') return true;
  return demand.count === 1 && demand.of.length > 0 && demand.of.every(isAnyOf);
}

/** CEL over the authorities that have passed. */
function conditionOf(demand: Demand, add: (name: string, body: Json) => string): string {
  switch (demand.kind) {
    case 'authority':
      return `${JSON.stringify(add(demand.name, demand.authority))} in authorityMatches`;
    case 'impossible':
      return `${JSON.stringify(add('not-carried-over', refusalBody(demand.why)))} in authorityMatches`;
    case 'at-least': {
      const parts = demand.of.map((part) => `(${conditionOf(part, add)})`);
      // A count that makes no sense is met by nothing.
      if (!Number.isSafeInteger(demand.count) || demand.count < 1 || demand.count > parts.length) return 'false';
      if (demand.count === parts.length) return parts.join(' && ');
      if (demand.count === 1) return parts.join(' || ');
      return `[${parts.join(', ')}].filter(met, met).size() >= ${demand.count}`;
    }
  }
}

export function uniqueName(wanted: string, taken: Set<string>): string {
  const base = quoted(wanted, 100);
  let name = base;
  for (let count = 2; taken.has(name); count += 1) name = `${base}-${count}`;
  taken.add(name);
  return name;
}

/** Of letters, digits and single "-": RFC 1123, whatever the parts are. */
export function objectName(...parts: readonly string[]): string {
  const words = parts
    .join('-')
    .toLowerCase()
    .slice(0, 200)
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
  return words.length === 0 ? 'policy' : words.join('-');
}
