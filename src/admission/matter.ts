import type { EvidenceSource } from '../evidence/evidence-source.ts';
import type { PolicySnapshot } from '../policy/model.ts';
import type { ObjectFacts } from '../policy/subject.ts';
import type { Clock } from '../ports/clock.ts';
import type { Workload } from '../ports/pull-credentials.ts';
import type { PodPlace } from './bind-object.ts';
import type { Members } from './decode.ts';
import type { ImageField } from './find-images.ts';
import type { Planner } from './planner.ts';
import type { ReadRun } from './read-run.ts';
import type { PlacedSubject } from './subjects.ts';

/** One request, ready to be judged, and the one snapshot it is judged under from start to end. */
export interface Matter {
  readonly snapshot: PolicySnapshot;
  readonly object: ObjectFacts;
  /** All of it, as it came. */
  readonly content: Members;
  /** Where contracts are laid on it; absent: nowhere, it is left to its Pods. */
  readonly pod?: PodPlace;
  /** Of a run that is created: what is known of its steps. */
  readonly run?: ReadRun;
  readonly workload: Workload;
  readonly subjects: readonly PlacedSubject[];
  /** Judged later, when a Pod is made of them. */
  readonly deferred: readonly ImageField[];
  /** Images without a digest are judged later too, and not pinned here. */
  readonly leavesTagsToPods: boolean;
  readonly signal: AbortSignal;
}

export interface JudgePorts {
  readonly evidence: EvidenceSource;
  readonly planner: Planner;
  readonly clock: Clock;
}

/** Images of one object that are worked on at a time. */
export const maxImagesAtOnce = 8;
