/** What policies name and do not hold: keys and certificates in Secrets and key services, code in ConfigMaps and at addresses. */
import { defined } from '../kernel/defined.ts';
import type { KeySource, ParsedAuthority } from './parse-authority.ts';
import type { ParsedPolicy } from './parse-cluster-image-policy.ts';
import type { CodeSource } from './parse-code.ts';

export type MaterialRef =
  | { readonly kind: 'secret'; readonly name: string }
  | { readonly kind: 'config-map'; readonly name: string; readonly key?: string }
  | { readonly kind: 'remote'; readonly url: string; readonly sha256: string }
  | { readonly kind: 'kms'; readonly uri: string };

/** Each once. */
export function materialsOf(policies: readonly ParsedPolicy[]): readonly MaterialRef[] {
  const found = policies.flatMap(({ authorities, policy }) => [
    ...authorities.flatMap(ofAuthority),
    ...ofCode(policy?.source),
  ]);
  return [...new Map(found.map((ref) => [materialId(ref), ref])).values()];
}

export function materialId(ref: MaterialRef): string {
  switch (ref.kind) {
    case 'secret':
      return `Secret/${ref.name}`;
    case 'config-map':
      return ref.key === undefined ? `ConfigMap/${ref.name}` : `ConfigMap/${ref.name} ${ref.key}`;
    case 'remote':
      return `${ref.sha256} ${ref.url}`;
    case 'kms':
      return ref.uri;
  }
}

function ofAuthority(authority: ParsedAuthority): readonly MaterialRef[] {
  if (authority.kind === 'static') return [];
  const key = authority.kind === 'key' ? authority.key : authority.caCert;
  return [...ofKey(key), ...authority.attestations.flatMap(({ policy }) => ofCode(policy?.source))];
}

function ofKey(source: KeySource | undefined): readonly MaterialRef[] {
  if (source?.kind === 'secret') return [{ kind: 'secret', name: source.name }];
  return source?.kind === 'kms' ? [source] : [];
}

function ofCode(source: CodeSource | undefined): readonly MaterialRef[] {
  if (source?.kind === 'remote') return [source];
  if (source?.kind !== 'config-map') return [];
  return [{ kind: 'config-map', name: source.name, ...defined('key', source.key) }];
}
