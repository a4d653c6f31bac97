/**
 * The client of a TUF repository: The Update Framework 1.0 §5, over tuf-js's metadata store, which makes every check. The
 * library's own client keeps its files on disk; this one keeps them in memory, so that no disk need be writable. What was
 * seen before is remembered, and an older repository is refused: a TUF mirror is trusted with nothing but being there.
 */
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { TargetFile, Targets } from '@tufjs/models';
import { EqualVersionError } from 'tuf-js/dist/error.js';
import { TrustedMetadataStore } from 'tuf-js/dist/store.js';
import { asRecord, parseStrictJson } from '../../kernel/strict-json.ts';
import { delegatedFor, type Delegated } from './delegated-paths.ts';
import { problemOf, RepositoryProblem } from './tuf-problem.ts';

/** A file by its path from the folder of the metadata, at most so large; undefined: there is none. */
export type FetchFile = (path: string, maxBytes: number) => Promise<Buffer | undefined>;

/** Metadata that was verified, by file name. Whoever keeps it keeps the protection against older repositories. */
export type KnownMetadata = Map<string, Buffer>;

export interface TufRepository {
  /** The content of a target, through delegations; undefined: no role that may speak for it names it. */
  target(path: string): Promise<Buffer | undefined>;
  /** Those that the role "targets" names itself. */
  topLevelTargets(): readonly TargetFile[];
  /** When the first piece of metadata that was used expires. */
  expires(): Date;
}

export interface TufPlace {
  readonly initialRoot: Buffer;
  /** Folder of the targets. */
  readonly targets: string;
  readonly known: KnownMetadata;
  readonly fetch: FetchFile;
}

/** Those of tuf-js, but smaller: what is read here is small. Bytes. */
const limits = { root: 512_000, timestamp: 16_384, snapshot: 2_000_000, targets: 5_000_000, target: 1_048_576 };
const maxRootRotations = 256;
const maxDelegations = 32;
/** Each costs a look at the whole file, and one key may have many names. Real files have ten. */
const maxSignatures = 32;

/** Brings the metadata up to date. Throws RepositoryProblem. */
export async function openRepository(place: TufPlace): Promise<TufRepository> {
  const client = new Client(place);
  await client.refresh();
  return client;
}

class Client implements TufRepository {
  readonly #place: TufPlace;
  readonly #store: TrustedMetadataStore;
  readonly #roles = new Set<string>();

  constructor(place: TufPlace) {
    this.#place = place;
    const name = 'the initial root.json';
    checkSignatures(name, place.initialRoot);
    this.#store = step(name, () => new TrustedMetadataStore(place.initialRoot));
  }

  async refresh(): Promise<void> {
    await this.#refreshRoot();
    await this.#refreshTimestamp();
    await this.#refreshSnapshot();
    await this.#loadTargets('targets', 'root');
  }

  // §5.3
  async #refreshRoot(): Promise<void> {
    for (let count = 0; count < maxRootRotations; count += 1) {
      const name = `${this.#store.root.signed.version + 1}.root.json`;
      // Requests go in between: a chain may be long.
      await setImmediate();
      if (this.#tryKnown(name, (bytes) => this.#store.updateRoot(bytes))) continue;
      const bytes = await this.#place.fetch(name, limits.root);
      if (bytes === undefined) return;
      checkSignatures(name, bytes);
      step(name, () => this.#store.updateRoot(bytes));
      this.#place.known.set(name, bytes);
    }
    throw new RepositoryProblem(`it goes on after ${maxRootRotations} versions of root.json`);
  }

  // §5.4
  async #refreshTimestamp(): Promise<void> {
    const name = 'timestamp.json';
    // One that has expired is loaded too: what is older than it is refused.
    this.#tryKnown(name, (bytes) => this.#store.updateTimestamp(bytes));
    const bytes = await this.#fetch(name, limits.timestamp);
    step(name, () => {
      try {
        this.#store.updateTimestamp(bytes);
        this.#place.known.set(name, bytes);
      } catch (error) {
        if (!(error instanceof EqualVersionError)) throw error;
      }
    });
  }

  // §5.5
  async #refreshSnapshot(): Promise<void> {
    const name = 'snapshot.json';
    if (this.#tryKnown(name, (bytes) => this.#store.updateSnapshot(bytes, true))) return;
    const meta = this.#store.timestamp?.signed.snapshotMeta;
    const file = this.#store.root.signed.consistentSnapshot ? `${meta?.version}.${name}` : name;
    const bytes = await this.#fetch(file, Math.min(meta?.length ?? limits.snapshot, limits.snapshot));
    step(name, () => this.#store.updateSnapshot(bytes));
    this.#place.known.set(name, bytes);
  }

  // §5.6
  async #loadTargets(role: string, delegator: string): Promise<Targets> {
    const name = `${encodeURIComponent(role)}.json`;
    const loaded = this.#store.getRole(role);
    if (loaded !== undefined) {
      // A role may be delegated to from several sides: each time by keys of its own.
      step(name, () => (this.#store.getRole(delegator) ?? this.#store.root).verifyDelegate(role, loaded));
      return loaded.signed;
    }
    const isKnown = this.#tryKnown(name, (bytes) => this.#store.updateDelegatedTargets(bytes, role, delegator));
    if (!isKnown) await this.#fetchTargets(name, role, delegator);
    this.#roles.add(role);
    const found = this.#store.getRole(role);
    if (found === undefined) throw new RepositoryProblem(`${name} is not there`);
    return found.signed;
  }

  async #fetchTargets(name: string, role: string, delegator: string): Promise<void> {
    const meta = this.#store.snapshot?.signed.meta[`${role}.json`];
    if (meta === undefined) throw new RepositoryProblem(`snapshot.json does not name ${name}`);
    const file = this.#store.root.signed.consistentSnapshot ? `${meta.version}.${name}` : name;
    const bytes = await this.#fetch(file, Math.min(meta.length ?? limits.targets, limits.targets));
    step(name, () => this.#store.updateDelegatedTargets(bytes, role, delegator));
    this.#place.known.set(name, bytes);
  }

  async target(path: string): Promise<Buffer | undefined> {
    const found = await this.#find(path);
    return found === undefined ? undefined : this.#download(found);
  }

  // §5.6.7: before those that it delegates to, a role speaks itself; these in their order, until one is terminating.
  async #find(path: string): Promise<TargetFile | undefined> {
    const visited = new Set<string>();
    const waiting = [{ role: 'targets', delegator: 'root' }];
    for (let next = waiting.pop(); next !== undefined && visited.size <= maxDelegations; next = waiting.pop()) {
      if (visited.has(next.role)) continue;
      const { targets, delegations } = await this.#loadTargets(next.role, next.delegator);
      if (Object.hasOwn(targets, path)) return targets[path];
      visited.add(next.role);
      const children: { role: string; delegator: string }[] = [];
      const delegated: readonly Delegated[] = delegations === undefined ? [] : delegatedFor(delegations, path);
      for (const { role, terminating } of delegated) {
        children.push({ role, delegator: next.role });
        if (!terminating) continue;
        waiting.splice(0);
        break;
      }
      waiting.push(...children.reverse());
    }
    return undefined;
  }

  async #download(target: TargetFile): Promise<Buffer> {
    if (target.length > limits.target)
      throw new RepositoryProblem(`target ${target.path} is larger than ${limits.target} bytes`);
    const folder = this.#place.targets;
    const names = this.#store.root.signed.consistentSnapshot
      ? Object.values(target.hashes).map((hash) => withHash(target.path, hash))
      : [target.path];
    for (const name of names) {
      const bytes = await this.#place.fetch(`${folder}/${name}`, target.length);
      if (bytes === undefined) continue;
      try {
        await target.verify(Readable.from([bytes]));
        return bytes;
      } catch (error) {
        throw problemOf(`target ${target.path}`, error);
      }
    }
    throw new RepositoryProblem(`target ${target.path} is not there`);
  }

  topLevelTargets(): readonly TargetFile[] {
    return Object.values(this.#store.targets?.signed.targets ?? {});
  }

  expires(): Date {
    const { root, timestamp, snapshot } = this.#store;
    const used = [root, timestamp, snapshot, ...[...this.#roles].map((role) => this.#store.getRole(role))];
    const times = used.flatMap((metadata) => (metadata === undefined ? [] : [Date.parse(metadata.signed.expires)]));
    return new Date(Math.min(...times));
  }

  async #fetch(name: string, maxBytes: number): Promise<Buffer> {
    const bytes = await this.#place.fetch(name, maxBytes);
    if (bytes === undefined) throw new RepositoryProblem(`${name} is not there`);
    checkSignatures(name, bytes);
    return bytes;
  }

  /** Whether what was kept under that name still holds. It is verified again: disks are nobody's to trust. */
  #tryKnown(name: string, update: (bytes: Buffer) => unknown): boolean {
    const bytes = this.#place.known.get(name);
    if (bytes === undefined) return false;
    try {
      update(bytes);
      return true;
    } catch {
      return false;
    }
  }
}

function checkSignatures(name: string, bytes: Buffer): void {
  const json = parseStrictJson(bytes);
  // A key that is there twice would be counted as one and read as the other.
  if (!json.ok) throw problemOf(name, undefined);
  const signatures = asRecord(json.value)?.['signatures'];
  if (Array.isArray(signatures) && signatures.length > maxSignatures)
    throw new RepositoryProblem(`${name} has more than ${maxSignatures} signatures`);
}

function withHash(path: string, hash: string): string {
  const slash = path.lastIndexOf('/') + 1;
  return `${path.slice(0, slash)}${hash}.${path.slice(slash)}`;
}

function step<T>(file: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw problemOf(file, error);
  }
}
