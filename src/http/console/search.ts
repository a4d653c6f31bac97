/** Addresses of lists: the filters that they are narrowed to, and which of their pages is shown. */
import { quoted } from '../../kernel/failure.ts';

/** The page that is shown: where it begins, and where the newer ones before it began. */
export interface Place {
  readonly after?: string;
  readonly trail: readonly string[];
}

export interface Search<Name extends string> {
  /** As written in the address; only what is not empty. */
  readonly filters: Readonly<Partial<Record<Name, string>>>;
  readonly place: Place;
  /** Sentences. */
  readonly problems: readonly string[];
}

const maxValue = 256;
const maxTrail = 40;
/** Of all marks together: an address has a limit. */
const maxTrailText = 4_096;

/** Marks of pages are opaque; a text that is none was never given out. */
export function readSearch<Name extends string>(
  search: string,
  names: readonly Name[],
  isMark: (text: string) => boolean,
): Search<Name> {
  const filters: Partial<Record<Name, string>> = {};
  const problems: string[] = [];
  let place: Place = { trail: [] };
  for (const [name, given] of new URLSearchParams(search)) {
    const value = given.trim();
    const known = names.find((candidate) => candidate === name);
    if (known !== undefined) {
      if (filters[known] !== undefined) problems.push(`The filter "${known}" is there twice.`);
      if (value.length > maxValue) problems.push(`The filter "${known}" is longer than ${maxValue} characters.`);
      if (value !== '') filters[known] = value.slice(0, maxValue);
    } else if (name === 'after') {
      if (isMark(value)) place = { ...place, after: value };
      else problems.push('The address of this page is not whole; begin again with the newest.');
    } else if (name === 'trail') {
      const trail = value.split('.').filter((one) => one === '0' || isMark(one));
      place = { ...place, trail: trail.slice(-maxTrail) };
    } else problems.push(`There is no filter "${quoted(name, 64)}". Filters are ${names.join(', ')}.`);
  }
  return { filters, place, problems };
}

export function printSearch<Name extends string>(
  path: string,
  names: readonly Name[],
  filters: Search<Name>['filters'],
  { after, trail }: Place = { trail: [] },
): string {
  const search = new URLSearchParams();
  for (const name of names) {
    const value = filters[name];
    if (value !== undefined) search.set(name, value);
  }
  if (after !== undefined) search.set('after', after);
  const marks = shortened(trail.slice(-maxTrail));
  if (marks.length > 0) search.set('trail', marks.join('.'));
  const text = search.toString();
  return text === '' ? path : `${path}?${text}`;
}

/** The last ones, as many as fit. */
function shortened(trail: readonly string[]): readonly string[] {
  let left = maxTrailText;
  const first = trail.findLastIndex((mark) => (left -= mark.length + 1) < 0);
  return trail.slice(first + 1);
}

/** The next page of older ones; "0" stands for the newest page, which begins nowhere. */
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
