/** Pods held against the Pod Security Standards, of which a policy demands one as a floor. */
import { quoted } from '../kernel/failure.ts';
import type { PodSecurityLevel } from '../policy/action-policy.ts';
import type { Conflict } from './conflict.ts';
import { baseline } from './pod-security-baseline.ts';
import { checkedPod, type Check } from './pod-security-check.ts';
import { restricted } from './pod-security-restricted.ts';

type Members = Readonly<Record<string, unknown>>;

const strictness: Readonly<Record<PodSecurityLevel, number>> = { privileged: 0, baseline: 1, restricted: 2 };

export function strictestLevel(a: PodSecurityLevel, b: PodSecurityLevel): PodSecurityLevel {
  return strictness[a] >= strictness[b] ? a : b;
}

const checks: Readonly<Record<PodSecurityLevel, readonly Check[]>> = {
  privileged: [],
  baseline,
  restricted: [...baseline, ...restricted],
};

/** Whoever has more wrong than this has enough to do. */
const maxConflicts = 64;

/** What of a Pod is outside a Pod Security Standard. Annotations are those of the Pod. */
export function podSecurityConflicts(
  level: PodSecurityLevel,
  podSpec: Members,
  annotations: Members = {},
): readonly Conflict[] {
  const pod = checkedPod(podSpec, annotations);
  const found = checks[level].flatMap((check) => check(pod));
  // Where both standards speak about a field, restricted has the last word.
  const byField = new Map(found.map((finding) => [finding.field, finding]));
  return [...byField.values()].slice(0, maxConflicts).map(({ field, value, wayOut }) => {
    const shown = value === undefined ? 'leaving it out' : quoted(JSON.stringify(value) ?? 'this', 200);
    const message = `${shown} is outside the Pod Security Standard ${level}; ${wayOut}`;
    return { code: 'POD_SECURITY_VIOLATION', field, message };
  });
}
