/**
 * Events of the cluster, told on the side: whoever tells one goes on at once, and what is too much is dropped and counted.
 *
 * They are core/v1 Events with count and times, not events.k8s.io/v1 with a series. Both are one resource in the store, but
 * every reader knows the former (kubectl describe, dashboards, exporters), and it needs permission on one group only.
 * The API server takes them away after an hour.
 */
import { CoreV1Api, PatchStrategy, setHeaderOptions, type KubeConfig } from '@kubernetes/client-node';
import { LRUCache } from 'lru-cache';
import { digestOf } from '../../kernel/digest.ts';
import { stableJson } from '../../kernel/stable-json.ts';
import type { Result } from '../../kernel/result.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ClusterEvent, Events } from '../../ports/events.ts';
import type { Logger } from '../../ports/logger.ts';
import { boundedCall, type ApiFailure, type CallLimits } from './bounded-call.ts';
import { TokenBucket, type Rate } from './token-bucket.ts';

export type EventOutcome = 'written' | 'dropped' | 'failed';

export interface EventsPorts {
  readonly kubeConfig: KubeConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: { clusterEvent(outcome: EventOutcome): void };
}

export interface EventsSettings {
  /** Which replica tells it, e.g. the name of its Pod. */
  readonly instance: string;
  readonly limits?: CallLimits;
  readonly rates?: { readonly all: Rate; readonly ofNamespace: Rate };
  /** Milliseconds between updates of one event that occurs again and again. */
  readonly updateMs?: number;
}

const usualLimits: CallLimits = { deadlineMs: 3_000, maxBytes: 256 * 1024 };
/** Whoever may make Pods can make them be refused as often as they like. */
const usualRates = { all: { burst: 100, perMinute: 300 }, ofNamespace: { burst: 20, perMinute: 20 } };
/** What occurs again within it is counted. */
const sameMs = 10 * 60_000;
const maxKnown = 5_000;
const maxWaiting = 200;
const parallel = 2;
/** What the API server takes of the newer form, and more than people read. */
const maxMessage = 1_024;
/** Where events of objects without a namespace live: the API server takes no other. */
const namespaceOfCluster = 'default';

interface Occurrence {
  readonly name: string;
  readonly namespace: string;
  readonly first: Date;
  event: ClusterEvent;
  count: number;
  last: Date;
  /** Count as the API server has it. */
  written: number;
  isWaiting: boolean;
}

export function clusterEvents(ports: EventsPorts, settings: EventsSettings): Events & { close(): Promise<void> } {
  const { clock, log, metrics } = ports;
  const { rates = usualRates, updateMs = 5_000 } = settings;
  const send = sender(ports.kubeConfig, settings);
  const known = new LRUCache<string, Occurrence>({ max: maxKnown });
  const all = new TokenBucket(rates.all, clock.now());
  const ofNamespaces = new LRUCache<string, TokenBucket>({ max: maxKnown });
  const waiting: Occurrence[] = [];
  const closing = new AbortController();
  const workers = new Set<Promise<void>>();
  let lastProblem = '';

  function tell(event: ClusterEvent): void {
    const now = clock.now();
    const key = keyOf(event);
    const before = known.get(key);
    if (before !== undefined && now.getTime() - before.first.getTime() < sameMs) {
      Object.assign(before, { event, count: before.count + 1, last: now });
      later(before);
      return;
    }
    const occurrence = occurrenceOf(event, now, settings.instance);
    if (isTooMuch(occurrence.namespace, now)) return;
    known.set(key, occurrence);
    wait(occurrence);
  }

  /** Changes of one event are written together. */
  function later(occurrence: Occurrence): void {
    if (occurrence.isWaiting) return;
    occurrence.isWaiting = true;
    setTimeout(() => {
      occurrence.isWaiting = false;
      if (!closing.signal.aborted && !isTooMuch(occurrence.namespace, clock.now())) wait(occurrence);
    }, updateMs).unref();
  }

  function isTooMuch(namespace: string, now: Date): boolean {
    const bucket = ofNamespaces.get(namespace) ?? new TokenBucket(rates.ofNamespace, now);
    ofNamespaces.set(namespace, bucket);
    if (waiting.length < maxWaiting && bucket.take(now) && all.take(now)) return false;
    metrics.clusterEvent('dropped');
    return true;
  }

  function wait(occurrence: Occurrence): void {
    occurrence.isWaiting = true;
    waiting.push(occurrence);
    if (workers.size >= parallel) return;
    const worker = work().finally(() => workers.delete(worker));
    workers.add(worker);
  }

  async function work(): Promise<void> {
    for (let next = waiting.shift(); next !== undefined && !closing.signal.aborted; next = waiting.shift()) {
      next.isWaiting = false;
      await write(next);
    }
  }

  async function write(occurrence: Occurrence): Promise<void> {
    const { count } = occurrence;
    const sent = await send(occurrence, closing.signal);
    if (closing.signal.aborted) return;
    metrics.clusterEvent(sent.ok ? 'written' : 'failed');
    if (sent.ok) {
      occurrence.written = count;
      lastProblem = '';
      return;
    }
    // The next time it is a new one: this one was never written, or is gone.
    const key = keyOf(occurrence.event);
    if (known.get(key) === occurrence) known.delete(key);
    const { message } = sent.failure;
    if (message !== lastProblem) log.warn({ reason: message }, 'event not written');
    lastProblem = message;
  }

  return {
    tell,
    close: async () => {
      closing.abort();
      waiting.length = 0;
      await Promise.all(workers);
    },
  };
}

function keyOf({ about, reason, key }: ClusterEvent): string {
  return stableJson([about.namespace ?? '', about.kind, about.name, about.uid ?? '', reason, key]);
}

function occurrenceOf(event: ClusterEvent, now: Date, instance: string): Occurrence {
  const namespace = event.about.namespace ?? namespaceOfCluster;
  const id = digestOf(stableJson([instance, keyOf(event), now.getTime()]))
    .replace(/^.*:/, '')
    .slice(0, 32);
  const name = `countersign.${id}`;
  return { name, namespace, event, first: now, last: now, count: 1, written: 0, isWaiting: false };
}

type Send = (occurrence: Occurrence, signal: AbortSignal) => Promise<Result<unknown, ApiFailure>>;

function sender(kubeConfig: KubeConfig, { instance, limits = usualLimits }: EventsSettings): Send {
  const api = kubeConfig.makeApiClient(CoreV1Api);
  const component = 'countersign';
  return async ({ name, namespace, event, first, last, count, written }, signal) => {
    const message = event.message.slice(0, maxMessage);
    if (written > 0) {
      const body = { count, lastTimestamp: last.toISOString(), message };
      const change = { name, namespace, body };
      return boundedCall(
        `update an event in namespace ${namespace}`,
        limits,
        (call) => api.patchNamespacedEvent(change, setHeaderOptions('Content-Type', PatchStrategy.MergePatch, call)),
        signal,
      );
    }
    const body = {
      metadata: { name, namespace },
      involvedObject: event.about,
      type: event.type,
      reason: event.reason,
      message,
      count,
      firstTimestamp: first,
      lastTimestamp: last,
      source: { component, host: instance },
      reportingComponent: component,
      reportingInstance: instance,
    };
    return boundedCall(
      `create an event in namespace ${namespace}`,
      limits,
      (call) => api.createNamespacedEvent({ namespace, body }, call),
      signal,
    );
  };
}
