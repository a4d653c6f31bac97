/** What the list of decisions is narrowed to: the parameters of its address, and what they ask of the records. */
import { defined } from '../../kernel/defined.ts';
import { failureCodes, quoted } from '../../kernel/failure.ts';
import type { Decision } from '../../ports/decision-log.ts';
import type { RecordQuery } from '../../ports/records.ts';
import { printSearch, readSearch, type Place } from './search.ts';

const filterNames = [
  'verdict',
  'within',
  'since',
  'until',
  'namespace',
  'kind',
  'name',
  'policy',
  'code',
  'image',
  'text',
] as const;
export type FilterName = (typeof filterNames)[number];

/** As written in the address; only what is not empty. */
export type Filters = Readonly<Partial<Record<FilterName, string>>>;

export interface Asked {
  readonly filters: Filters;
  readonly place: Place;
  /** Sentences; with any of them nothing is asked of the records. */
  readonly problems: readonly string[];
}

const refused: readonly Decision['verdict'][] = ['refuse', 'unavailable', 'error'];
export const verdicts = [
  'refuse',
  'unavailable',
  'error',
  'warn',
  'admit',
  'skip',
] as const satisfies readonly Decision['verdict'][];
/** Minutes. */
export const spans: ReadonlyMap<string, number> = new Map([
  ['1h', 60],
  ['24h', 24 * 60],
  ['7d', 7 * 24 * 60],
  ['30d', 30 * 24 * 60],
]);

/** Marks of pages are opaque; a text of another form never was one. */
const mark = /^[A-Za-z0-9_=-]{1,128}$/;

export function readAddress(search: string): Asked {
  const { filters, place, problems } = readSearch(search, filterNames, (text) => mark.test(text));
  return { filters, place, problems: [...new Set([...problems, ...problemsOf(filters)])].slice(0, 10) };
}

function problemsOf(filters: Filters): readonly string[] {
  const { verdict, within, since, until, code } = filters;
  return [
    ...(verdict === undefined || verdictsOf(verdict) !== undefined
      ? []
      : [`There is no verdict "${quoted(verdict, 64)}".`]),
    ...(within === undefined || spans.has(within) ? [] : [`There is no time span "${quoted(within, 64)}".`]),
    ...(code === undefined || isCode(code) ? [] : [`There is no code "${quoted(code, 64)}".`]),
    ...[since, until].flatMap((time) =>
      time === undefined || timeOf(time) !== undefined
        ? []
        : [`"${quoted(time, 64)}" is no time; write 2026-01-31T23:59 (UTC).`],
    ),
  ];
}

function isCode(text: string): boolean {
  return failureCodes.some((code) => code === text);
}

/** Without a verdict: what was not let in. */
function verdictsOf(verdict: string): readonly Decision['verdict'][] | undefined {
  if (verdict === 'all') return [];
  const found = verdicts.find((candidate) => candidate === verdict);
  return found === undefined ? undefined : [found];
}

/** What <input type="datetime-local"> sends, taken for UTC, with or without seconds and Z. */
function timeOf(text: string): Date | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?Z?$/.test(text)) return undefined;
  const time = new Date(text.endsWith('Z') ? text : `${text}Z`);
  return Number.isNaN(time.getTime()) ? undefined : time;
}

export function recordQuery(filters: Filters, { after }: Place, now: Date, limit: number): RecordQuery {
  const { verdict, within, since, until, namespace, kind, name, policy, code, image, text } = filters;
  const wanted = verdict === undefined ? refused : (verdictsOf(verdict) ?? []);
  const minutes = within === undefined ? undefined : spans.get(within);
  const begins = [
    ...(minutes === undefined ? [] : [new Date(now.getTime() - minutes * 60_000)]),
    ...[since].flatMap((time) => (time === undefined ? [] : (timeOf(time) ?? []))),
  ].map((time) => time.toISOString());
  return {
    limit,
    ...defined('verdicts', wanted.length === 0 ? undefined : wanted),
    ...defined('since', begins.toSorted().at(-1)),
    ...defined('until', until === undefined ? undefined : timeOf(until)?.toISOString()),
    ...defined('namespace', namespace),
    ...defined('kind', kind),
    ...defined('name', name),
    ...defined('policy', policy),
    ...defined('code', code),
    ...defined('image', image),
    ...defined('text', text),
    ...defined('after', after),
  };
}

export function decisionsAddress(filters: Filters, place?: Place): string {
  return printSearch('/console', filterNames, filters, place);
}
