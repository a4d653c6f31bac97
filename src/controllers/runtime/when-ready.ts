/** Leadership that begins only once there is something to lead with: nobody decides on half of what there is. */
import type { Leadership } from '../../ports/leadership.ts';

export interface LeadershipWhenReady extends Leadership {
  close(): void;
}

/** Milliseconds between looks. */
const lookMs = 100;

/** What is ready once stays so. */
export function whenReady(leadership: Leadership, isReady: () => boolean): LeadershipWhenReady {
  const listeners = new Set<() => void>();
  let ready = isReady();
  const look = setInterval(() => {
    if (ready || !isReady()) return;
    ready = true;
    clearInterval(look);
    for (const listener of listeners) listener();
  }, lookMs).unref();
  const unfollow = leadership.onChange(() => {
    for (const listener of listeners) listener();
  });
  return {
    isLeader: () => ready && leadership.isLeader(),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      clearInterval(look);
      unfollow();
      listeners.clear();
    },
  };
}
