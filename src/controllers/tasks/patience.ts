/** For how long something has been as it is now: in memory only, so a new leader is patient from the beginning. */
import { LRUCache } from 'lru-cache';
import type { PodState } from '../../agents/pod-state.ts';
import type { PodWaiting } from '../../workflow/pod-trouble.ts';
import { isHopeless } from './decide-running.ts';

interface Trouble {
  readonly for: string;
  readonly since: number;
  /** The registry was away: what is told while the kubelet pauses does not say so any more. */
  readonly isOutage: boolean;
}

const most = 10_000;

export class Patience {
  readonly #troubles = new LRUCache<string, Trouble>({ max: most });
  readonly #logs = new LRUCache<string, number>({ max: most });

  clear(): void {
    this.#troubles.clear();
    this.#logs.clear();
  }

  /** Milliseconds of a trouble that will hardly pass; 0: there is none. `uid`: of the Task. */
  troubleMs(uid: string, pod: PodState | undefined, nowMs: number): number {
    const waiting = pod?.ended === undefined ? pod?.waiting : undefined;
    if (waiting === undefined) {
      this.#troubles.delete(uid);
      return 0;
    }
    const before = this.#troubles.get(uid);
    const isOutage = isOutageOf(waiting, before);
    const isSame = before?.for === waiting.for && before.isOutage === isOutage;
    const since = isSame ? before.since : nowMs;
    this.#troubles.set(uid, { for: waiting.for, since, isOutage });
    return isHopeless(waiting) && !isOutage ? nowMs - since : 0;
  }

  /** Milliseconds since its log was first asked for, or kept, in vain. */
  logMs(uid: string, nowMs: number): number {
    const since = this.#logs.get(uid) ?? nowMs;
    this.#logs.set(uid, since);
    return nowMs - since;
  }
}

/** Between two tries the kubelet only says that it pauses. */
function isOutageOf(waiting: PodWaiting, before: Trouble | undefined): boolean {
  if (waiting.for !== 'image') return false;
  return waiting.isPassing || (waiting.reason === 'ImagePullBackOff' && before?.isOutage === true);
}
