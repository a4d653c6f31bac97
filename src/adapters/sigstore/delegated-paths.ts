/**
 * Which delegations of a role may speak for a target, in their order. TUF specification §4.5: `*` and `?` within one
 * segment. The library makes regular expressions of patterns, and one that is written for it is tried for ever.
 */
import type { Targets } from '@tufjs/models';
import { RepositoryProblem } from './tuf-problem.ts';

type Delegations = NonNullable<Targets['delegations']>;

export interface Delegated {
  readonly role: string;
  readonly terminating: boolean;
}

const maxCharacters = 256;
const maxPatterns = 1_000;

export function delegatedFor(delegations: Delegations, path: string): readonly Delegated[] {
  if (path.length > maxCharacters)
    throw new RepositoryProblem(`a target has a name of more than ${maxCharacters} characters`);
  // Bins by the hash of the path: there are no patterns.
  if (delegations.roles === undefined) return [...delegations.rolesForTarget(path)];
  const roles = Object.values(delegations.roles);
  const patterns = roles.flatMap((role) => role.paths ?? []);
  if (patterns.length > maxPatterns || patterns.some((pattern) => pattern.length > maxCharacters))
    throw new RepositoryProblem(`it delegates by more than ${maxPatterns} patterns, or by one that is too long`);
  const speaking = roles.filter((role) =>
    role.paths === undefined ? role.isDelegatedPath(path) : role.paths.some((pattern) => pathFits(path, pattern)),
  );
  return speaking.map(({ name, terminating }) => ({ role: name, terminating }));
}

export function pathFits(path: string, pattern: string): boolean {
  const [segments, wanted] = [path.split('/'), pattern.split('/')];
  return segments.length === wanted.length && segments.every((segment, at) => fits(segment, wanted[at] ?? ''));
}

/** At most as many steps as the two lengths multiplied: after a star only the last one is tried again. */
function fits(text: string, pattern: string): boolean {
  let [at, next] = [0, 0];
  let star: { readonly next: number; at: number } | undefined;
  while (at < text.length) {
    const wanted = pattern[next];
    if (wanted === '*') {
      star = { next: (next += 1), at };
    } else if (wanted === '?' || (wanted !== undefined && wanted === text[at])) {
      [at, next] = [at + 1, next + 1];
    } else {
      if (star === undefined) return false;
      star.at += 1;
      [at, next] = [star.at, star.next];
    }
  }
  return /^\**$/.test(pattern.slice(next));
}
