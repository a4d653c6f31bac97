/**
 * Policies from files and folders: ClusterImagePolicies, TrustRoots, the Secrets that they name, and Sigstore
 * trusted_root.json files. Once read, or kept in step with what is on disk. Files that change are read again as a whole;
 * docs/decisions/0007-policies-last-good.md says what stays in force when they are broken.
 */
import { watch, type FSWatcher } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fail, ok, type Result } from '../../kernel/result.ts';
import type { NoMatchPolicy, PolicySnapshot, TrustRoot } from '../../policy/model.ts';
import { materialsOf } from '../../policy/wanted-materials.ts';
import type { Logger } from '../../ports/logger.ts';
import type { PolicyProblem } from '../../ports/policies.ts';
import {
  followMaterials,
  usualMaterialTiming,
  type MaterialSources,
  type MaterialTiming,
} from '../materials/follow-materials.ts';
import { followTrustRoots, type TrustRootSettings, type TrustRoots } from '../sigstore/trust-roots.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { policiesIn } from './last-good.ts';
import { policyStore } from './policy-store.ts';
import type { WatchedPolicies } from './watched-policies.ts';
import { policyFileReader } from './read-files.ts';

export interface DirectoryOptions {
  readonly paths: readonly string[];
  readonly noMatch: NoMatchPolicy;
  readonly publicTrustRoot: TrustRoot;
  readonly log: Logger;
  /** Of keys of key services and code at addresses; absent: policies that name such refuse what they match. */
  readonly materials?: MaterialSources;
  readonly materialTiming?: MaterialTiming;
}

/** For commands that end: everything is right, or every problem is told. */
export async function readPolicies(
  options: DirectoryOptions,
): Promise<Result<PolicySnapshot, readonly PolicyProblem[]>> {
  const { log } = options;
  // Whoever runs a command reaches these addresses anyway.
  const followed = (changed: () => void): TrustRoots => followTrustRoots({ log, addresses: 'any' }, changed);
  const store = policyStore({ ...options, followTrustRoots: followed });
  const sources = await policyFileReader(options.paths)();
  // There is no later, so that each is waited for as long as it may take.
  const timing = { ...usualMaterialTiming, ...options.materialTiming };
  const looked = followMaterials(options.materials, () => undefined, { ...timing, patience: 2 * timing.deadline });
  store.replace(sources, { noMatch: options.noMatch }, await looked.read(materialsOf(policiesIn(sources))));
  looked.close();
  await store.settled();
  const snapshot = store.current();
  const problems = store.problems().filter(({ isWarning }) => isWarning !== true);
  store.close();
  return snapshot === undefined || problems.length > 0 ? fail(problems) : ok(snapshot);
}

export interface WatchOptions extends DirectoryOptions {
  /** Milliseconds between looks at the files for what file system events do not tell (network file systems). */
  readonly pollMs?: number;
  /** Milliseconds of silence after an event, so that a file is not read while it is written. */
  readonly settleMs?: number;
  readonly trustRoots?: TrustRootSettings;
}

/** For servers. Settled once everything was read for the first time. */
export async function watchPolicies(options: WatchOptions): Promise<WatchedPolicies> {
  const { paths, noMatch, log, pollMs = 10_000, settleMs = 200 } = options;
  const store = policyStore({
    ...options,
    followTrustRoots: (changed) => followTrustRoots({ log, addresses: 'no-local', ...options.trustRoots }, changed),
  });
  const read = policyFileReader(paths);
  let closed = false;
  const looked = followMaterials(options.materials, () => look(), options.materialTiming);
  const refresh = oneAtATime(async () => {
    const sources = await read();
    const found = await looked.read(materialsOf([...policiesIn(sources), ...store.policies()]));
    if (!closed) store.replace(sources, { noMatch }, found);
  });

  const look = (): void => {
    refresh().catch((error: unknown) => {
      log.error({ error }, 'policies could not be read; those read before stay in force');
    });
  };

  await refresh();
  const settled = setTimeout(look, settleMs).unref();
  const poll = setInterval(look, pollMs).unref();
  const watchers = await Promise.all(paths.map((path) => watchPath(path, log, () => settled.refresh())));
  return {
    current: () => store.current(),
    usePublicTrustRoot: (root) => store.usePublicTrustRoot(root),
    problems: () => store.problems(),
    documents: () => store.documents(),
    close: () => {
      closed = true;
      store.close();
      looked.close();
      clearTimeout(settled);
      clearInterval(poll);
      for (const watcher of watchers) watcher?.close();
    },
  };
}

/** Files are watched through their folder: editors replace them. Without a watcher there is still the poll. */
async function watchPath(path: string, log: Logger, changed: () => void): Promise<FSWatcher | undefined> {
  try {
    const isFolder = (await stat(path)).isDirectory();
    const watcher = watch(isFolder ? path : dirname(path), { recursive: isFolder, persistent: false });
    watcher.on('change', changed);
    watcher.on('error', (error) => {
      log.warn({ path, error: error.message }, 'policy files are no longer watched, only looked at now and then');
      watcher.close();
    });
    return watcher;
  } catch (error) {
    const why = error instanceof Error ? error.message : '';
    log.warn({ path, error: why }, 'policy files cannot be watched, only looked at now and then');
    return undefined;
  }
}
