/** What has to be asked of the API server before it can be decided, each with its deadline; kept for one round. */
import { agentKinds } from '../../agents/kinds.ts';
import { names, type ConfigMaps, type Place } from '../../agents/model.ts';
import { ownerOf } from '../../agents/ownership.ts';
import type { KubeObject, ObjectPlace } from '../../kernel/kube-object.ts';
import { defined } from '../../kernel/defined.ts';
import { ok, type Result } from '../../kernel/result.ts';
import type { ClusterObjects, Warning } from '../../ports/cluster-objects.ts';
import { limited } from '../runtime/limited.ts';
import type { LogRead, Setback, TaskFacts } from './decision.ts';

export interface Found {
  /** Of what the Task refers to: what the API server was asked for. */
  readonly asked: ObjectPlace[];
  configMaps?: ConfigMaps;
  log?: LogRead;
  told?: { readonly warning?: Warning };
  pod?: KubeObject;
  hasLooked: boolean;
  readonly setbacks: Setback[];
}

export const readTimeoutMs = 15_000;
const maxLogBytes = 256 * 1024;

/** What it brings is in memory then. */
export async function askFor(
  objects: ClusterObjects,
  place: ObjectPlace,
  found: Found,
  signal: AbortSignal,
): Promise<Result<void>> {
  const read = await objects.read(place, limited(signal, readTimeoutMs));
  if (!read.ok) return read;
  found.asked.push(place);
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
