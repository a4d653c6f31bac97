import { asRecord } from '../kernel/strict-json.ts';
import { parseClusterImagePolicy, type ParsedPolicy } from './parse-cluster-image-policy.ts';

/**
 * A policy in place of a broken one whose images and name can still be read: it refuses what it matches and says why, so
 * that a demand that cannot be read is not a demand that is missing. It matches every kind of object, whatever `match` says.
 */
export function standInPolicy(broken: unknown, problems: readonly string[]): ParsedPolicy | undefined {
  const record = asRecord(broken);
  const spec = asRecord(record?.['spec']);
  const parsed = parseClusterImagePolicy({
    apiVersion: 'policy.sigstore.dev/v1alpha1',
    kind: 'ClusterImagePolicy',
    metadata: { name: asRecord(record?.['metadata'])?.['name'] },
    spec: {
      images: spec?.['images'],
      mode: spec?.['mode'] === 'warn' ? 'warn' : 'enforce',
      authorities: [{ static: { action: 'fail' } }],
    },
  });
  // It stands beside policies of the other kind, which may have the same name.
  const name = record?.['kind'] === 'ActionPolicy' ? 'ActionPolicy ' : '';
  return parsed.ok ? { ...parsed.value, name: `${name}${parsed.value.name}`, notReady: problems } : undefined;
}
