/** `countersign audit list`, `show` and `export`: decisions from each kind of source. */
import { readDecisions, type DecisionFilter } from '../adapters/decision-log/read-decisions.ts';
import { rawLines } from '../adapters/decision-log/lines.ts';
import { defined } from '../kernel/defined.ts';
import { asRecord } from '../kernel/strict-json.ts';
import type { DecisionRecord, RecordQuery } from '../ports/records.ts';
import { verdicts } from '../records/parse-decision.ts';
import type { AuditSource, ReadableRecords } from './audit-source.ts';
import { allChains } from './audit-verify.ts';
import type { Terminal } from './terminal.ts';
import { Undecided } from './undecided.ts';

/** With every member that was written. */
export type LogRecord = Readonly<Record<string, unknown>>;

const pageLimit = 1_000;

/** Oldest first. */
export async function readSource(
  source: AuditSource,
  filter: DecisionFilter,
  terminal: Terminal,
): Promise<readonly LogRecord[]> {
  if (source.kind === 'decision-log') return readLog(source.files, filter, terminal);
  return filter.id === undefined ? newest(source.records, filter) : byId(source.records, filter.id);
}

async function readLog(files: readonly string[], filter: DecisionFilter, terminal: Terminal): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const found of readDecisions(files, filter)) {
    if (found.kind === 'decision') records.push(found.record);
    else terminal.err(`${found.file}:${found.line}: not a decision: ${found.why}\n`);
  }
  return records;
}

async function byId(records: ReadableRecords, id: string): Promise<readonly LogRecord[]> {
  const found = await records.find(id);
  if (!found.ok) throw new Undecided(found.failure.message);
  return found.value.map(membersOf);
}

/** A page at a time. */
async function newest(records: ReadableRecords, filter: DecisionFilter): Promise<readonly LogRecord[]> {
  const wanted = filter.limit ?? pageLimit;
  const found: LogRecord[] = [];
  let after: string | undefined;
  do {
    const limit = Math.min(pageLimit, wanted - found.length);
    const page = await records.list({ ...queryOf(filter), limit, ...defined('after', after) });
    if (!page.ok) throw new Undecided(page.failure.message);
    found.push(...page.value.records.map(membersOf));
    after = page.value.next;
  } while (after !== undefined && found.length < wanted);
  return found.toReversed();
}

function queryOf({
  verdict,
  namespace,
  policy,
  code,
  image,
  since,
  until,
}: DecisionFilter): Omit<RecordQuery, 'limit'> {
  const asked = verdicts.find((known) => known === verdict);
  return {
    ...defined('verdicts', asked && [asked]),
    ...defined('namespace', namespace),
    ...defined('policy', policy),
    ...defined('code', code),
    ...defined('image', image),
    ...defined('since', since?.toISOString()),
    ...defined('until', until?.toISOString()),
  };
}

function membersOf({ line }: DecisionRecord): LogRecord {
  return asRecord(JSON.parse(line)) ?? {};
}

/** Lines as they were written, chain by chain. */
export async function* exportedLines(source: AuditSource): AsyncGenerator<string> {
  if (source.kind === 'records') {
    for await (const { records } of allChains(source.records)) for (const { line } of records) yield line;
    return;
  }
  for (const file of source.files)
    for await (const { bytes, complete } of rawLines(file)) if (complete) yield bytes.toString('utf8');
}
