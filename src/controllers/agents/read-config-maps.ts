/** ConfigMaps of contexts, read when they are needed: nobody watches all ConfigMaps of a cluster. */
import { placeKey } from '../../agents/needed-config-maps.ts';
import { agentKinds } from '../../agents/kinds.ts';
import type { ConfigMapData, ConfigMaps, Place } from '../../agents/model.ts';
import { textsOf } from '../../agents/parse-metadata.ts';
import { ok, type Result } from '../../kernel/result.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import { limited } from '../runtime/limited.ts';

const readTimeoutMs = 10_000;

/** What is not there is not in the answer. */
export async function readConfigMaps(
  objects: Pick<ClusterObjects, 'read'>,
  places: readonly Place[],
  signal: AbortSignal,
): Promise<Result<ConfigMaps>> {
  const found = new Map<string, ConfigMapData>();
  for (const place of places) {
    const read = await objects.read({ kind: agentKinds.configMap, ...place }, limited(signal, readTimeoutMs));
    if (!read.ok) return read;
    if (read.value === undefined) continue;
    const { data, binaryData } = read.value;
    found.set(placeKey(place), { data: textsOf(data), binaryData: textsOf(binaryData) });
  }
  return ok(found);
}
