/** One request under new policies, beside what became of it before. */
import { asRecord } from '../../kernel/strict-json.ts';
import type { Reviewer } from '../../admission/review.ts';
import type { DecisionReason } from '../../ports/decision-log.ts';
import { changesOf, type Change } from '../changes.ts';
import { reviewManifest, type ReviewedDocument, type Verdict } from '../review.ts';
import type { RecordedVerdict, ReplayItem } from './item.ts';

/** `undecided`: under one of both policies it could not be found out. */
export type ReplayResult = 'newly-refused' | 'newly-admitted' | 'changed' | 'same' | 'undecided';

/** What `--output json` has for each request that does not come to the same; fields may be added. */
export interface Replayed {
  readonly where: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly result: ReplayResult;
  readonly before: Verdict;
  readonly after: Verdict;
  /** Under the new policies; where they admit it, those of before. */
  readonly reasons: readonly DecisionReason[];
  /** New ones. */
  readonly warnings: readonly string[];
  /** What is stored otherwise than under the old policies. */
  readonly changes: readonly Change[];
}

export interface Judges {
  readonly now: Reviewer;
  /** Absent: what was written down counts, and without that a request counts as admitted. */
  readonly before?: Reviewer;
  recorded(uid: string): RecordedVerdict | undefined;
}

export type ReviewItem = Extract<ReplayItem, { kind: 'review' }>;

export async function replayItem(judges: Judges, item: ReviewItem): Promise<Replayed> {
  const { document, where } = item;
  const [now, before] = await Promise.all([
    reviewManifest(judges.now, document),
    judges.before === undefined ? undefined : reviewManifest(judges.before, document),
  ]);
  const verdict = before?.verdict ?? recordedOf(judges, item);
  const warnings = before === undefined ? [] : now.warnings.filter((text) => !before.warnings.includes(text));
  const changes = before === undefined ? [] : mutationsOf(before, now);
  return {
    where,
    kind: document.kind,
    namespace: document.namespace,
    name: document.name === '' ? nameIn(document.object) : document.name,
    result: resultOf(verdict, now.verdict, warnings.length + changes.length > 0),
    before: verdict,
    after: now.verdict,
    reasons: now.reasons.length > 0 ? now.reasons : (before?.reasons ?? []),
    warnings,
    changes,
  };
}

function recordedOf(judges: Judges, { recorded, uid }: ReviewItem): RecordedVerdict {
  return (uid === undefined ? undefined : judges.recorded(uid)) ?? recorded ?? 'admit';
}

/** Only of what is stored in both cases. */
function mutationsOf(before: ReviewedDocument, now: ReviewedDocument): readonly Change[] {
  return before.verdict === 'admit' && now.verdict === 'admit' ? changesOf(before.patched, now.patched) : [];
}

function resultOf(before: Verdict, after: Verdict, isOther: boolean): ReplayResult {
  if (before === 'error' || after === 'error') return 'undecided';
  if (before !== after) return after === 'refuse' ? 'newly-refused' : 'newly-admitted';
  return isOther ? 'changed' : 'same';
}

function nameIn(object: unknown): string {
  const { name, generateName } = asRecord(asRecord(object)?.['metadata']) ?? {};
  return [name, generateName].find((text) => typeof text === 'string') ?? '';
}
