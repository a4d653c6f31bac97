import { hash as digest } from 'node:crypto';
import type { DecisionRecord, RecordWriter } from '../ports/records.ts';

/** A record as the tables have it: what is asked for by column, and the line as it was written. */
export interface Row {
  readonly chain: number;
  readonly sequence: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly hash: string;
  readonly verdict: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly correlationId: string;
  /** Names and digests of images, in lower case. */
  readonly images: string;
  /** All other text that is searched, in lower case. */
  readonly words: string;
  readonly line: string;
}

export interface Term {
  readonly field: 'policy' | 'code';
  readonly value: string;
}

/** PostgreSQL takes at most 2,704 bytes into an index; names that Kubernetes accepts are shorter than this. */
const indexedLimit = 256;

export function rowOf(record: DecisionRecord): Row {
  const { decision } = record;
  return {
    chain: chainKey(record.writer),
    sequence: record.sequence,
    time: Date.parse(decision.time),
    hash: record.hash,
    verdict: decision.verdict,
    kind: indexed(decision.kind ?? ''),
    namespace: indexed(decision.namespace ?? ''),
    name: indexed(decision.name ?? ''),
    uid: indexed(decision.uid),
    correlationId: indexed(decision.correlationId),
    images: searched(imagesOf(record)),
    words: searched(wordsOf(record)),
    line: record.line,
  };
}

/** Policies that had a part in a decision, and the codes of its reasons; each once. */
export function termsOf({ decision }: DecisionRecord): readonly Term[] {
  const reasons = [...decision.reasons, ...(decision.audited ?? [])];
  const policies = [...decision.images.flatMap((image) => image.policies), ...reasons.map(({ policy = '' }) => policy)];
  const once = (field: Term['field'], values: readonly string[]): readonly Term[] =>
    [...new Set(values.filter((value) => value !== '').map(indexed))].map((value) => ({ field, value }));
  return [...once('policy', policies), ...once('code', reasons.map(({ code }) => code))]; // prettier-ignore
}

/** The same in every store, so that pages of one replica can be turned on another. */
export function chainKey({ id, startedAt }: RecordWriter): number {
  // 52 bits: a number in JavaScript and a bigint in SQL.
  return Number.parseInt(digest('sha256', JSON.stringify([id, startedAt]), 'hex').slice(0, 13), 16);
}

/** As it is compared: PostgreSQL knows no NUL in text. */
export function indexed(text: string): string {
  return text.slice(0, indexedLimit).toWellFormed().replaceAll('\0', '\ufffd');
}

export function needle(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd').toLowerCase();
}

function searched(texts: readonly (string | undefined)[]): string {
  return needle([...new Set(texts)].filter((text) => text !== undefined && text !== '').join('\n'));
}

function imagesOf({ decision }: DecisionRecord): readonly (string | undefined)[] {
  const reasons = [...decision.reasons, ...(decision.audited ?? [])];
  return [...decision.images.flatMap(({ image, digest: of }) => [image, of]), ...reasons.map(({ image }) => image)];
}

function wordsOf({ decision }: DecisionRecord): readonly (string | undefined)[] {
  const reasons = [...decision.reasons, ...(decision.audited ?? [])];
  return [
    decision.name,
    decision.namespace,
    decision.user,
    ...decision.images.flatMap(({ policies }) => policies),
    ...reasons.flatMap(({ code, message, policy }) => [code, message, policy]),
  ];
}
