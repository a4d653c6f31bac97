/**
 * The TrustRoots of TUF repositories, followed by name for as long as they are there. What they say is read elsewhere and at
 * its own pace: nobody who asks here waits, and until something was read nothing is trusted.
 */
import type { TrustRoot } from '../../policy/model.ts';
import type { ParsedTrustRoot } from '../../policy/parse-trust-root.ts';
import type { TrustRootSource } from '../../policy/parse-trust-root-source.ts';
import type { PolicyProblem } from '../../ports/policies.ts';
import { followRoot, notRead, type FollowedRoot, type FollowOptions, type Former } from './followed-root.ts';

/** What whoever installs it decides; absent: see `usualTiming`. */
export type TrustRootSettings = Pick<FollowOptions, 'cacheFolder' | 'timing'>;

export interface TrustRoots {
  /** These and no others are followed from now on. Settled once each was looked at; only commands wait for it. */
  follow(roots: readonly ParsedTrustRoot[]): Promise<void>;
  /** What is in force for the sake of one of them. Those that need no reading are given back. */
  resolve(root: ParsedTrustRoot): TrustRoot;
  problems(): readonly PolicyProblem[];
  close(): void;
}

/** `changed` is called when one was looked at, whatever came of it. */
export function followTrustRoots(options: FollowOptions, changed: () => void): TrustRoots {
  const followed = new Map<string, FollowedRoot>();

  function followOne(parsed: ParsedTrustRoot): FollowedRoot | undefined {
    const { source } = parsed;
    if (source === undefined) return undefined;
    const before = followed.get(parsed.name);
    if (before?.parsed.generation === parsed.generation) return before;
    before?.close();
    const next = followRoot({ ...parsed, source }, formerOf(before, source), options, changed);
    followed.set(parsed.name, next);
    return next;
  }

  return {
    async follow(roots) {
      const wanted = new Set(roots.filter(({ source }) => source !== undefined).map(({ name }) => name));
      for (const [name, one] of followed) {
        if (wanted.has(name)) continue;
        one.close();
        followed.delete(name);
      }
      await Promise.all(roots.flatMap((root) => followOne(root)?.first ?? []));
    },
    resolve(root) {
      if (root.source === undefined) return root;
      const found = followed.get(root.name);
      return found?.inForce() ?? notRead(root, found?.problem()?.message);
    },
    problems: () => [...followed.values()].flatMap((one) => one.problem() ?? []),
    close: () => {
      for (const one of followed.values()) one.close();
      followed.clear();
    },
  };
}

function formerOf(before: FollowedRoot | undefined, source: TrustRootSource): Former | undefined {
  const root = before?.inForce();
  if (before === undefined || root === undefined) return undefined;
  return { root, known: before.known, isTrusted: before.source.root.equals(source.root) };
}
