import type { PodSecurityLevel } from '../policy/action-policy.ts';
import type { Conflict } from './conflict.ts';

const strictness: Readonly<Record<PodSecurityLevel, number>> = { privileged: 0, baseline: 1, restricted: 2 };

export function strictestLevel(a: PodSecurityLevel, b: PodSecurityLevel): PodSecurityLevel {
  return strictness[a] >= strictness[b] ? a : b;
}

/** What of a Pod is outside a Pod Security Standard. */
export function podSecurityConflicts(
  _level: PodSecurityLevel,
  _podSpec: Readonly<Record<string, unknown>>,
): readonly Conflict[] {
  return [];
}
