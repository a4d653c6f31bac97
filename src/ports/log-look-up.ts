import type { Result } from '../kernel/result.ts';

/** An entry as a transparency log sends it: proven by nobody yet. */
export interface LoggedEntry {
  /** Base64 of its canonical JSON. */
  readonly body: string;
  readonly integratedTime: number;
  readonly logIndex: number;
  /** Lower-case hexadecimal. */
  readonly logID: string;
  /** Base64. */
  readonly signedEntryTimestamp: string;
}

/** Asks a Rekor for the entry of a signature that brought none along. TLOG_UNAVAILABLE when it does not answer. */
export interface LogLookUp {
  /** What it has for the proposed entry; `url` is its address, as the policy names it. */
  find(url: string, proposed: object, signal: AbortSignal): Promise<Result<readonly LoggedEntry[]>>;
}
