/**
 * Removes Tasks of KubeOpenCode that have ended long enough ago, namespace by namespace, as its KubeOpenCodeConfig says:
 * exactly one deletion for each that is surplus. What is not finished is never touched, nor anything by a config that makes
 * no sense.
 */
import { LRUCache } from 'lru-cache';
import { finishedTask, surplusOf, type CleanupRules, type FinishedTask } from '../../agents/cleanup.ts';
import { agentKinds } from '../../agents/kinds.ts';
import { names } from '../../agents/model.ts';
import { parseSystemConfig } from '../../agents/parse-config.ts';
import { defined } from '../../kernel/defined.ts';
import { quoted } from '../../kernel/failure.ts';
import type { KubeObject } from '../../kernel/kube-object.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import type { Events } from '../../ports/events.ts';
import type { Logger } from '../../ports/logger.ts';
import { limited } from '../runtime/limited.ts';
import type { Key, Reconciler, Settled } from '../runtime/reconciler.ts';
import { tell } from '../runtime/tell.ts';

export interface CleanupPorts {
  readonly objects: ClusterObjects;
  readonly events: Events;
  readonly clock: Clock;
  readonly log: Logger;
  readonly systemImage: string;
}

/** Others have their turn in between. */
const deletionsPerRound = 50;
const deleteTimeoutMs = 15_000;
const maxUnwilling = 2_000;

/** Its keys are namespaces, with an empty name. */
export function createCleanupReconciler(ports: CleanupPorts): Reconciler {
  const { objects, clock } = ports;
  /** Versions of configs that were complained about, by UID. */
  const complained = new Map<string, string>();
  /** Of Tasks that somebody may keep from going, by UID: they come last. */
  const unwilling = new LRUCache<string, true>({ max: maxUnwilling });

  async function reconcile({ namespace }: Key, signal: AbortSignal): Promise<Settled> {
    if (!objects.isReady()) return { kind: 'retry', why: 'not everything that is watched was listed yet' };
    const rules = rulesFor(namespace);
    if (rules === undefined) return { kind: 'settled' };
    const { surplus, nextInMs } = surplusOf(finishedIn(objects, namespace), rules, clock.now());
    for (const { name, uid } of willingFirst(surplus).slice(0, deletionsPerRound)) {
      const place = { kind: agentKinds.task, namespace, name };
      const removed = await objects.remove(place, uid, limited(signal, deleteTimeoutMs));
      if (!removed.ok) {
        unwilling.set(uid, true);
        return { kind: 'retry', why: removed.failure.message };
      }
    }
    const hasMore = surplus.length > deletionsPerRound;
    return { kind: 'settled', ...defined('requeueAfterMs', hasMore ? 0 : nextInMs) };
  }

  function willingFirst(surplus: readonly FinishedTask[]): readonly FinishedTask[] {
    return surplus.toSorted((one, other) => Number(unwilling.has(one.uid)) - Number(unwilling.has(other.uid)));
  }

  /** Undefined: nothing is removed. A config of the namespace's own counts as a whole. */
  function rulesFor(namespace: string): CleanupRules | undefined {
    const config = configFor(objects, namespace);
    if (config === undefined) return undefined;
    const parsed = parseSystemConfig(config, { systemImage: ports.systemImage });
    if (parsed.ok) return parsed.value;
    complain(config, parsed.failure.message);
    return undefined;
  }

  /** Once for each version, not once for each Task that ends. */
  function complain(config: KubeObject, problem: string): void {
    const { namespace, name, uid, resourceVersion } = config.metadata;
    if (complained.get(uid) === resourceVersion) return;
    complained.set(uid, resourceVersion);
    ports.log.warn({ namespace, config: name, problem }, 'a config makes no sense, and no Task is cleaned up by it');
    const message = `no Task is cleaned up, because ${config.kind} ${name} makes no sense: ${quoted(problem, 800)}`;
    tell(ports.events, config, { type: 'Warning', reason: 'InvalidConfig', message });
  }

  return { name: 'task-cleanup', reconcile };
}

function configFor(objects: Pick<ClusterObjects, 'get'>, namespace: string): KubeObject | undefined {
  return [namespace, names.configNamespace]
    .map((one) => objects.get({ kind: agentKinds.config, namespace: one, name: names.defaultConfig }))
    .find((config) => config !== undefined);
}

function finishedIn(objects: Pick<ClusterObjects, 'list'>, namespace: string) {
  return objects
    .list(agentKinds.task)
    .filter(({ metadata }) => metadata.namespace === namespace)
    .flatMap((task) => finishedTask(task) ?? []);
}
