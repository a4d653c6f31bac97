/** One kind that is watched, in memory; it may be served by the API server or not, and that may change. */
import { CustomObjectsApi, type KubeConfig } from '@kubernetes/client-node';
import { defined } from '../../kernel/defined.ts';
import type { Kind, KubeObject } from '../../kernel/kube-object.ts';
import { ok, type Result } from '../../kernel/result.ts';
import type { Logger } from '../../ports/logger.ts';
import type { ApiFailure, CallLimits } from './bounded-call.ts';
import { followCollection, listCollection, type Collection, type WatchSettings } from './follow-collection.ts';
import { pageOf } from './list-pages.ts';
import { ObjectMemory, type Tell } from './object-memory.ts';
import { kubeObject, pathOf } from './object-shape.ts';

export interface Watched {
  readonly kind: Kind;
  /** Only objects that have it. */
  readonly label?: string;
  /** Absent: of all. */
  readonly namespace?: string;
  /** Only this one. */
  readonly name?: string;
}

export interface WatchedKind {
  readonly watched: Watched;
  readonly memory: ObjectMemory;
  /** Unknown until the API server has answered. */
  readonly state: () => 'unknown' | 'served' | 'not served';
  /** Whether it is one of those that are watched. */
  /** Why it may be out of date, or was never listed. */
  readonly problem: () => string | undefined;
  readonly covers: (object: KubeObject) => boolean;
  /** Lists it, besides watching it. */
  readonly refresh: (signal: AbortSignal) => Promise<Result<void>>;
  readonly close: () => void;
}

const listLimits: CallLimits = { deadlineMs: 30_000, maxBytes: 128 * 1024 * 1024 };
/**
 * Objects are a few KiB, as a rule. None is larger than 1.5 MiB (etcd), and as JSON up to six times as much, since `<` is
 * written as an escape: so no small page is larger than the limit, whatever somebody has put into it.
 */
const pages = [{ size: 500, maxBytes: 16 * 1024 * 1024 }, { size: 10 }] as const;
/** An API server that has just started does not serve all of its definitions: what is missing for this long is gone. */
const goneAfterMs = 5_000;

export interface WatchedKindOptions {
  readonly kubeConfig: KubeConfig;
  readonly log: Logger;
  /** Milliseconds between tries, also for a kind that is not served. */
  readonly pauses?: WatchSettings['pauses'];
}

export function watchKind(options: WatchedKindOptions, watched: Watched, tell: Tell): WatchedKind {
  const { kubeConfig, log, pauses } = options;
  const { kind } = watched;
  const memory = new ObjectMemory(tell);
  let state: ReturnType<WatchedKind['state']> = 'unknown';
  let missingSince: number | undefined;
  let told: string | undefined;

  function seen(value: unknown, then: (object: KubeObject) => void): void {
    missingSince = undefined;
    told = undefined;
    const object = kubeObject(value, kind);
    if (object !== undefined) then(object);
  }

  function failed(failure: ApiFailure): void {
    const isMissing = failure.status === 404;
    if (!isMissing) missingSince = undefined;
    else missing();
    // A kind that nobody has installed is nothing to complain about.
    if (!isMissing && told !== failure.message)
      log.warn({ watched: kind.plural, why: failure.message }, 'watch interrupted');
    told = isMissing ? undefined : failure.message;
  }

  function missing(): void {
    missingSince ??= performance.now();
    const isGone = state === 'served' && performance.now() - missingSince >= goneAfterMs;
    if (isGone)
      log.warn({ kind: kind.kind, group: kind.apiVersion }, 'the API server does not serve this kind any more');
    if (isGone) memory.clear();
    if (isGone || state === 'unknown') state = 'not served';
  }

  function listed(values: readonly unknown[], version: string | undefined): void {
    memory.listed(
      values.flatMap((value) => kubeObject(value, kind) ?? []),
      version,
    );
  }

  const collection = collectionOf(kubeConfig, watched);
  const close = followCollection({ kubeConfig, limits: listLimits, ...defined('pauses', pauses) }, collection, {
    listed(values, version) {
      missingSince = undefined;
      told = undefined;
      if (state === 'not served')
        log.info({ kind: kind.kind, group: kind.apiVersion }, 'the API server serves this kind now');
      state = 'served';
      listed(values, version);
    },
    changed: (value) => seen(value, (object) => memory.seen(object)),
    removed: (value) => seen(value, (object) => memory.removed(object)),
    failed,
  });
  return {
    watched,
    memory,
    state: () => state,
    problem: () => told,
    covers: (object) => covers(watched, object),
    async refresh(signal) {
      const answer = await listCollection(collection, listLimits, signal);
      if (!answer.ok) return answer;
      listed(answer.value.objects, answer.value.version);
      return ok(undefined);
    },
    close,
  };
}

function covers({ kind, label, namespace, name }: Watched, object: KubeObject): boolean {
  const { metadata } = object;
  return (
    object.kind === kind.kind &&
    object.apiVersion === kind.apiVersion &&
    (label === undefined || metadata.labels?.[label] !== undefined) &&
    (namespace === undefined || metadata.namespace === namespace) &&
    (name === undefined || metadata.name === name)
  );
}

function collectionOf(kubeConfig: KubeConfig, { kind, label, namespace, name }: Watched): Collection {
  const api = kubeConfig.makeApiClient(CustomObjectsApi);
  const slash = kind.apiVersion.indexOf('/');
  const group = { name: kind.apiVersion.slice(0, Math.max(slash, 0)), version: kind.apiVersion.slice(slash + 1) };
  const selectors = {
    ...defined('labelSelector', label),
    ...defined('fieldSelector', name === undefined ? undefined : `metadata.name=${name}`),
  };
  const listing = {
    title: kind.plural,
    ...defined('group', slash < 0 ? undefined : group),
    plural: kind.plural,
    ...defined('namespace', namespace),
    ...selectors,
  };
  return {
    title: kind.plural,
    path: pathOf(kind, namespace),
    ...selectors,
    pages,
    list: (call, page) => pageOf(api, listing, page, call),
  };
}
