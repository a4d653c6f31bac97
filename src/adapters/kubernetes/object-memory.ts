/**
 * Objects of one watched collection, as they were last seen or written. A version that is older than the one in memory never
 * replaces it, whichever way it came; nothing comes back after it is known to be gone.
 * resourceVersions are decimal numbers that grow: Kubernetes API concepts §resource versions (KEP-5504, 1.35).
 */
import type { KubeObject } from '../../kernel/kube-object.ts';

export type Tell = (object: KubeObject, change: 'present' | 'gone') => void;

/** Removals that are remembered: as long as an older answer may still be under way. */
const remembered = 10_000;
const never = 2n ** 64n;

export class ObjectMemory {
  readonly #tell: Tell;
  readonly #objects = new Map<string, KubeObject>();
  readonly #byController = new Map<string, Map<string, KubeObject>>();
  /** By UID: the version until which it is gone; it may come back into the collection, when its labels change. */
  readonly #removed = new Map<string, bigint>();
  /** Everything before this version was seen. */
  #listed = 0n;

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  get(namespace: string | undefined, name: string): KubeObject | undefined {
    return this.#objects.get(nameOf(namespace, name));
  }

  all(): readonly KubeObject[] {
    return [...this.#objects.values()];
  }

  ownedBy(uid: string): readonly KubeObject[] {
    return [...(this.#byController.get(uid)?.values() ?? [])];
  }

  /** A complete list of this version: what it does not name is gone, unless it was written after it. */
  listed(objects: readonly KubeObject[], version: string | undefined): void {
    const at = versionOf(version);
    if (at > this.#listed) this.#listed = at;
    const names = new Set(objects.map(keyOf));
    for (const known of this.all())
      if (!names.has(keyOf(known)) && versionOf(known.metadata.resourceVersion) <= at) this.#forget(known, at);
    for (const object of objects) this.seen(object);
  }

  /** By list or watch. */
  seen(object: KubeObject): void {
    const { uid, resourceVersion } = object.metadata;
    const version = versionOf(resourceVersion);
    if (version <= (this.#removed.get(uid) ?? -1n)) return;
    const known = this.#objects.get(keyOf(object));
    if (known !== undefined && versionOf(known.metadata.resourceVersion) >= version) return;
    // Another of the same name: the former went without our seeing it.
    if (known !== undefined && known.metadata.uid !== uid) this.#forget(known, version);
    this.#put(object);
    this.#tell(object, 'present');
  }

  /** The answer to a request of ours. */
  written(object: KubeObject): void {
    const isKnown = this.#objects.has(keyOf(object));
    // A list that is newer does not have it any more.
    if (!isKnown && versionOf(object.metadata.resourceVersion) <= this.#listed) return;
    this.seen(object);
  }

  /** By watch: the version is that of the removal. */
  removed(object: KubeObject): void {
    this.#end(object, versionOf(object.metadata.resourceVersion));
  }

  /** The API server says that it is gone for good. */
  erased(object: KubeObject): void {
    this.#end(object, never);
  }

  /** There is no such collection any more; when it is back, it may have the same objects. */
  clear(): void {
    for (const known of this.all()) this.#forget(known, 0n);
    this.#removed.clear();
    this.#listed = 0n;
  }

  #end(object: KubeObject, until: bigint): void {
    const known = this.#objects.get(keyOf(object));
    if (known?.metadata.uid !== object.metadata.uid) this.#remember(object.metadata.uid, until);
    else if (versionOf(known.metadata.resourceVersion) <= until) this.#forget(known, until);
  }

  #put(object: KubeObject): void {
    const key = keyOf(object);
    const before = this.#objects.get(key);
    if (before !== undefined) this.#unindex(before, key);
    this.#objects.set(key, object);
    const controller = controllerOf(object);
    if (controller === undefined) return;
    const owned = this.#byController.get(controller) ?? new Map<string, KubeObject>();
    this.#byController.set(controller, owned.set(key, object));
  }

  #forget(object: KubeObject, until: bigint): void {
    const key = keyOf(object);
    this.#objects.delete(key);
    this.#unindex(object, key);
    this.#remember(object.metadata.uid, until);
    this.#tell(object, 'gone');
  }

  #unindex(object: KubeObject, key: string): void {
    const controller = controllerOf(object);
    const owned = controller === undefined ? undefined : this.#byController.get(controller);
    owned?.delete(key);
    if (controller !== undefined && owned?.size === 0) this.#byController.delete(controller);
  }

  #remember(uid: string, until: bigint): void {
    this.#removed.delete(uid);
    this.#removed.set(uid, until);
    const [oldest] = this.#removed.keys();
    if (this.#removed.size > remembered && oldest !== undefined) this.#removed.delete(oldest);
  }
}

function keyOf({ metadata: { namespace, name } }: KubeObject): string {
  return nameOf(namespace, name);
}

function nameOf(namespace: string | undefined, name: string): string {
  return `${namespace ?? ''}/${name}`;
}

function controllerOf({ metadata }: KubeObject): string | undefined {
  return metadata.ownerReferences?.find((owner) => owner.controller === true)?.uid;
}

function versionOf(text: string | undefined): bigint {
  return text !== undefined && /^\d{1,20}$/.test(text) ? BigInt(text) : 0n;
}
