/** One thing to judge again, wherever it came from. */
import { quoted } from '../../kernel/failure.ts';
import type { ManifestDocument } from '../manifest-documents.ts';

/** What was done with a request when it came. */
export type RecordedVerdict = 'admit' | 'refuse';

export type ReplayItem =
  | {
      readonly kind: 'review';
      readonly where: string;
      readonly document: ManifestDocument;
      /** Absent: nobody wrote it down. */
      readonly recorded?: RecordedVerdict;
      /** Of the request. */
      readonly uid?: string;
    }
  /** It will not be better next time. */
  | { readonly kind: 'broken'; readonly where: string; readonly why: string }
  /** Somebody was away who has more of them. */
  | { readonly kind: 'unreachable'; readonly where: string; readonly why: string };

export type Members = Readonly<Record<string, unknown>>;

export function broken(where: string, why: string): ReplayItem {
  return { kind: 'broken', where, why: quoted(why) };
}

export function textAt(record: Members | undefined, key: string): string | undefined {
  const value = record?.[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
