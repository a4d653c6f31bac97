import type { Result } from '../../kernel/result.ts';

/** What came of looking something up. */
export type LookedUp = Result<string, MaterialProblem>;

export interface MaterialProblem {
  /** One sentence. */
  readonly problem: string;
  /**
   * There is an answer, and it is that it is not there, or may not be used any more: what was read before counts no longer.
   * Everything else is an outage, over which the last good text stays.
   */
  readonly isGone: boolean;
}

export function outage(problem: string): { readonly ok: false; readonly failure: MaterialProblem } {
  return { ok: false, failure: { problem, isGone: false } };
}

export function gone(problem: string): { readonly ok: false; readonly failure: MaterialProblem } {
  return { ok: false, failure: { problem, isGone: true } };
}
