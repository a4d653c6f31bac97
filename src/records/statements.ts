/**
 * The questions as SQL that SQLite and PostgreSQL both understand. Values are always parameters. The order is newest
 * first, ended by chain and sequence, so that a page begins exactly where the one before it ended.
 */
import type { RecordQuery } from '../ports/records.ts';
import { parseMark } from './page-mark.ts';
import { indexed, needle } from './row.ts';

export type SqlValue = string | number;

export interface Statement {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

export interface Dialect {
  /** The n-th parameter, from 1. */
  readonly parameter: (n: number) => string;
  /** Position of a part in a text, 0 when it is not in it. */
  readonly position: (text: string, part: string) => string;
}

const mostFound = 1_000;

/** One record more than `limit` is asked for: it tells whether there is another page. */
export function listStatement(dialect: Dialect, query: RecordQuery): Statement {
  const values: SqlValue[] = [];
  const bind = (value: SqlValue): string => dialect.parameter(values.push(value));
  const verdicts: readonly (string | undefined)[] = query.verdicts ?? [undefined];
  // One part per verdict: each comes in the order of its index, and the parts are merged without sorting them all.
  const parts = verdicts.map((verdict) => partOf(dialect, query, verdict, bind));
  const sql = parts.map((part) => `SELECT * FROM (${part}) AS part`).join(' UNION ALL ');
  const order = 'ORDER BY time DESC, chain DESC, sequence DESC';
  return { sql: `${sql} ${order} LIMIT ${bind(query.limit + 1)}`, values };
}

function partOf(
  dialect: Dialect,
  query: RecordQuery,
  verdict: string | undefined,
  bind: (value: SqlValue) => string,
): string {
  const term = firstTerm(query);
  const from = term === undefined ? 'countersign_records r' : 'countersign_terms t CROSS JOIN countersign_records r';
  const key = term === undefined ? 'r' : 't';
  const conditions = [
    ...(term === undefined ? [] : ['r.chain = t.chain AND r.sequence = t.sequence']),
    ...(term === undefined ? [] : [`t.field = ${bind(term.field)} AND t.value = ${bind(indexed(term.value))}`]),
    ...equals({ verdict, namespace: query.namespace, kind: query.kind, name: query.name }, bind),
    ...(query.policy !== undefined && query.code !== undefined ? [alsoHas(query.code, bind)] : []),
    ...between(key, query, bind),
    ...contains(dialect, query, bind),
  ];
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const order = `ORDER BY ${key}.time DESC, ${key}.chain DESC, ${key}.sequence DESC`;
  return `SELECT r.time, r.chain, r.sequence, r.line FROM ${from} ${where} ${order} LIMIT ${bind(query.limit + 1)}`;
}

function firstTerm({ policy, code }: RecordQuery): { readonly field: string; readonly value: string } | undefined {
  if (policy !== undefined) return { field: 'policy', value: policy };
  return code === undefined ? undefined : { field: 'code', value: code };
}

function alsoHas(code: string, bind: (value: SqlValue) => string): string {
  const own = 'c.chain = r.chain AND c.sequence = r.sequence AND c.time = r.time';
  return `EXISTS (SELECT 1 FROM countersign_terms c WHERE c.field = 'code' AND c.value = ${bind(indexed(code))} AND ${own})`;
}

function equals(
  wanted: Readonly<Record<string, string | undefined>>,
  bind: (value: SqlValue) => string,
): readonly string[] {
  return Object.entries(wanted).flatMap(([column, value]) =>
    value === undefined ? [] : [`r.${column} = ${bind(indexed(value))}`],
  );
}

function between(key: string, query: RecordQuery, bind: (value: SqlValue) => string): readonly string[] {
  const mark = query.after === undefined ? undefined : parseMark(query.after);
  const [since, until] = [query.since, query.until].map((time) => (time === undefined ? undefined : Date.parse(time)));
  return [
    ...(since === undefined ? [] : [`${key}.time >= ${bind(since)}`]),
    ...(until === undefined ? [] : [`${key}.time < ${bind(until)}`]),
    ...(mark === undefined
      ? []
      : [
          `(${key}.time, ${key}.chain, ${key}.sequence) < (${bind(mark.time)}, ${bind(mark.chain)}, ${bind(mark.sequence)})`,
        ]),
  ];
}

function contains(
  dialect: Dialect,
  { image, text }: RecordQuery,
  bind: (value: SqlValue) => string,
): readonly string[] {
  const has = (column: string, part: string): string => `${dialect.position(column, bind(needle(part)))} > 0`;
  return [
    ...(image === undefined ? [] : [has('r.images', image)]),
    ...(text === undefined ? [] : [`(${has('r.words', text)} OR ${has('r.images', text)})`]),
  ];
}

export function findStatement(dialect: Dialect, id: string): Statement {
  const by = (column: string, n: number): string =>
    `SELECT time, chain, sequence, line FROM countersign_records WHERE ${column} = ${dialect.parameter(n)}`;
  const sql = `${by('correlation_id', 1)} UNION ${by('uid', 2)} ORDER BY time, chain, sequence LIMIT ${mostFound}`;
  return { sql, values: [indexed(id), indexed(id)] };
}

export const positionsSql =
  'SELECT writer, started_at, first, last, count FROM countersign_chains WHERE last > 0 ORDER BY started_at, writer';

export function chainStatement(dialect: Dialect, chain: number, from: number, limit: number): Statement {
  const [one, two, three] = [1, 2, 3].map(dialect.parameter);
  const sql = `SELECT sequence, line FROM countersign_records WHERE chain = ${one} AND sequence >= ${two} ORDER BY sequence LIMIT ${three}`;
  return { sql, values: [chain, from, limit] };
}
