/** Reads what a TrustRoot trusts from its TUF repository, once. */
import { failure } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import type { TrustRoot } from '../../policy/model.ts';
import { trustRootFromJson } from '../../policy/parse-trust-root-json.ts';
import type { TrustRootSource } from '../../policy/parse-trust-root-source.ts';
import { openArchive } from './archive.ts';
import { readLegacyTargets } from './legacy-targets.ts';
import { openMirror, type Addresses } from './mirror.ts';
import { problemOf, RepositoryProblem } from './tuf-problem.ts';
import { openRepository, type FetchFile, type KnownMetadata, type TufRepository } from './tuf-repository.ts';

export interface Reading {
  readonly addresses: Addresses;
  readonly timeoutMs: number;
  /** Taken into account, and brought up to date. */
  readonly known: KnownMetadata;
}

export interface ReadTrustRoot {
  readonly root: TrustRoot;
  /** Of the first piece of metadata that does. */
  readonly expires: Date;
}

export async function readTrustRoot(
  name: string,
  source: TrustRootSource,
  reading: Reading,
): Promise<Result<ReadTrustRoot>> {
  try {
    return ok(await withFiles(source, reading, (fetch) => readFrom(name, source, reading.known, fetch)));
  } catch (error) {
    const { message } = problemOf(`spec.${source.kind}`, error);
    return fail(failure('TRUST_ROOT_UNAVAILABLE', `the TUF repository of spec.${source.kind} is refused: ${message}`));
  }
}

async function withFiles<T>(
  source: TrustRootSource,
  { addresses, timeoutMs }: Reading,
  use: (fetch: FetchFile) => Promise<T>,
): Promise<T> {
  if (source.kind === 'repository') return use(await openArchive(source.archive));
  const mirror = openMirror({ mirror: source.mirror, addresses, timeoutMs });
  try {
    return await use(mirror.fetch);
  } finally {
    await mirror.close();
  }
}

async function readFrom(
  name: string,
  source: TrustRootSource,
  known: KnownMetadata,
  fetch: FetchFile,
): Promise<ReadTrustRoot> {
  const repository = await openRepository({ initialRoot: source.root, targets: source.targets, known, fetch });
  const root = trustRootFromJson(name, await trustedRootOf(repository, source.trustedRootTarget));
  if (!root.ok) throw new RepositoryProblem(`target ${source.trustedRootTarget}: ${root.failure.join('; ')}`);
  return { root: root.value, expires: repository.expires() };
}

async function trustedRootOf(repository: TufRepository, target: string): Promise<string> {
  const found = await repository.target(target);
  return found === undefined ? readLegacyTargets(repository) : found.toString('utf8');
}
