/** Parameters of the records API, read strictly: what is not understood is an error that names it, never left out. */
import { quoted } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import type { RecordQuery, RecordWriter } from '../../ports/records.ts';
import { verdicts } from '../../records/parse-decision.ts';
import { parseMark } from '../../records/page-mark.ts';

const usualLimit = 100;
const largestLimit = 1_000;
const longestValue = 1_024;

type Values = ReadonlyMap<string, readonly string[]>;

const texts = ['namespace', 'kind', 'name', 'policy', 'code', 'image', 'text', 'since', 'until', 'after'] as const;

export function parseListParameters(query: URLSearchParams): Result<RecordQuery, string> {
  const values = read(query, ['verdict', ...texts, 'limit'], ['verdict']);
  if (!values.ok) return values;
  const asked = values.value.get('verdict') ?? [];
  const wanted = verdicts.filter((verdict) => asked.includes(verdict));
  const unknown = asked.find((verdict) => !verdicts.some((known) => known === verdict));
  if (unknown !== undefined)
    return fail(`verdict: "${quoted(unknown, 64)}" is not a verdict; they are ${verdicts.join(', ')}`);
  const limit = parseNumber(values.value, 'limit', usualLimit, largestLimit);
  if (!limit.ok) return limit;
  const given = texts.flatMap((name) => (values.value.get(name) ?? []).map((value) => [name, value] as const));
  const problem = given.map(([name, value]) => problemWith(name, value)).find((found) => found !== undefined);
  if (problem !== undefined) return fail(problem);
  return ok({ ...Object.fromEntries(given), ...(wanted.length === 0 ? {} : { verdicts: wanted }), limit: limit.value });
}

function problemWith(name: (typeof texts)[number], value: string): string | undefined {
  if (name === 'after') return parseMark(value) === undefined ? 'after: it is not the next of a page' : undefined;
  if (name !== 'since' && name !== 'until') return undefined;
  const isTime = /^\d{4}-\d\d-\d\d(?:T|$)/.test(value) && !Number.isNaN(Date.parse(value));
  return isTime ? undefined : `${name}: "${quoted(value, 64)}" is not a time such as 2030-01-31T12:00:00Z`;
}

export interface ChainParameters {
  readonly writer: RecordWriter;
  readonly from: number;
  readonly limit: number;
}

export function parseChainParameters(query: URLSearchParams): Result<ChainParameters, string> {
  const values = read(query, ['writer', 'startedAt', 'from', 'limit'], []);
  if (!values.ok) return values;
  const [id, startedAt] = [values.value.get('writer')?.[0], values.value.get('startedAt')?.[0]];
  if (id === undefined) return fail('writer: it is missing; /v1/records/positions lists the chains');
  if (startedAt === undefined) return fail('startedAt: it is missing; /v1/records/positions lists the chains');
  const from = parseNumber(values.value, 'from', 1, Number.MAX_SAFE_INTEGER);
  if (!from.ok) return from;
  const limit = parseNumber(values.value, 'limit', usualLimit, largestLimit);
  return limit.ok ? ok({ writer: { id, startedAt }, from: from.value, limit: limit.value }) : limit;
}

export function parseNoParameters(query: URLSearchParams): Result<unknown, string> {
  return read(query, [], []);
}

function read(query: URLSearchParams, names: readonly string[], repeated: readonly string[]): Result<Values, string> {
  const values = new Map<string, readonly string[]>();
  for (const [name, value] of query) {
    if (!names.includes(name)) {
      const known = names.length === 0 ? 'there are none' : `they are ${names.join(', ')}`;
      return fail(`"${quoted(name, 64)}" is not a parameter; ${known}`);
    }
    if (value === '') return fail(`${name}: it is empty`);
    if (value.length > longestValue) return fail(`${name}: it is longer than ${longestValue} characters`);
    const before = values.get(name) ?? [];
    if (before.length > 0 && !repeated.includes(name)) return fail(`${name}: it is given more than once`);
    values.set(name, [...before, value]);
  }
  return ok(values);
}

function parseNumber(values: Values, name: string, usual: number, largest: number): Result<number, string> {
  const text = values.get(name)?.[0];
  if (text === undefined) return ok(usual);
  const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return number >= 1 && number <= largest
    ? ok(number)
    : fail(`${name}: "${quoted(text, 64)}" is not a number from 1 to ${largest}`);
}
