/**
 * For how long something that should be there has not been seen: in memory only, so that whoever begins anew is patient from
 * the beginning. Bounded, as nobody says when it will not be asked again.
 */
import { LRUCache } from 'lru-cache';

const maxRemembered = 2_000;

export class MissingSince {
  /** In milliseconds, by UID of the object that it belongs to. */
  readonly #since = new LRUCache<string, number>({ max: maxRemembered });

  /** Milliseconds; 0 where it is not missing. */
  ms(uid: string, isMissing: boolean, now: Date): number {
    if (!isMissing) {
      this.#since.delete(uid);
      return 0;
    }
    const since = this.#since.get(uid) ?? now.getTime();
    this.#since.set(uid, since);
    return now.getTime() - since;
  }
}
