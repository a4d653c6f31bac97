import type { ReportSummary } from './policy-reports.ts';

/** How far one walk through the cluster is. */
export interface PassProgress {
  readonly namespaces: { readonly done: number; readonly total: number };
  readonly pods: number;
  /** Different ones. */
  readonly images: number;
  readonly summary: ReportSummary;
}

/** `waiting`: for its time, for policies, or because another replica leads. */
export interface ScanProgress extends PassProgress {
  readonly state: 'waiting' | 'scanning';
  /** ISO 8601, of the walk that is told of. */
  readonly startedAt?: string;
  /** Of the last one that was complete. */
  readonly finishedAt?: string;
  readonly problem?: string;
}
