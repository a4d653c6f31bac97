/**
 * What of Tasks and Agents a caller may see: what they may list themselves. This process has all of it in memory, whoever
 * asks; so nothing is looked up before the cluster has said yes.
 */
import type { System } from '../../agents/model.ts';
import { ok, type Result } from '../../kernel/result.ts';
import type { Caller, ObjectRight } from '../../ports/access.ts';
import type { AgentTasks } from '../../ports/agent-tasks.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Guard } from './guard.ts';
import { groups } from './task-words.ts';

export interface KnownTasks {
  readonly tasks: AgentTasks;
  readonly guard: Guard;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Somebody waits for a page. */
const deadlineMs = 5_000;

export function soon(): AbortSignal {
  return AbortSignal.timeout(deadlineMs);
}

export type Listed = 'tasks' | 'agents';

/** Of some systems, those that may be seen. */
export interface Seen<T> {
  readonly items: readonly T[];
  /** One of them at least, be it empty. */
  readonly isAny: boolean;
  /** May not be listed. */
  readonly hidden: readonly System[];
  /** The cluster does not have them. */
  readonly missing: readonly System[];
}

export async function mayList(
  guard: Pick<Guard, 'may'>,
  caller: Caller | undefined,
  [system, resource]: readonly [System, Listed],
  namespace: string | undefined,
): Promise<Result<boolean>> {
  const right = { verb: 'list', group: groups[system], resource } satisfies ObjectRight;
  const everywhere = await guard.may(caller, right);
  if (!everywhere.ok || everywhere.value || namespace === undefined) return everywhere;
  return guard.may(caller, { ...right, namespace });
}

/** The first failure is the answer: half a list looks like a whole one. */
export async function listSystems<T>(
  asked: readonly System[],
  may: (system: System) => Promise<Result<boolean>>,
  list: (system: System) => Promise<Result<readonly T[] | undefined>>,
): Promise<Result<Seen<T>>> {
  const items: T[] = [];
  const hidden: System[] = [];
  const missing: System[] = [];
  for (const system of asked) {
    const allowed = await may(system);
    if (!allowed.ok) return allowed;
    if (!allowed.value) {
      hidden.push(system);
      continue;
    }
    const found = await list(system);
    if (!found.ok) return found;
    if (found.value === undefined) missing.push(system);
    else items.push(...found.value);
  }
  return ok({ items, isAny: hidden.length + missing.length < asked.length, hidden, missing });
}
