import { stableJson } from '../../kernel/stable-json.ts';
import type { Change } from './decide.ts';

/**
 * Remembers what was written to which object, for a time: the watch has not brought it back yet, or somebody else undoes
 * it, such as another product with the same resources, and writing against each other would never end.
 */
export interface WrittenBefore {
  add(change: Change, now: Date): void;
  has(change: Change, now: Date): boolean;
}

export function writtenBefore(forMs: number): WrittenBefore {
  const known = new Map<string, { readonly content: string; readonly until: number }>();

  function forget(now: Date): void {
    for (const [key, { until }] of known) {
      // They are in the order of writing, and all are kept for the same time.
      if (until > now.getTime()) return;
      known.delete(key);
    }
  }

  return {
    add: (change, now) => {
      forget(now);
      known.delete(keyOf(change));
      known.set(keyOf(change), { content: contentOf(change), until: now.getTime() + forMs });
    },
    has: (change, now) => {
      forget(now);
      return known.get(keyOf(change))?.content === contentOf(change);
    },
  };
}

function keyOf({ kind, name, uid }: Change): string {
  return `${kind}/${name}/${uid}`;
}

/** Times aside: they differ at each try. */
function contentOf({ status }: Change): string {
  const conditions = status.conditions.map(({ type, status: is, reason, message }) => [type, is, reason, message]);
  return stableJson([status.observedGeneration, conditions, status.matched?.images ?? null]);
}
