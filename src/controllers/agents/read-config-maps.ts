/** ConfigMaps of contexts, read when they are needed: nobody watches all ConfigMaps of a cluster. */
import { bytesOf, maxBytes } from '../../agents/context-config-map.ts';
import { agentKinds } from '../../agents/kinds.ts';
import type { ConfigMapData, ConfigMaps } from '../../agents/model.ts';
import { placeKey, type NeededConfigMap } from '../../agents/needed-config-maps.ts';
import { textsOf } from '../../agents/parse-metadata.ts';
import type { KubeObject } from '../../kernel/kube-object.ts';
import { ok, type Result } from '../../kernel/result.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import { limited } from '../runtime/limited.ts';

const readTimeoutMs = 10_000;

/**
 * What is not there is not in the answer. Whoever writes contexts may name hundreds of ConfigMaps of a megabyte: what is not
 * needed of them is not kept, and nothing more is read once they cannot be put into one workspace anyway.
 */
export async function readConfigMaps(
  objects: Pick<ClusterObjects, 'read'>,
  needed: readonly NeededConfigMap[],
  signal: AbortSignal,
): Promise<Result<ConfigMaps>> {
  const found = new Map<string, ConfigMapData | 'unread'>();
  let bytes = 0;
  for (const one of needed) {
    if (bytes > maxBytes) {
      found.set(placeKey(one), 'unread');
      continue;
    }
    const { namespace, name } = one;
    const place = { kind: agentKinds.configMap, namespace, name };
    const read = await objects.read(place, limited(signal, readTimeoutMs));
    if (!read.ok) return read;
    if (read.value === undefined) continue;
    const data = neededOf(read.value, one);
    bytes += bytesOfData(data);
    found.set(placeKey(one), data);
  }
  return ok(found);
}

function neededOf(object: KubeObject, { keys }: NeededConfigMap): ConfigMapData {
  const member = (name: 'data' | 'binaryData'): Readonly<Record<string, string>> => {
    const entries = Object.entries(textsOf(object[name]));
    return Object.fromEntries(entries.filter(([key]) => keys?.has(key) !== false));
  };
  return { data: member('data'), binaryData: member('binaryData') };
}

function bytesOfData({ data, binaryData }: ConfigMapData): number {
  const texts = Object.values(data).map((text) => bytesOf({ text }));
  const others = Object.values(binaryData).map((base64) => bytesOf({ base64 }));
  return [...texts, ...others].reduce((sum, one) => sum + one, 0);
}

/** In memory, and never 0. */
export function sizeOf(configMaps: ConfigMaps): number {
  const sizes = [...configMaps.values()].map((data) => (data === 'unread' ? 0 : bytesOfData(data)));
  return sizes.reduce((sum, one) => sum + one, 1);
}
