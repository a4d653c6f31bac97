/**
 * Whether a Task of another namespace may use an Agent: its allowedNamespaces are patterns of Go's filepath.Match, and a
 * pattern that is none lets nobody in.
 */
import type { Agent } from './model.ts';
import { matchesPathPattern, parsePathPattern } from './path-pattern.ts';

/** An Agent without a list is for everybody. */
export function mayUseAgent({ allowedNamespaces }: Pick<Agent, 'allowedNamespaces'>, namespace: string): boolean {
  return allowedNamespaces.length === 0 || allowedNamespaces.some((pattern) => matches(pattern, namespace));
}

function matches(pattern: string, namespace: string): boolean {
  const parts = parsePathPattern(pattern);
  return parts !== undefined && matchesPathPattern(parts, namespace);
}
