/** What actions were run, and what came of them: business data that outlives the objects of the cluster. */
import type { Result } from '../kernel/result.ts';

export type ActionRecordStatus = 'executing' | 'completed' | 'failed' | 'skipped' | 'cancelled';

/** One step of one workflow; known by workflow UID and step, so that writing it again changes it. Times are ISO 8601. */
export interface ActionRecord {
  readonly workflowUid: string;
  readonly step: string;
  /** Name of the workflow. */
  readonly workflowId: string;
  readonly namespace: string;
  readonly workflowType?: string;
  /** Why the workflow was started. */
  readonly reason?: string;
  readonly engine: 'job' | 'tekton';
  /** Empty: only the image says what it does. */
  readonly actionType: string;
  /** By digest once that is known. */
  readonly image: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly status: ActionRecordStatus;
  readonly executedAt: string;
  readonly completedAt?: string;
  readonly durationMs?: number;
  readonly outputs?: Readonly<Record<string, unknown>>;
  readonly signers?: readonly string[];
  readonly contract?: string;
  readonly attempts?: number;
  readonly failureReason?: string;
  readonly failureMessage?: string;
  readonly exitCode?: number;
}

/** Somebody's judgement of a whole workflow, or of one of its steps; known by workflow UID, step and assessor. */
export interface ActionAssessment {
  readonly workflowUid: string;
  /** Empty: the workflow as a whole. */
  readonly step: string;
  readonly actionType: string;
  readonly assessor: string;
  /** From 0, of no use, to 1. */
  readonly score: number;
  /** ISO 8601. */
  readonly assessedAt: string;
  readonly comment?: string;
}

/** All that are given must fit. */
export interface ActionQuery {
  readonly actionType?: string;
  readonly status?: ActionRecordStatus;
  readonly engine?: ActionRecord['engine'];
  /** Name of a workflow. */
  readonly workflow?: string;
  readonly workflowUid?: string;
  readonly namespace?: string;
  /** ISO 8601, of the beginning, inclusive. */
  readonly since?: string;
  /** `next` of the page before. */
  readonly after?: string;
  /** 1 to 1,000. */
  readonly limit: number;
}

export interface ActionPage {
  /** Newest first; fewer than `limit` when they are large. */
  readonly actions: readonly ActionRecord[];
  /** Where the next, older page begins; absent on the last one. */
  readonly next?: string;
}

/** What came of the runs of one action type that began in a time. */
export interface ActionFigures {
  readonly runs: number;
  readonly completed: number;
  readonly failed: number;
  /** Completed, of those that completed or failed; absent when there were none. */
  readonly successRate?: number;
  readonly meanDurationMs?: number;
  readonly p95DurationMs?: number;
  /** From the beginning of the workflow's first step to the end of a run that completed. */
  readonly meanTimeToRepairMs?: number;
}

export interface ActionEffectiveness extends ActionFigures {
  readonly actionType: string;
  readonly engines: Readonly<Partial<Record<ActionRecord['engine'], ActionFigures>>>;
  readonly assessments: number;
  readonly meanScore?: number;
}

export type ActionChange =
  | { readonly change: number; readonly kind: 'action'; readonly action: ActionRecord }
  | { readonly change: number; readonly kind: 'assessment'; readonly assessment: ActionAssessment };

export interface ActionChanges {
  /** Of this store; another one counts its changes anew. */
  readonly store: string;
  /** In the order of their numbers, which grow. */
  readonly changes: readonly ActionChange[];
}

/** Failures are RECORDS_UNAVAILABLE. */
export interface ActionHistory {
  /**
   * Stores or completes; a terminal record is never taken back to "executing", and writing the same again changes nothing.
   * In whatever order records of a step come, what is stored is the same.
   */
  record(records: readonly ActionRecord[]): Promise<Result<void>>;
  /** A later one of the same assessor replaces an earlier one. */
  assess(assessments: readonly ActionAssessment[]): Promise<Result<void>>;
  list(query: ActionQuery): Promise<Result<ActionPage>>;
  find(workflowUid: string, step: string): Promise<Result<ActionRecord | undefined>>;
  /** The record that began first. */
  oldest(): Promise<Result<ActionRecord | undefined>>;
  /** By action type; `since` as in a query. */
  effectiveness(query: Pick<ActionQuery, 'actionType' | 'since'>): Promise<Result<readonly ActionEffectiveness[]>>;
  /** What was written since the change of that number, for copying. */
  changes(after: number, limit: number): Promise<Result<ActionChanges>>;
}

/** Takes what is to be stored, keeps it across a restart, and stores it as soon as it can. */
export interface ActionOutbox {
  /** Resolves when it is kept; a failure means that it is not. */
  keep(records: readonly ActionRecord[]): Promise<Result<void>>;
  /** Whether all that was kept of this workflow is stored: nothing of it waits. */
  isStored(workflowUid: string): boolean;
}
