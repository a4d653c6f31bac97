import { setImmediate as turn } from 'node:timers/promises';
import { defined } from '../../kernel/defined.ts';
import { stableJson } from '../../kernel/stable-json.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { Judging } from './conditions.ts';
import type { PolicyControllerPorts } from './controller.ts';
import { decide, type Change } from './decide.ts';

type FinderPorts = Pick<PolicyControllerPorts, 'policies' | 'clock' | 'matchedImages'>;

/** Admissions are answered in the same thread: it is left to them after so many objects, which take about a millisecond. */
const atOnce = 50;

/**
 * Gives a function that looks at all objects. Unless it is for `everything`, it passes over those that were right and have
 * not changed since, nor what they were decided from: only time and counts of images can have made them wrong.
 */
export function changeFinder(ports: FinderPorts): (everything: boolean) => Promise<readonly Change[]> {
  const right = new WeakMap<object, readonly unknown[]>();

  return async (everything) => {
    const judging = judgingOf(ports);
    const circumstances = { judging, now: ports.clock.now(), ...defined('matched', ports.matchedImages?.()) };
    const roots = stableJson([...judging.trustRoots].map(([name, { notReady }]) => [name, notReady]));
    const changes: Change[] = [];
    let looked = 0;
    for (const policy of ports.policies.objects() ?? []) {
      const stored = asRecord(policy.object) ?? {};
      const grounds = [
        policy.document,
        policy.inForce,
        judging.policies.get(policy.name),
        roots,
        policy.problems?.join('\n'),
        // An outage changes nothing of what is in force.
        JSON.stringify(policy.materials),
      ];
      if (!everything && isSame(right.get(stored), grounds)) continue;
      if ((looked += 1) % atOnce === 0) await turn();
      const change = decide(policy, circumstances);
      if (change === undefined) right.set(stored, grounds);
      else changes.push(change);
    }
    return changes;
  };
}

function judgingOf({ policies }: FinderPorts): Judging {
  const snapshot = policies.current();
  return {
    policies: new Map(snapshot?.policies.map((policy) => [policy.name, policy])),
    trustRoots: snapshot?.trustRoots ?? new Map(),
  };
}

function isSame(before: readonly unknown[] | undefined, now: readonly unknown[]): boolean {
  return before !== undefined && now.every((ground, index) => ground === before[index]);
}
