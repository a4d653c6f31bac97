/**
 * A cluster in memory that keeps the rules on which controllers rely: UIDs, resourceVersions, generations, AlreadyExists, the
 * status subresource, preconditions, garbage collection by owner. What is simulated beyond that is in fake-kubelet.ts.
 */
import { defined } from '../../src/kernel/defined.ts';
import type { Kind, KubeObject, NewObject, ObjectPlace } from '../../src/kernel/kube-object.ts';
import { failure } from '../../src/kernel/failure.ts';
import { fail, ok, type Result } from '../../src/kernel/result.ts';
import { stableJson } from '../../src/kernel/stable-json.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { names as agentNames } from '../../src/agents/model.ts';
import { names } from '../../src/workflow/model.ts';
import type { ClusterObjects, Created, Warning, Written } from '../../src/ports/cluster-objects.ts';

export type Verb = 'create' | 'writeStatus' | 'patch' | 'remove' | 'read' | 'refresh' | 'logTail' | 'newestWarning';

/** What a test wants the API server to answer: a refusal for good, or an outage. */
export type Refusal = { readonly status: number; readonly message: string } | 'unavailable';

/** The process was killed at this call: nothing that comes after it in a reconcile may happen. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

export interface FakeCluster extends ClusterObjects {
  /** As somebody else does it: creates or replaces, with its status if it has one. */
  put(object: NewObject): KubeObject;
  /** As somebody else does it: without precondition, dependents go too. */
  drop(place: ObjectPlace): void;
  /** As its own controller does it. */
  setStatus(place: ObjectPlace, status: object): KubeObject;
  setLog(pod: { readonly namespace: string; readonly name: string }, text: string): void;
  /** As its controller tells it. */
  warn(place: ObjectPlace, warning: Warning): void;
  /** Also what is not watched: `get`, `list`, `ownedBy` and `onChange` show what a process of ours sees. */
  all(kind: Kind): readonly KubeObject[];
  /** How often, by verb and kind, e.g. "create Job". */
  readonly calls: Map<string, number>;
  /** Of all verbs. */
  callCount(): number;
  /** Throws Killed at the n-th call from now (from 1), before or after it took effect, and at all that follow. */
  failAfter(n: number, when?: 'before' | 'after'): void;
  /** The next process: calls work again. */
  revive(): void;
  isKilled(): boolean;
  /** Asked before each call. */
  refuse: ((verb: Verb, kind: string, object: NewObject | ObjectPlace) => Refusal | undefined) | undefined;
  /** A custom resource definition is removed, with its objects; or comes back. */
  unserve(kind: Kind): void;
  serve(kind: Kind): void;
}

/** `now` in milliseconds. */
export function fakeCluster({ now = () => Date.now() }: { readonly now?: () => number } = {}): FakeCluster {
  const objects = new Map<string, KubeObject>();
  const logs = new Map<string, string>();
  const listeners = new Set<(object: KubeObject, change: 'present' | 'gone') => void>();
  const missing = new Set<string>();
  const calls = new Map<string, number>();
  let version = 1;
  let uids = 0;
  let killAt: { readonly at: number; readonly when: 'before' | 'after' } | undefined;
  let killed = false;
  let count = 0;

  const time = (): string => new Date(now()).toISOString().replace(/\.\d+Z$/, 'Z');

  function tell(object: KubeObject, change: 'present' | 'gone'): void {
    // The call of somebody who was killed still happened, but nobody of that process hears of it.
    if (!isWatched(object)) return;
    for (const listener of listeners) listener(object, change);
  }

  function store(object: KubeObject): KubeObject {
    const before = objects.get(keyOf(object));
    if (
      before !== undefined &&
      same({ ...before, metadata: unversioned(before) }, { ...object, metadata: unversioned(object) })
    )
      return before;
    version += 1;
    const kept = frozen({ ...object, metadata: { ...object.metadata, resourceVersion: String(version) } });
    objects.set(keyOf(kept), kept);
    tell(kept, 'present');
    return kept;
  }

  function add(object: NewObject): KubeObject {
    uids += 1;
    const uid = `00000000-0000-4000-8000-${String(uids).padStart(12, '0')}`;
    const metadata = { ...object.metadata, uid, resourceVersion: '0', generation: 1, creationTimestamp: time() };
    return store({ ...object, metadata });
  }

  function change(before: KubeObject, after: NewObject): KubeObject {
    const { uid, resourceVersion, creationTimestamp, deletionTimestamp, generation = 1 } = before.metadata;
    const next = same(before['spec'], after['spec']) ? generation : generation + 1;
    const metadata = {
      ...after.metadata,
      uid,
      resourceVersion,
      generation: next,
      ...defined('creationTimestamp', creationTimestamp),
      ...defined('deletionTimestamp', deletionTimestamp),
    };
    const stored = store({ ...after, metadata });
    if (stored.metadata.deletionTimestamp === undefined || hasFinalizers(stored)) return stored;
    erase(stored);
    return stored;
  }

  function erase(object: KubeObject): void {
    if (hasFinalizers(object)) {
      store({
        ...object,
        metadata: { ...object.metadata, deletionTimestamp: object.metadata.deletionTimestamp ?? time() },
      });
      return;
    }
    objects.delete(keyOf(object));
    version += 1;
    tell(object, 'gone');
    const { uid } = object.metadata;
    for (const dependent of objects.values()) {
      const owners = dependent.metadata.ownerReferences ?? [];
      const isLast = owners.length > 0 && owners.every((owner) => owner.uid === uid);
      if (isLast) erase(dependent);
    }
  }

  async function call<T>(
    verb: Verb,
    kind: string,
    about: NewObject | ObjectPlace,
    signal: AbortSignal,
    work: () => Result<T>,
    refused: (refusal: { readonly status: number; readonly message: string }) => T | undefined,
  ): Promise<Result<T>> {
    // As on a network: whoever calls does not have the answer at once.
    await Promise.resolve();
    if (signal.aborted) return fail(failure('CLUSTER_UNAVAILABLE', `cannot ${verb} ${kind}: it was stopped`, 5));
    count += 1;
    if (killed || (killAt?.when === 'before' && count >= killAt.at)) die(verb, kind);
    const name = `${verb} ${kind}`;
    calls.set(name, (calls.get(name) ?? 0) + 1);
    const answer = refusalOf() ?? work();
    if (killAt !== undefined && count >= killAt.at) die(verb, kind);
    return answer;

    function refusalOf(): Result<T> | undefined {
      const refusal = cluster.refuse?.(verb, kind, about);
      if (refusal === undefined) return undefined;
      const answered = refusal === 'unavailable' ? undefined : refused(refusal);
      return answered === undefined
        ? fail(failure('CLUSTER_UNAVAILABLE', `cannot ${verb} ${kind}: out of order on purpose`, 5))
        : ok(answered);
    }
  }

  function die(verb: Verb, kind: string): never {
    killed = true;
    throw new Killed(`killed at call ${count}: ${verb} ${kind}`);
  }

  function newestWarning(uid: string): Warning | undefined {
    const isAbout = (event: KubeObject): boolean => asRecord(event['involvedObject'])?.['uid'] === uid;
    const events = cluster.all(eventKind).filter((event) => isAbout(event) && event['type'] === 'Warning');
    const newest = events.toSorted((a, b) => String(b['lastTimestamp']).localeCompare(String(a['lastTimestamp'])))[0];
    return newest && { reason: String(newest['reason']), message: String(newest['message']) };
  }

  const found = (place: ObjectPlace): KubeObject | undefined => objects.get(keyOfPlace(place));
  const isMissing = (kind: Pick<Kind, 'apiVersion' | 'kind'>): boolean =>
    missing.has(`${kind.apiVersion}/${kind.kind}`);
  const asRefused = (refusal: { readonly status: number; readonly message: string }) =>
    ({ kind: 'refused', ...refusal }) as const;
  const notServed = {
    kind: 'refused',
    status: 404,
    message: 'the server could not find the requested resource',
  } as const;

  const cluster: FakeCluster = {
    refuse: undefined,
    calls,
    callCount: () => count,
    isReady: () => true,
    isServed: (kind) => !isMissing(kind),
    get(place) {
      const object = found(place);
      return object !== undefined && isWatched(object) ? object : undefined;
    },
    ownedBy: (kind, uid, namespace) =>
      cluster.list(kind).filter((object) => object.metadata.namespace === namespace && isControlledBy(object, uid)),
    read: (place, signal) =>
      call<KubeObject | undefined>(
        'read',
        place.kind.kind,
        place,
        signal,
        () => ok(found(place)),
        () => undefined,
      ),
    refresh: (kind, signal) =>
      call<void>(
        'refresh',
        kind.kind,
        { kind, name: '' },
        signal,
        () => ok(undefined),
        () => undefined,
      ),
    list: (kind) => cluster.all(kind).filter(isWatched),
    all: (kind) =>
      [...objects.values()].filter((object) => object.kind === kind.kind && object.apiVersion === kind.apiVersion),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    create: (object, kind, signal) =>
      call<Created>(
        'create',
        kind.kind,
        object,
        signal,
        () => {
          if (isMissing(kind)) return ok(notServed);
          const { name } = object.metadata;
          if (!/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(name) || (kind.kind === 'Job' && name.length > 63))
            return ok({ kind: 'refused', status: 422, message: `${kind.kind} "${name}" is invalid: metadata.name` });
          const exists = objects.get(keyOf(object));
          if (exists !== undefined) return ok({ kind: 'exists', object: exists });
          const { status, ...rest } = copy(object);
          const created = add(hasStatus(object) ? rest : { ...rest, ...defined('status', status) });
          return ok({ kind: 'created', object: created });
        },
        asRefused,
      ),
    writeStatus: (object, kind, status, signal) =>
      call<Written>(
        'writeStatus',
        kind.kind,
        object,
        signal,
        () => {
          const current = objects.get(keyOf(object));
          const isCurrent =
            current?.metadata.uid === object.metadata.uid &&
            current.metadata.resourceVersion === object.metadata.resourceVersion;
          if (current === undefined || !isCurrent) return ok({ kind: 'superseded' });
          return ok({ kind: 'written', object: store({ ...current, status: copy(status) }) });
        },
        asRefused,
      ),
    patch: (place, patch, signal) =>
      call<Written>(
        'patch',
        place.kind.kind,
        place,
        signal,
        () => {
          const current = found(place);
          if (current === undefined) return ok({ kind: 'superseded' });
          const expected = asRecord(asRecord(patch)?.['metadata']);
          const { uid, resourceVersion } = current.metadata;
          const isOther = (member: unknown, actual: string): boolean => member !== undefined && member !== actual;
          if (isOther(expected?.['resourceVersion'], resourceVersion)) return ok({ kind: 'superseded' });
          if (isOther(expected?.['uid'], uid))
            return ok({ kind: 'refused', status: 422, message: 'metadata.uid: field is immutable' });
          // A patch of an object is an object of the same shape; the status has a subresource of its own.
          const merged = merge(current, patch) as KubeObject;
          const { status: _, ...rest } = merged;
          const after = { ...rest, ...defined('status', current['status']) };
          return ok({ kind: 'written', object: change(current, copy(after)) });
        },
        asRefused,
      ),
    remove: (place, uid, signal) =>
      call<'removed' | 'gone'>(
        'remove',
        place.kind.kind,
        place,
        signal,
        () => {
          const current = found(place);
          if (current?.metadata.uid !== uid) return ok('gone');
          erase(current);
          return ok('removed');
        },
        () => undefined,
      ),
    logTail: ({ namespace, name }, maxBytes, signal) =>
      call<string | undefined>(
        'logTail',
        'Pod',
        { kind: podKind, namespace, name },
        signal,
        () => {
          const isThere = found({ kind: podKind, namespace, name }) !== undefined;
          const text = logs.get(`${namespace}/${name}`) ?? '';
          return ok(isThere ? Buffer.from(text).subarray(-maxBytes).toString() : undefined);
        },
        () => undefined,
      ),
    newestWarning: ({ namespace, uid }, signal) =>
      call<Warning | undefined>(
        'newestWarning',
        'Event',
        { kind: eventKind, namespace, name: uid },
        signal,
        () => ok(newestWarning(uid)),
        () => undefined,
      ),
    put(object) {
      const before = objects.get(keyOf(object));
      return before === undefined ? add(copy(object)) : change(before, copy(object));
    },
    drop(place) {
      const object = found(place);
      if (object !== undefined) erase(object);
    },
    setStatus(place, status) {
      const object = found(place);
      if (object === undefined) throw new Error(`there is no ${place.kind.kind} ${place.name}`);
      return store({ ...object, status: copy(status) });
    },
    setLog({ namespace, name }, text) {
      logs.set(`${namespace}/${name}`, text);
    },
    warn(place, warning) {
      const { namespace = '', name } = place;
      const involvedObject = { namespace, name, uid: found(place)?.metadata.uid };
      const metadata = { namespace, name: `${name}.${version}` };
      const { apiVersion, kind } = eventKind;
      cluster.put({ apiVersion, kind, metadata, involvedObject, type: 'Warning', ...warning, lastTimestamp: time() });
    },
    failAfter(n, when = 'before') {
      killAt = { at: count + n, when };
    },
    revive() {
      killAt = undefined;
      killed = false;
      listeners.clear();
    },
    isKilled: () => killed,
    unserve(kind) {
      missing.add(`${kind.apiVersion}/${kind.kind}`);
      for (const object of cluster.all(kind)) {
        objects.delete(keyOf(object));
        tell(object, 'gone');
      }
    },
    serve(kind) {
      missing.delete(`${kind.apiVersion}/${kind.kind}`);
    },
  };
  return cluster;
}

const byLabel: readonly string[] = ['Job', 'Pod', 'PersistentVolumeClaim', 'PipelineRun', 'TaskRun'];

/** Whose Jobs and Pods are watched. */
const watchedLabels: readonly string[] = [names.engineLabel, agentNames.taskLabel, agentNames.kubeTaskLabel];
/** Theirs are watched by the label of the Agent; ConfigMaps of Tasks are not watched at all. */
const ofServers: readonly string[] = ['Deployment', 'Service'];

function isWatched({ apiVersion, kind, metadata }: KubeObject): boolean {
  if (kind === 'Task' && isTekton(apiVersion)) return metadata.name === names.metaTask;
  const isLabelled = (labels: readonly string[]): boolean =>
    labels.some((label) => metadata.labels?.[label] !== undefined);
  if (kind === 'ConfigMap') return !isLabelled(watchedLabels);
  if (ofServers.includes(kind)) return isLabelled([agentNames.agentLabel]);
  return kind !== 'Lease' && kind !== 'Event' && (!byLabel.includes(kind) || isLabelled(watchedLabels));
}

function isTekton(apiVersion: string): boolean {
  return apiVersion.startsWith('tekton.dev/');
}

export function isControlledBy({ metadata }: KubeObject, uid: string): boolean {
  return (metadata.ownerReferences ?? []).some((owner) => owner.controller === true && owner.uid === uid);
}

export const eventKind: Kind = { apiVersion: 'v1', kind: 'Event', plural: 'events' };
const podKind: Kind = { apiVersion: 'v1', kind: 'Pod', plural: 'pods' };

function hasStatus({ apiVersion, kind }: NewObject): boolean {
  return kind !== 'ConfigMap' && kind !== 'Lease' && !(kind === 'Task' && isTekton(apiVersion));
}

function hasFinalizers(object: KubeObject): boolean {
  return (object.metadata.finalizers ?? []).length > 0;
}

function keyOf(object: NewObject): string {
  return [object.apiVersion, object.kind, object.metadata.namespace ?? '', object.metadata.name].join('|');
}

function keyOfPlace({ kind, namespace = '', name }: ObjectPlace): string {
  return [kind.apiVersion, kind.kind, namespace, name].join('|');
}

function unversioned({ metadata }: KubeObject): object {
  const { resourceVersion: _, ...rest } = metadata;
  return rest;
}

function same(one: unknown, other: unknown): boolean {
  return stableJson(one ?? null) === stableJson(other ?? null);
}

function copy<T>(value: T): T {
  // What is sent is JSON: members that are undefined, functions and shared references do not arrive.
  return JSON.parse(JSON.stringify(value)) as T;
}

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const member of Object.values(value)) frozen(member);
  return value;
}

/** RFC 7386 */
function merge(target: unknown, patch: unknown): unknown {
  const changes = asRecord(patch);
  if (changes === undefined) return patch;
  const merged: Record<string, unknown> = { ...asRecord(target) };
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) delete merged[key];
    else merged[key] = merge(merged[key], value);
  }
  return merged;
}
