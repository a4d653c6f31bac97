/** Which finished Tasks of one namespace are to go: first whose time is over, then the oldest of too many. Pure. */
import { defined } from '../kernel/defined.ts';
import { asRecord } from '../kernel/strict-json.ts';
import type { KubeObject } from '../kernel/kube-object.ts';
import type { SystemConfig } from './model.ts';

export type CleanupRules = Pick<SystemConfig, 'ttlSecondsAfterFinished' | 'maxRetainedTasks'>;

export interface FinishedTask {
  readonly name: string;
  readonly uid: string;
  /** Milliseconds. */
  readonly finishedAt: number;
}

export interface Surplus {
  /** The oldest first. */
  readonly surplus: readonly FinishedTask[];
  /** Until the next one's time is over. */
  readonly nextInMs?: number;
}

/** Undefined: it is not finished, or goes already. Without a completionTime it counts from its creation. */
export function finishedTask({ metadata, status }: KubeObject): FinishedTask | undefined {
  const { phase, completionTime } = asRecord(status) ?? {};
  if (phase !== 'Completed' && phase !== 'Failed') return undefined;
  if (metadata.deletionTimestamp !== undefined) return undefined;
  const { name, uid, creationTimestamp } = metadata;
  const finishedAt = [completionTime, creationTimestamp].map(millisecondsOf).find(Number.isFinite);
  return finishedAt === undefined ? undefined : { name, uid, finishedAt };
}

function millisecondsOf(time: unknown): number {
  return typeof time === 'string' ? Date.parse(time) : Number.NaN;
}

export function surplusOf(finished: readonly FinishedTask[], rules: CleanupRules, now: Date): Surplus {
  const { ttlSecondsAfterFinished: ttl, maxRetainedTasks = Infinity } = rules;
  const expiry = ({ finishedAt }: FinishedTask): number => (ttl === undefined ? Infinity : finishedAt + ttl * 1_000);
  const newestFirst = finished.toSorted(byAge);
  const remaining = newestFirst.filter((task) => expiry(task) > now.getTime());
  const kept = new Set(remaining.slice(0, maxRetainedTasks));
  const next = Math.min(...[...kept].map(expiry));
  return {
    surplus: newestFirst.filter((task) => !kept.has(task)).toReversed(),
    ...defined('nextInMs', Number.isFinite(next) ? next - now.getTime() : undefined),
  };
}

/** The newest first; of equals, by name. */
function byAge(one: FinishedTask, other: FinishedTask): number {
  if (one.finishedAt !== other.finishedAt) return other.finishedAt - one.finishedAt;
  return one.name < other.name ? -1 : Number(one.name > other.name);
}
