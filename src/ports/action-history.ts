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

/** Failures are RECORDS_UNAVAILABLE. */
export interface ActionHistory {
  /**
   * Stores or completes; a terminal record is never taken back to "executing", and writing the same again changes nothing.
   */
  record(records: readonly ActionRecord[]): Promise<Result<void>>;
}

/** Takes what is to be stored, keeps it across a restart, and stores it as soon as it can. */
export interface ActionOutbox {
  /** Resolves when it is kept; a failure means that it is not. */
  keep(records: readonly ActionRecord[]): Promise<Result<void>>;
  /** Whether all that was kept of this workflow is stored. */
  isStored(workflowUid: string): boolean;
}
