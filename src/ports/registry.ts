import type { Digest } from '../kernel/digest.ts';
import type { Result } from '../kernel/result.ts';

/** A repository on a registry: host with optional port, and path. */
export interface Repository {
  readonly registry: string;
  readonly repository: string;
}

/**
 * Whose credentials may be used. Two callers with equal `id` may share answers; the empty id is anonymous or
 * installation-wide. Lookups happen only when a registry asks for credentials, for that registry host alone.
 */
export interface Credentials {
  readonly id: string;
  forHost(host: string, repository: string, signal: AbortSignal): Promise<Result<BasicCredentials | undefined>>;
}

export interface BasicCredentials {
  readonly username: string;
  readonly password: string;
}

export interface Manifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** One entry of a referrers list. OCI dist-spec 1.1 §listing referrers */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface CallOptions {
  readonly credentials: Credentials;
  readonly signal: AbortSignal;
}

/**
 * What Countersign asks of OCI registries. Every method checks digests of what it returns, limits its size, ends with
 * the signal, and gives REGISTRY_* failures; what a registry says it does not have is IMAGE_NOT_FOUND or an empty answer.
 */
export interface Registry {
  /** The digest that a tag names now. IMAGE_NOT_FOUND when there is none. */
  resolve(repository: Repository, tag: string, options: CallOptions): Promise<Result<Digest>>;
  /** A manifest by tag or digest; undefined when the registry has none by that name. */
  manifest(repository: Repository, reference: string, options: CallOptions): Promise<Result<Manifest | undefined>>;
  /** A blob of at most `maxBytes`. */
  blob(repository: Repository, digest: Digest, maxBytes: number, options: CallOptions): Promise<Result<Uint8Array>>;
  /**
   * Gives a blob of `size` bytes to `read` as it comes, and waits for it each time. What was read counts only once this
   * has said that all of it is there and has the digest.
   */
  streamBlob(
    repository: Repository,
    blob: Pick<Descriptor, 'digest' | 'size'>,
    read: (chunk: Buffer) => Promise<void>,
    options: CallOptions,
  ): Promise<Result<void>>;
  /**
   * Manifests whose subject is `digest`, one list for each place that may have some: the referrers API and, where it may
   * be missing, the fallback tag. Whoever has found what was wanted reads no further.
   */
  referrers(repository: Repository, digest: Digest, options: CallOptions): AsyncIterable<Result<readonly Descriptor[]>>;
}
