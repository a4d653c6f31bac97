import { hash as digest } from 'node:crypto';
import { defined } from '../kernel/defined.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { asRecord, parseStrictJson } from '../kernel/strict-json.ts';

/**
 * The form of one line and how lines hang together; docs/decisions/0006-decision-log.md is the specification. `hash` is
 * always the last member, and is the SHA-256 of every byte of the line before `,"hash":`. `prev` is among those bytes.
 */
export interface Writer {
  readonly id: string;
  /** ISO 8601; with `id` it names one chain. */
  readonly startedAt: string;
}

/** A record, named from outside. */
export interface Head {
  readonly writer: Writer;
  readonly sequence: number;
  readonly hash: string;
}

/** What the log has to say about itself, in the member `log` of the next record. */
export interface LogNotes {
  /** First record of a chain: the last record that was there before. */
  readonly previous?: Head;
  readonly previousUnreadable?: string;
  /** Bytes after the last complete line when the log was opened, and the file they were moved to. */
  readonly torn?: { readonly bytes: number; readonly keptAs: string };
  /** First record of a file: where the records before it are. */
  readonly rotatedFrom?: string;
  /** Last records of the files that were removed because there were more than are kept. */
  readonly pruned?: readonly Head[];
  /** Decisions that could not be written before this one. */
  readonly lost?: { readonly decisions: number; readonly since: string };
}

export interface Line {
  readonly record: Readonly<Record<string, unknown>>;
  readonly notes: LogNotes;
  readonly head: Head;
  readonly prev: string;
}

export const noRecord = '0'.repeat(64);
const hexPattern = /^[0-9a-f]{64}$/;
const suffix = /,"hash":"([0-9a-f]{64})"\}$/;
const suffixLength = 75;

/** The record after `before`: `json` is a decision as a JSON object. The line ends with a line feed. */
export function chainLine(json: string, before: Head, notes: LogNotes = {}): { line: string; head: Head } {
  const writer = before.writer;
  const sequence = before.sequence + 1;
  const log = Object.keys(notes).length > 0 ? `,"log":${JSON.stringify(notes)}` : '';
  const place = `"writer":${JSON.stringify(writer)},"sequence":${sequence},"prev":"${before.hash}"`;
  const body = `${json.slice(0, -1)}${log},${place}`;
  const hash = digest('sha256', body, 'hex');
  return { line: `${body},"hash":"${hash}"}\n`, head: { writer, sequence, hash } };
}

/** What the first record of a chain comes after. */
export function startOf(writer: Writer): Head {
  return { writer, sequence: 0, hash: noRecord };
}

/** A line without its line feed; the failure is a sentence. Proves the line's own hash, not its place in the chain. */
export function parseLine(bytes: Buffer): Result<Line, string> {
  const body = bytes.subarray(0, Math.max(0, bytes.length - suffixLength));
  const hash = suffix.exec(bytes.subarray(body.length).toString('latin1'))?.[1];
  if (hash === undefined) return fail('it does not end with its hash');
  if (digest('sha256', body, 'hex') !== hash) return fail('its content does not fit its hash');
  const parsed = parseStrictJson(bytes, 16);
  if (!parsed.ok) return fail(`it is ${parsed.problem}`);
  const record = asRecord(parsed.value);
  if (record === undefined) return fail('it is not an object');
  const head = parseHead(record);
  const prev = record['prev'];
  if (head === undefined || typeof prev !== 'string' || !hexPattern.test(prev)) {
    return fail('writer, sequence, prev or hash is missing or malformed');
  }
  return ok({ record, notes: parseNotes(record['log']), head, prev });
}

export function parseHead(value: unknown): Head | undefined {
  const members = asRecord(value);
  const writer = parseWriter(members?.['writer']);
  const [sequence, hash] = [members?.['sequence'], members?.['hash']];
  if (writer === undefined || typeof hash !== 'string' || !hexPattern.test(hash)) return undefined;
  if (typeof sequence !== 'number' || !Number.isSafeInteger(sequence) || sequence < 1) return undefined;
  return { writer, sequence, hash };
}

function parseWriter(value: unknown): Writer | undefined {
  const members = asRecord(value);
  const [id, startedAt] = [members?.['id'], members?.['startedAt']];
  return typeof id === 'string' && typeof startedAt === 'string' ? { id, startedAt } : undefined;
}

function parseNotes(value: unknown): LogNotes {
  const members = asRecord(value) ?? {};
  const pruned = Array.isArray(members['pruned']) ? members['pruned'].map(parseHead) : [];
  const torn = asRecord(members['torn']);
  const lost = asRecord(members['lost']);
  return {
    ...defined('previous', parseHead(members['previous'])),
    ...defined('torn', torn && { bytes: Number(torn['bytes']), keptAs: String(torn['keptAs']) }),
    ...defined('lost', lost && { decisions: Number(lost['decisions']), since: String(lost['since']) }),
    ...(pruned.length > 0 ? { pruned: pruned.filter((head) => head !== undefined) } : {}),
  };
}

export function sameWriter(one: Writer, other: Writer): boolean {
  return one.id === other.id && one.startedAt === other.startedAt;
}

export function sameHead(one: Head | undefined, other: Head | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.hash === other.hash && one.sequence === other.sequence && sameWriter(one.writer, other.writer);
}
