/**
 * Globs over names of Kubernetes objects, e.g. of namespaces: `*` stands for any part of a name, everything else is
 * literal, and the whole name must match. What is no name at all ("", "a,b", "a b") matches nothing, not even `*`.
 */
import { RE2JS } from 're2js';
import { quoted } from './failure.ts';
import type { Glob } from './glob.ts';
import { memoize } from './memoize.ts';

const allowed = /^[a-z0-9.*-]{1,253}$/;
const maxStars = 16;

export function compileNameGlob(source: string): { ok: true; value: Glob } | { ok: false; problem: string } {
  if (!allowed.test(source) || source.split('*').length - 1 > maxStars)
    return { ok: false, problem: `invalid glob "${quoted(source)}"` };
  const compiled = RE2JS.compile(expression(source, '[a-z0-9.-]*'));
  return { ok: true, value: { source, matches: (name) => name !== '' && compiled.matches(name) } };
}

/** Whether every name that `narrow` matches is matched by `wide` too. A star is covered by a star only. */
export function coversNames(wide: Glob, narrow: Glob): boolean {
  return covering(wide.source).matches(narrow.source);
}

// The lists of an image are compared again for each of its Pods.
const covering = memoize(200, (source) => RE2JS.compile(expression(source, '[a-z0-9.*-]*')));

function expression(source: string, star: string): string {
  return source.replaceAll('.', '\\.').replaceAll(/\*+/g, star);
}
