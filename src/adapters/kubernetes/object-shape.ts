/** Objects as the API server sends them, as far as everybody relies on it; and where they are. */
import type { Kind, KubeObject } from '../../kernel/kube-object.ts';
import { asRecord } from '../../kernel/strict-json.ts';

/** Undefined: no object. Who wrote which member is not kept: it is often the larger part. */
export function kubeObject(
  value: unknown,
  { apiVersion, kind }: Pick<Kind, 'apiVersion' | 'kind'>,
): KubeObject | undefined {
  const record = asRecord(value);
  const { managedFields: _, ...metadata } = asRecord(record?.['metadata']) ?? {};
  const needed = [metadata['name'], metadata['uid'], metadata['resourceVersion']];
  if (needed.some((member) => typeof member !== 'string')) return undefined;
  // The API server has decoded it into its own types: metadata is as meta/v1 ObjectMeta says. Items of lists have no kind.
  return { ...record, apiVersion, kind, metadata: metadata as unknown as KubeObject['metadata'] };
}

/** e.g. /api/v1/namespaces/shop/pods/web/log */
export function pathOf(
  { apiVersion, plural }: Pick<Kind, 'apiVersion' | 'plural'>,
  namespace: string | undefined,
  ...rest: readonly string[]
): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const within = namespace === undefined ? [] : ['namespaces', namespace];
  return [root, ...[...within, plural, ...rest].map((part) => encodeURIComponent(part))].join('/');
}
