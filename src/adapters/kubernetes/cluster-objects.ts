/**
 * Port ClusterObjects on the API server: what is watched is in memory, and what we write comes into it with the answer. It
 * decides nothing, and tries nothing a second time: whoever asked begins again from what there is.
 */
import type { KubeConfig } from '@kubernetes/client-node';
import { defined } from '../../kernel/defined.ts';
import { quoted } from '../../kernel/failure.ts';
import type { Kind, KubeObject, NewObject, ObjectPlace } from '../../kernel/kube-object.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { ClusterObjects, Created, Warning, Written } from '../../ports/cluster-objects.ts';
import type { Logger } from '../../ports/logger.ts';
import { apiClient, type ApiAnswer, type ApiRequest } from './api-request.ts';
import { answerFailure, apiFailure, type ApiFailure, type CallLimits } from './bounded-call.ts';
import type { WatchSettings } from './follow-collection.ts';
import type { Tell } from './object-memory.ts';
import { kubeObject, pathOf } from './object-shape.ts';
import { RateLimit, type RequestRate } from './request-rate.ts';
import { watchKind, type Watched } from './watched-kind.ts';

export interface ClusterObjectsOptions {
  readonly kubeConfig: KubeConfig;
  readonly watches: readonly Watched[];
  readonly log: Logger;
  /** Of everything but lists and watches; read before each request. */
  readonly rate?: () => RequestRate;
  readonly limits?: CallLimits;
  readonly pauses?: WatchSettings['pauses'];
}

export interface WatchedClusterObjects extends ClusterObjects {
  /** Why some of what is in memory may be out of date. */
  problems(): readonly string[];
  close(): void;
}

const usualRate: RequestRate = { qps: 20, burst: 30 };
/** Admission webhooks have up to 10 s in all to say something about what we write. */
const usualLimits: CallLimits = { deadlineMs: 15_000, maxBytes: 8 * 1024 * 1024 };
const fieldManager = { fieldManager: 'countersign' };
/** Answers that the same request will get again. */
const refusals: readonly number[] = [400, 403, 404, 413, 422];
/** Enough of what an action prints to find its last line in. */
const tailLines = '2000';
const longestMessage = 1_024;
const eventKind = { apiVersion: 'v1', plural: 'events' };
/** Events that say the same are one; they come by name, not by time. */
const maxEvents = '200';
const podKind = { apiVersion: 'v1', plural: 'pods' };

/** Begins at once. */
export function clusterObjects(options: ClusterObjectsOptions): WatchedClusterObjects {
  const { kubeConfig, limits = usualLimits, rate = () => usualRate } = options;
  const client = apiClient(kubeConfig, limits);
  const turns = new RateLimit(rate);
  const listeners = new Set<Tell>();
  const tell: Tell = (object, change) => {
    for (const listener of listeners) listener(object, change);
  };
  const watches = options.watches.map((watched) => watchKind(options, watched, tell));
  const watchesOf = (kind: Pick<Kind, 'apiVersion' | 'kind'>) =>
    watches.filter(({ watched }) => watched.kind.apiVersion === kind.apiVersion && watched.kind.kind === kind.kind);

  async function send(what: string, request: ApiRequest, signal: AbortSignal): Promise<Result<ApiAnswer, ApiFailure>> {
    const mayGo = await turns.turn(signal);
    return mayGo ? client.send(what, request, signal) : fail(apiFailure(what, signal.reason));
  }

  /** What the answer holds, also into memory. */
  function take(what: string, { status, body }: ApiAnswer, kind: Kind): Result<KubeObject, ApiFailure> {
    const object = status >= 200 && status < 300 ? kubeObject(body, kind) : undefined;
    if (object === undefined) return fail(answerFailure(what, status));
    remember(object);
    return ok(object);
  }

  function remember(object: KubeObject): void {
    for (const { memory, covers } of watches) if (covers(object)) memory.written(object);
  }

  function erased<T>({ kind, namespace, name }: ObjectPlace, uid: string, outcome: T): Result<T> {
    for (const { memory } of watchesOf(kind)) {
      const known = memory.get(namespace, name);
      if (known?.metadata.uid === uid) memory.erased(known);
    }
    return ok(outcome);
  }

  async function existing(what: string, { namespace, name }: NewObject['metadata'], kind: Kind, signal: AbortSignal) {
    const answer = await send(what, { method: 'GET', path: pathOf(kind, namespace, name) }, signal);
    if (!answer.ok) return answer;
    const found = take(what, answer.value, kind);
    return found.ok ? ok<Created>({ kind: 'exists', object: found.value }) : found;
  }

  async function write(what: string, request: ApiRequest, kind: Kind, signal: AbortSignal): Promise<Result<Written>> {
    const answer = await send(what, { ...request, query: fieldManager }, signal);
    if (!answer.ok) return answer;
    const { status } = answer.value;
    if (status === 404 || status === 409) return ok({ kind: 'superseded' });
    if (refusals.includes(status)) return ok(refusalOf(answer.value));
    const taken = take(what, answer.value, kind);
    return taken.ok ? ok({ kind: 'written', object: taken.value }) : taken;
  }

  return {
    isReady: () => watches.every(({ state }) => state() !== 'unknown'),
    isServed: (kind) => watchesOf(kind).some(({ state }) => state() === 'served'),
    get({ kind, namespace, name }) {
      for (const { memory } of watchesOf(kind)) {
        const object = memory.get(namespace, name);
        if (object !== undefined) return object;
      }
      return undefined;
    },
    ownedBy: (kind, uid, namespace) =>
      watchesOf(kind)
        .flatMap(({ memory }) => memory.ownedBy(uid))
        .filter(({ metadata }) => metadata.namespace === namespace),
    list: (kind) => watchesOf(kind).flatMap(({ memory }) => memory.all()),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    async create(object, kind, signal) {
      const { namespace } = object.metadata;
      const what = `create ${titleOf({ kind, ...object.metadata })}`;
      const path = pathOf(kind, namespace);
      const answer = await send(what, { method: 'POST', path, query: fieldManager, body: object }, signal);
      if (!answer.ok) return answer;
      const { status, body } = answer.value;
      // A quota that is being updated is a conflict too, which passes.
      if (status === 409 && asRecord(body)?.['reason'] === 'AlreadyExists')
        return existing(what, object.metadata, kind, signal);
      if (refusals.includes(status)) return ok<Created>(refusalOf(answer.value));
      const taken = take(what, answer.value, kind);
      return taken.ok ? ok<Created>({ kind: 'created', object: taken.value }) : taken;
    },

    async read(place, signal) {
      const { kind, namespace, name } = place;
      const what = `read ${titleOf(place)}`;
      const answer = await send(what, { method: 'GET', path: pathOf(kind, namespace, name) }, signal);
      if (!answer.ok) return answer;
      return answer.value.status === 404 ? ok(undefined) : take(what, answer.value, kind);
    },

    async refresh(kind, signal) {
      for (const watch of watchesOf(kind)) {
        const answer = await watch.refresh(signal);
        if (!answer.ok) return answer;
      }
      return ok(undefined);
    },

    writeStatus({ apiVersion, kind: name, metadata }, kind, status, signal) {
      // Nothing but the status counts; UID and version are preconditions.
      const { name: of, namespace, uid, resourceVersion } = metadata;
      const identity = { name: of, ...defined('namespace', namespace), uid, resourceVersion };
      const body = { apiVersion, kind: name, metadata: identity, status };
      const path = pathOf(kind, namespace, of, 'status');
      return write(
        `write the status of ${titleOf({ kind, ...metadata })}`,
        { method: 'PUT', path, body },
        kind,
        signal,
      );
    },

    patch(place, patch, signal) {
      const path = pathOf(place.kind, place.namespace, place.name);
      const request = { method: 'PATCH', path, body: patch, contentType: 'application/merge-patch+json' } as const;
      return write(`change ${titleOf(place)}`, request, place.kind, signal);
    },

    async remove(place, uid, signal) {
      const { kind, namespace, name } = place;
      const what = `delete ${titleOf(place)}`;
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', preconditions: { uid } };
      const answer = await send(what, { method: 'DELETE', path: pathOf(kind, namespace, name), body }, signal);
      if (!answer.ok) return answer;
      const { status } = answer.value;
      if (status === 404 || status === 409) return erased(place, uid, 'gone');
      if (status !== 200 && status !== 202) return fail(answerFailure(what, status));
      // Whoever has finalizers, or a grace period, is still there, and says since when it is to go.
      const left = kubeObject(answer.value.body, kind);
      if (left?.metadata.deletionTimestamp === undefined) return erased(place, uid, 'removed');
      remember(left);
      return ok('removed');
    },

    async logTail({ namespace, name, container }, maxBytes, signal) {
      const what = `read the log of Pod ${quoted(namespace)}/${quoted(name)}`;
      const request = {
        method: 'GET',
        path: pathOf(podKind, namespace, name, 'log'),
        // limitBytes would cut off the end.
        query: { container, tailLines },
      } as const;
      const mayGo = await turns.turn(signal);
      if (!mayGo) return fail(apiFailure(what, signal.reason));
      const answer = await client.tail(what, request, maxBytes, signal);
      if (!answer.ok) return answer;
      const { status, text } = answer.value;
      if (status === 200) return ok(text);
      // 400: the container has not been started, and never will be, if its Pod has ended.
      return status === 404 || status === 400 ? ok(undefined) : fail(answerFailure(what, status));
    },

    async newestWarning({ namespace, uid }, signal) {
      const what = `read the events about an object in ${quoted(namespace)}`;
      const query = { fieldSelector: `involvedObject.uid=${uid},type=Warning`, limit: maxEvents };
      const answer = await send(what, { method: 'GET', path: pathOf(eventKind, namespace), query }, signal);
      if (!answer.ok) return answer;
      const { status, body } = answer.value;
      return status === 200 ? ok(newestOf(asRecord(body)?.['items'])) : fail(answerFailure(what, status));
    },

    problems: () => watches.flatMap(({ problem }) => problem() ?? []),
    close() {
      client.close();
      for (const { close } of watches) close();
      listeners.clear();
    },
  };
}

function newestOf(events: unknown): Warning | undefined {
  const list: readonly unknown[] = Array.isArray(events) ? events : [];
  const newest = list.map((event) => asRecord(event) ?? {}).toSorted((a, b) => timeOf(b) - timeOf(a))[0];
  const { reason, message } = newest ?? {};
  return typeof reason === 'string' && typeof message === 'string' ? { reason, message } : undefined;
}

/** Those that are counted have the first, those of the newer interface the second. core/v1 Event */
function timeOf({ lastTimestamp, eventTime, metadata }: Readonly<Record<string, unknown>>): number {
  const times = [lastTimestamp, eventTime, asRecord(metadata)?.['creationTimestamp']];
  return Date.parse(String(times.find((time) => typeof time === 'string'))) || 0;
}

function refusalOf({ status, body }: ApiAnswer): {
  readonly kind: 'refused';
  readonly status: number;
  readonly message: string;
} {
  const message = asRecord(body)?.['message'];
  const said = typeof message === 'string' ? message : `the API server answers ${status}`;
  return { kind: 'refused', status, message: quoted(said, longestMessage) };
}

function titleOf({ kind, namespace, name }: Pick<ObjectPlace, 'namespace' | 'name'> & { readonly kind: Kind }): string {
  return `${kind.kind} ${namespace === undefined ? '' : `${quoted(namespace)}/`}${quoted(name)}`;
}
