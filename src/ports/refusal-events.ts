import type { Decision } from './decision-log.ts';
import type { ObjectReference } from './events.ts';

/** Tells whoever waits for an object why it does not come. Returns at once, never throws; losing one is no harm. */
export interface RefusalEvents {
  /** `about`: those that people look at, e.g. the Job whose Pod was refused. */
  refused(about: readonly ObjectReference[], decision: Decision): void;
}
