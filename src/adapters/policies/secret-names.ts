import type { ParsedPolicy } from '../../policy/parse-cluster-image-policy.ts';

/** Names of Secrets that policies take keys and certificates from. */
export function secretNames(policies: readonly ParsedPolicy[]): readonly string[] {
  const sources = policies.flatMap(({ authorities }) =>
    authorities.map((authority) => {
      if (authority.kind === 'static') return undefined;
      return authority.kind === 'key' ? authority.key : authority.caCert;
    }),
  );
  return [...new Set(sources.flatMap((source) => (source?.kind === 'secret' ? [source.name] : [])))];
}
