/**
 * Where a repository is really fetched from: rewritten names, and mirrors before the registry itself. Names in policies
 * stay what the workload wrote. What has a digest may come from any mirror, since it is held against it; what a tag
 * means and what refers to an image only a mirror that is trusted with it may say. A mirror is a host of its own: it gets
 * the credentials that are meant for it, never those of the registry that it stands for.
 */
import { LRUCache } from 'lru-cache';
import { parseDigest } from '../../kernel/digest.ts';
import { failure, quoted, type Failure } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import type { CallOptions, Registry, Repository } from '../../ports/registry.ts';
import type { Hosts } from './hosts.ts';
import type { Rewrite } from './registry-file.ts';

interface Place {
  readonly repository: Repository;
  readonly resolvesTags: boolean;
}

interface Places {
  readonly mirrors: readonly Place[];
  readonly registry: Repository;
}

/** A mirror that hangs must leave time for whoever comes after it. */
const mirrorMs = 3_000;
const downMs = 10_000;

export function withMirrors(inner: Registry, hosts: Hosts, rewrites: readonly Rewrite[]): Registry {
  /** Per repository: whoever names an image that breaks a mirror does not take it away from the others. */
  const down = new LRUCache<string, true>({ max: 10_000, ttl: downMs });
  const nameOf = ({ repository: { registry, repository } }: Place): string => `${registry}/${repository}`;

  function placesOf(repository: Repository, isChangeable: boolean): Places {
    const registry = rewritten(repository, rewrites);
    const mirrors = (hosts.entryOf(registry.registry)?.mirrors ?? []).map(({ host, path, resolveTags }) => ({
      repository: { registry: host, repository: [...(path === '' ? [] : [path]), registry.repository].join('/') },
      resolvesTags: resolveTags,
    }));
    return {
      registry,
      mirrors: mirrors.filter((place) => (place.resolvesTags || !isChangeable) && !down.has(nameOf(place))),
    };
  }

  function note(place: Place, answer: Result<unknown>): void {
    if (!answer.ok && isDown(answer.failure)) down.set(nameOf(place), true);
  }

  /** The first place that has it. `isFinal`: whatever a mirror answered, nobody else can be asked any more. */
  async function firstOf<T>(
    { mirrors, registry }: Places,
    options: CallOptions,
    ask: (repository: Repository, options: CallOptions, hasBegun: () => void) => Promise<Result<T>>,
    isFinal: () => boolean = () => false,
  ): Promise<Result<T>> {
    const failures: Failure[] = [];
    for (const place of mirrors) {
      const patience = patienceWith(options);
      const answer = await ask(place.repository, patience.options, patience.end);
      patience.end();
      note(place, answer);
      if (answer.ok && answer.value !== undefined) return answer;
      if (isFinal()) return answer;
      if (!answer.ok) failures.push(answer.failure);
    }
    const answer = await ask(registry, options, () => undefined);
    return answer.ok ? answer : fail(withMirrorFailures(answer.failure, failures));
  }

  return {
    resolve: (repository, tag, options) =>
      firstOf(placesOf(repository, true), options, (place, within) => inner.resolve(place, tag, within)),
    manifest: (repository, reference, options) =>
      firstOf(placesOf(repository, parseDigest(reference) === undefined), options, (place, within) =>
        inner.manifest(place, reference, within),
      ),
    blob: (repository, digest, maxBytes, options) =>
      firstOf(placesOf(repository, false), options, (place, within) => inner.blob(place, digest, maxBytes, within)),
    async streamBlob(repository, blob, read, options) {
      let isBegun = false;
      const answer = await firstOf<true>(
        placesOf(repository, false),
        options,
        async (place, within, hasBegun) => {
          const reading = (chunk: Buffer): Promise<void> => {
            isBegun = true;
            hasBegun();
            return read(chunk);
          };
          const streamed = await inner.streamBlob(place, blob, reading, within);
          return streamed.ok ? ok(true) : streamed;
        },
        // What was read cannot be taken back.
        () => isBegun,
      );
      return answer.ok ? ok(undefined) : answer;
    },
    async *referrers(repository, digest, options) {
      const { mirrors, registry } = placesOf(repository, true);
      for (const place of mirrors) {
        const patience = patienceWith(options);
        for await (const listed of inner.referrers(place.repository, digest, patience.options)) {
          note(place, listed);
          // Whether there is more the registry itself says.
          if (listed.ok) yield listed;
        }
        patience.end();
      }
      yield* inner.referrers(registry, digest, options);
    },
  };
}

function rewritten({ registry, repository }: Repository, rewrites: readonly Rewrite[]): Repository {
  const name = `${registry}/${repository}`;
  const rule = rewrites.find(({ from }) => name === from || name.startsWith(`${from}/`));
  if (rule === undefined) return { registry, repository };
  const [host = '', ...path] = `${rule.to}${name.slice(rule.from.length)}`.split('/');
  return { registry: host, repository: path.join('/') };
}

function isDown({ code }: Failure): boolean {
  return code === 'REGISTRY_UNREACHABLE' || code === 'REGISTRY_TIMEOUT';
}

/** Ends what a mirror is asked when it has not begun to answer in time. */
function patienceWith(options: CallOptions): { readonly options: CallOptions; readonly end: () => void } {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), mirrorMs);
  timer.unref();
  const signal = AbortSignal.any([options.signal, late.signal]);
  return { options: { ...options, signal }, end: () => clearTimeout(timer) };
}

function withMirrorFailures(final: Failure, mirrors: readonly Failure[]): Failure {
  if (mirrors.length === 0) return final;
  const said = mirrors.map(({ message }) => quoted(message, 400)).join('; ');
  return failure(final.code, `${final.message}; mirrors before it: ${said}`, final.retryAfterSeconds);
}
