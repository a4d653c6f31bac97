/** What has to be asked of the API server before it can be decided, each with its deadline; kept for one round. */
import { agentKinds } from '../../agents/kinds.ts';
import { names, type ConfigMapData, type ConfigMaps, type Place } from '../../agents/model.ts';
import { placeKey } from '../../agents/needed-config-maps.ts';
import { ownerOf } from '../../agents/ownership.ts';
import { textsOf } from '../../agents/parse-metadata.ts';
import type { KubeObject } from '../../kernel/kube-object.ts';
import { defined } from '../../kernel/defined.ts';
import { ok, type Result } from '../../kernel/result.ts';
import type { ClusterObjects, Warning } from '../../ports/cluster-objects.ts';
import type { LogRead, Setback, TaskFacts } from './decision.ts';

export interface Found {
  configMaps?: ConfigMaps;
  log?: LogRead;
  told?: { readonly warning?: Warning };
  pod?: KubeObject;
  hasLooked: boolean;
  readonly setbacks: Setback[];
}

export const readTimeoutMs = 15_000;
const maxLogBytes = 256 * 1024;

export function limited(signal: AbortSignal, ms: number): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(ms)]);
}

export async function readConfigMaps(
  objects: ClusterObjects,
  places: readonly Place[],
  found: Found,
  signal: AbortSignal,
): Promise<Result<void>> {
  const read = new Map<string, ConfigMapData>();
  for (const { namespace, name } of places) {
    const place = { kind: agentKinds.configMap, namespace, name };
    const answer = await objects.read(place, limited(signal, readTimeoutMs));
    if (!answer.ok) return answer;
    if (answer.value === undefined) continue;
    const { data, binaryData } = answer.value;
    read.set(placeKey({ namespace, name }), { data: textsOf(data), binaryData: textsOf(binaryData) });
  }
  found.configMaps = read;
  return ok(undefined);
}

/** Nothing is said to be gone because somebody was slow to tell. */
export async function lookForPod(
  objects: ClusterObjects,
  task: TaskFacts,
  { namespace, name }: Place,
  found: Found,
  signal: AbortSignal,
): Promise<Result<void>> {
  const read = await objects.read({ kind: agentKinds.pod, namespace, name }, limited(signal, readTimeoutMs));
  if (!read.ok) return read;
  found.hasLooked = true;
  if (read.value !== undefined && ownerOf(read.value, task) === 'task') found.pod = read.value;
  return ok(undefined);
}

/** `forMs`: for how long it was asked for in vain. */
export async function readLog(
  objects: ClusterObjects,
  { namespace, name }: Place,
  forMs: () => number,
  signal: AbortSignal,
): Promise<LogRead> {
  const pod = { namespace, name, container: names.agentContainer };
  const read = await objects.logTail(pod, maxLogBytes, limited(signal, readTimeoutMs));
  if (!read.ok) return { kind: 'unavailable', forMs: forMs() };
  return read.value === undefined ? { kind: 'gone' } : { kind: 'read', text: read.value };
}

/** It only explains: nothing waits for it. */
export async function readWarning(
  objects: ClusterObjects,
  about: { readonly namespace: string; readonly uid: string },
  signal: AbortSignal,
): Promise<{ readonly warning?: Warning }> {
  const read = await objects.newestWarning(about, limited(signal, readTimeoutMs));
  return defined('warning', read.ok ? read.value : undefined);
}
