/**
 * Follows the objects of one collection as the API server has them: list, watch from there, list again when the server no
 * longer knows where we were. It does not interpret the objects, keeps none, and never gives up.
 *
 * The loop is our own, on the client library's `Watch` (credentials, TLS, framing, and an end after 30 silent seconds).
 * Its informer (2.0) stops for good at the first error, reconnects in promises that nobody holds, so that a rejection there
 * ends the process, and does not say when its first list is complete.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Watch, type ConfigurationOptions, type KubeConfig } from '@kubernetes/client-node';
import { defined } from '../../kernel/defined.ts';
import { failure, quoted } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import { apiFailure, boundedCall, usualLimits, type ApiFailure, type CallLimits } from './bounded-call.ts';

export interface Collection {
  /** For sentences, e.g. "clusterimagepolicies". */
  readonly title: string;
  /** e.g. "/apis/policy.sigstore.dev/v1alpha1/trustroots". */
  readonly path: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
  /** The larger first; the next for the rest of a list of which a page could not be had. */
  readonly pages?: readonly [Pages, ...Pages[]];
  readonly list: (options: ConfigurationOptions, page: ListPage) => Promise<unknown>;
}

/** Objects in one answer to a list, and how long that may be; absent: as any answer. */
export interface Pages {
  readonly size: number;
  readonly maxBytes?: number;
}

/** In the client library's words. Kubernetes API concepts §retrieving large results sets in chunks */
export interface ListPage {
  readonly limit: number;
  readonly _continue?: string;
}

/** A page of the largest policies that there are stays far below the limit for one answer. */
const usualPages = [{ size: 500 }] as const;

export interface WatchSettings {
  readonly kubeConfig: KubeConfig;
  readonly limits?: CallLimits;
  /** Milliseconds between tries: the first pause, doubled up to the longest. */
  readonly pauses?: { readonly first: number; readonly longest: number };
}

/** Calls are in the order in which the API server says it. */
export interface Follower {
  /** All there are; what was told before and is not among them is gone. `version`: of the list. */
  listed(objects: readonly unknown[], version: string | undefined): void;
  changed(object: unknown): void;
  removed(object: unknown): void;
  /** What was told may be out of date: until the next call of another kind. */
  failed(failure: ApiFailure): void;
}

/** How one watch ended: at `version` everything before was seen; without one only a list helps. */
interface WatchEnd {
  readonly version?: string;
  readonly failed?: ApiFailure;
}

const usualPauses = { first: 1_000, longest: 10_000 };
/** A watch that lived this long was a good one: the next begins at once. */
const goodWatchMs = 1_000;

/** Begins at once; returns how to stop. */
export function followCollection(settings: WatchSettings, collection: Collection, follower: Follower): () => void {
  const { pauses = usualPauses, limits = usualLimits } = settings;
  const { first, longest } = pauses;
  const closing = new AbortController();
  const closed = closing.signal;
  let pause = 0;

  async function run(): Promise<void> {
    let version: string | undefined;
    while (!closed.aborted) {
      version ??= await list();
      if (version === undefined) pause = nextPause();
      else version = await watch(version);
      if (pause > 0) await sleep(pause, undefined, { signal: closed, ref: false }).catch(() => undefined);
    }
  }

  async function list(): Promise<string | undefined> {
    const answer = await listCollection(collection, limits, closed);
    if (!answer.ok) {
      report(answer.failure);
      return undefined;
    }
    const { objects, version } = answer.value;
    if (!closed.aborted) follower.listed(objects, version);
    return version;
  }

  /** Gives where to go on, or nothing when a new list is needed. */
  async function watch(from: string): Promise<string | undefined> {
    const began = performance.now();
    const end = await watchOnce(settings.kubeConfig, collection, from, closed, take);
    const good = end.failed === undefined && performance.now() - began >= goodWatchMs;
    pause = good ? 0 : nextPause();
    if (end.failed !== undefined) report(end.failed);
    return end.version;
  }

  function take(type: string, object: unknown): void {
    pause = 0;
    if (type === 'DELETED') follower.removed(object);
    else follower.changed(object);
  }

  function report(failed: ApiFailure): void {
    if (!closed.aborted) follower.failed(failed);
  }

  function nextPause(): number {
    return Math.min(longest, Math.max(first, pause * 2));
  }

  void run();
  return () => {
    closing.abort();
  };
}

export interface Listed {
  readonly objects: readonly unknown[];
  /** Everything before it was seen. */
  readonly version: string | undefined;
}

/** All there are when it begins, or later. Kubernetes API concepts §resource versions: unset is the most recent */
export async function listCollection(
  collection: Collection,
  limits: CallLimits,
  signal: AbortSignal,
): Promise<Result<Listed, ApiFailure>> {
  const { title, pages: [first, ...smaller] = usualPages } = collection;
  const objects: unknown[] = [];
  let pages: Pages = first;
  let next: string | undefined;
  for (;;) {
    const page: ListPage = { limit: pages.size, ...defined('_continue', next) };
    const bounds = { ...limits, ...defined('maxBytes', pages.maxBytes) };
    const answer = await boundedCall(`list ${title}`, bounds, (options) => collection.list(options, page), signal);
    if (!answer.ok) {
      const less = smaller.shift();
      // An answer that is no answer: too long, or too late.
      if (answer.failure.status !== undefined || less === undefined || signal.aborted) return answer;
      pages = less;
      continue;
    }
    const items = asRecord(answer.value)?.['items'];
    // Whatever is no list is not an empty list: that would take every policy away.
    if (!Array.isArray(items)) return fail(apiFailure(`list ${title}`, new Error('the answer is no list')));
    for (const item of items) objects.push(item);
    next = metadataText(answer.value, 'continue') || undefined;
    if (next === undefined) return ok({ objects, version: metadataText(answer.value, 'resourceVersion') });
  }
}

/** One watch from beginning to end; never rejects. */
async function watchOnce(
  kubeConfig: KubeConfig,
  collection: Collection,
  from: string,
  closed: AbortSignal,
  take: (type: string, object: unknown) => void,
): Promise<WatchEnd> {
  const { promise, resolve } = Promise.withResolvers<WatchEnd>();
  let version: string | undefined = from;
  let failed: ApiFailure | undefined;

  // Without bookmarks the version of a quiet collection grows old, and the next watch begins with a list.
  const { fieldSelector, labelSelector } = collection;
  const query = { resourceVersion: from, allowWatchBookmarks: true, fieldSelector, labelSelector };
  const onEvent = (type: string, object: unknown): void => {
    if (closed.aborted) return;
    if (type === 'ERROR') {
      version = undefined;
      failed = statusFailure(collection.title, object);
      return;
    }
    version = metadataText(object, 'resourceVersion') ?? version;
    if (type !== 'BOOKMARK') take(type, object);
  };
  const onEnd = (error: unknown): void => {
    resolve(endOf(collection.title, error, version, failed));
  };
  const abort = await new Watch(kubeConfig).watch(collection.path, query, onEvent, onEnd).catch((error: unknown) => {
    onEnd(error);
    return new AbortController();
  });
  const cancel = (): void => {
    abort.abort();
  };
  if (closed.aborted) cancel();
  closed.addEventListener('abort', cancel, { once: true });
  try {
    return await promise;
  } finally {
    closed.removeEventListener('abort', cancel);
  }
}

function endOf(title: string, error: unknown, version: string | undefined, failed: ApiFailure | undefined): WatchEnd {
  if (failed !== undefined) return { failed };
  const silent = error instanceof Error && error.name === 'TimeoutError';
  if (error !== null && error !== undefined && !silent) {
    const ended = apiFailure(`watch ${title}`, error);
    return ended.status === 410 ? {} : { failed: ended };
  }
  return version === undefined ? {} : { version };
}

/** An ERROR event holds a Status; 410 Gone is the normal end of a version that is too old. */
function statusFailure(title: string, event: unknown): ApiFailure | undefined {
  const status = asRecord(event);
  if (status?.['code'] === 410) return undefined;
  const message = status?.['message'];
  const why = typeof message === 'string' ? quoted(message) : 'no reason is given';
  return failure('CLUSTER_UNAVAILABLE', `cannot watch ${title}: ${why}`, 5);
}

export function metadataText(object: unknown, member: string): string | undefined {
  const found = asRecord(asRecord(object)?.['metadata'])?.[member];
  return typeof found === 'string' ? found : undefined;
}
