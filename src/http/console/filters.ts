/** What the list of decisions is narrowed to: the parameters of its address, and what they ask of the records. */
import { defined } from '../../kernel/defined.ts';
import { failureCodes, quoted } from '../../kernel/failure.ts';
import type { Decision } from '../../ports/decision-log.ts';
import type { RecordQuery } from '../../ports/records.ts';

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

/** The page that is shown: where it begins, and where the newer ones before it began. */
export interface Place {
  readonly after?: string;
  readonly trail: readonly string[];
}

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

const maxValue = 256;
const maxTrail = 40;
/** Marks of pages are opaque; a text of another form never was one. */
const mark = /^[A-Za-z0-9_=-]{1,128}$/;

export function readAddress(search: string): Asked {
  const filters: Partial<Record<FilterName, string>> = {};
  const problems: string[] = [];
  let place: Place = { trail: [] };
  for (const [name, given] of new URLSearchParams(search)) {
    const value = given.trim();
    const known = filterNames.find((candidate) => candidate === name);
    if (known !== undefined) {
      if (filters[known] !== undefined) problems.push(`The filter "${known}" is there twice.`);
      if (value !== '') filters[known] = value.slice(0, maxValue + 1);
    } else if (name === 'after') {
      if (mark.test(value)) place = { ...place, after: value };
      else problems.push('The address of this page is not whole; begin again with the newest decisions.');
    } else if (name === 'trail') {
      place = {
        ...place,
        trail: value
          .split('.')
          .filter((one) => one === '0' || mark.test(one))
          .slice(-maxTrail),
      };
    } else problems.push(`There is no filter "${quoted(name, 64)}". Filters are ${filterNames.join(', ')}.`);
  }
  return { filters, place, problems: [...new Set([...problems, ...problemsOf(filters)])].slice(0, 10) };
}

function problemsOf(filters: Filters): readonly string[] {
  const { verdict, within, since, until, code } = filters;
  const long = filterNames.filter((name) => (filters[name]?.length ?? 0) > maxValue);
  return [
    ...long.map((name) => `The filter "${name}" is longer than ${maxValue} characters.`),
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

export function decisionsAddress(filters: Filters, place: Place = { trail: [] }): string {
  const search = new URLSearchParams();
  for (const name of filterNames) {
    const value = filters[name];
    if (value !== undefined) search.set(name, value);
  }
  if (place.after !== undefined) search.set('after', place.after);
  if (place.trail.length > 0) search.set('trail', place.trail.slice(-maxTrail).join('.'));
  const text = search.toString();
  return text === '' ? '/console' : `/console?${text}`;
}

/** The next page of older decisions; "0" stands for the newest page, which begins nowhere. */
export function olderPlace({ after, trail }: Place, next: string): Place {
  return { after: next, trail: [...trail, after ?? '0'] };
}

/** The page before; undefined when that is not known, or this is the newest. */
export function newerPlace({ trail }: Place): Place | undefined {
  const before = trail.at(-1);
  if (before === undefined) return undefined;
  const rest = trail.slice(0, -1);
  return before === '0' ? { trail: rest } : { after: before, trail: rest };
}
