/**
 * Reports as openreports.io/v1alpha1 and wgpolicyk8s.io/v1alpha2 have them; the members that both know have the same names
 * in both.
 */
import type { Result } from '../kernel/result.ts';

export type ResultKind = 'pass' | 'fail' | 'warn' | 'error' | 'skip';

export interface ReportResult {
  readonly source: 'countersign';
  readonly policy: string;
  /** A code of docs; absent for what passes. */
  readonly rule?: string;
  readonly result: ResultKind;
  readonly message: string;
  /** Since when it is so. */
  readonly timestamp: { readonly seconds: number; readonly nanos: number };
  readonly resources: readonly PodReference[];
  readonly properties: Readonly<Record<string, string>>;
}

/** core/v1 ObjectReference */
export interface PodReference {
  readonly apiVersion: 'v1';
  readonly kind: 'Pod';
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export type ReportSummary = Readonly<Record<ResultKind, number>>;

/** About one namespace. */
export interface Report {
  /** Of all results, those left out included. */
  readonly summary: ReportSummary;
  readonly results: readonly ReportResult[];
  /** How many results there was no room for. */
  readonly leftOut: number;
}

/** `foreign`: there is a report of our name that somebody else wrote. */
export type StoredReport =
  | { readonly kind: 'none' }
  | { readonly kind: 'foreign' }
  | { readonly kind: 'ours'; readonly version: string; readonly report: Report };

/** One report per namespace, all with one name. Failures are CLUSTER_UNAVAILABLE; reports of others are never written. */
export interface PolicyReports {
  /** The kind of reports that the API server serves now, for sentences; undefined: none. */
  served(signal: AbortSignal): Promise<Result<string | undefined>>;
  /** Namespaces with a report of ours. */
  namespaces(signal: AbortSignal): Promise<Result<readonly string[]>>;
  read(namespace: string, signal: AbortSignal): Promise<Result<StoredReport>>;
  /** In place of what was read. */
  write(namespace: string, report: Report, before: StoredReport, signal: AbortSignal): Promise<Result<void>>;
  remove(namespace: string, before: StoredReport, signal: AbortSignal): Promise<Result<void>>;
}
