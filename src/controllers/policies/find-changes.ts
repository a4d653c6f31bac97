import { setImmediate as turn } from 'node:timers/promises';
import { defined } from '../../kernel/defined.ts';
import type { PolicyObject } from '../../ports/policy-objects.ts';
import type { PolicyControllerPorts } from './controller.ts';
import { decide, type Change, type Circumstances } from './decide.ts';

/** Admissions are answered in the same thread: it is left to them after so many objects. */
const atOnce = 200;

/** Gives a function that looks at all objects, but for those that were right already and have not changed since. */
export function changeFinder(
  ports: Pick<PolicyControllerPorts, 'policies' | 'clock' | 'matchedImages'>,
): (everything: boolean) => Promise<readonly Change[]> {
  let right = new WeakMap<PolicyObject, string>();

  return async (everything) => {
    if (everything) right = new WeakMap();
    const snapshot = ports.policies.current();
    const generation = snapshot?.generation ?? '';
    const circumstances: Circumstances = {
      judging: {
        policies: new Map(snapshot?.policies.map((policy) => [policy.name, policy])),
        trustRoots: snapshot?.trustRoots ?? new Map(),
      },
      now: ports.clock.now(),
      ...defined('matched', ports.matchedImages?.()),
    };
    const changes: Change[] = [];
    const objects = (ports.policies.objects() ?? []).filter((object) => right.get(object) !== generation);
    for (const [index, object] of objects.entries()) {
      if (index % atOnce === atOnce - 1) await turn();
      const change = decide(object, circumstances);
      if (change === undefined) right.set(object, generation);
      else changes.push(change);
    }
    return changes;
  };
}
