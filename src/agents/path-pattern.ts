/**
 * Patterns of Go's path/filepath.Match over whole names, on Unix: `*` and `?` stop at "/", `[a-z]` and `[^a-z]` are
 * classes, `\\` takes what follows as it is. Time is the length of the pattern times that of the name, whatever is written.
 */
interface Range {
  readonly low: string;
  readonly high: string;
}

type PatternPart =
  | { readonly kind: 'any' }
  | { readonly kind: 'one' }
  | { readonly kind: 'literal'; readonly char: string }
  | { readonly kind: 'class'; readonly negated: boolean; readonly ranges: readonly Range[] };

const separator = '/';

/** Undefined: the pattern is malformed. */
export function parsePathPattern(pattern: string): readonly PatternPart[] | undefined {
  const chars = Array.from(pattern);
  const parts: PatternPart[] = [];
  let at = 0;
  while (at < chars.length) {
    const read = partAt(chars, at);
    if (read === undefined) return undefined;
    parts.push(read.part);
    at = read.end;
  }
  return parts;
}

interface Read {
  readonly part: PatternPart;
  readonly end: number;
}

function partAt(chars: readonly string[], at: number): Read | undefined {
  const char = chars[at] ?? '';
  if (char === '*') return { part: { kind: 'any' }, end: at + 1 };
  if (char === '?') return { part: { kind: 'one' }, end: at + 1 };
  if (char === '[') return classAt(chars, at + 1);
  if (char !== '\\') return { part: { kind: 'literal', char }, end: at + 1 };
  const escaped = chars[at + 1];
  return escaped === undefined ? undefined : { part: { kind: 'literal', char: escaped }, end: at + 2 };
}

/** From behind the bracket. A class holds one range at least, so `[]a]` is malformed. */
function classAt(chars: readonly string[], start: number): Read | undefined {
  const negated = chars[start] === '^';
  const ranges: Range[] = [];
  let at = negated ? start + 1 : start;
  while (chars[at] !== ']' || ranges.length === 0) {
    const low = classCharAt(chars, at);
    if (low === undefined) return undefined;
    const high = chars[low.end] === '-' ? classCharAt(chars, low.end + 1) : low;
    if (high === undefined) return undefined;
    ranges.push({ low: low.char, high: high.char });
    at = high.end;
  }
  return { part: { kind: 'class', negated, ranges }, end: at + 1 };
}

/** "-" and "]" have to be escaped, and something has to follow: the bracket that ends the class. */
function classCharAt(
  chars: readonly string[],
  at: number,
): { readonly char: string; readonly end: number } | undefined {
  const first = chars[at];
  if (first === undefined || first === '-' || first === ']') return undefined;
  const isEscaped = first === '\\';
  const char = isEscaped ? chars[at + 1] : first;
  const end = isEscaped ? at + 2 : at + 1;
  return char === undefined || end >= chars.length ? undefined : { char, end };
}

/** Where it goes wrong, only the newest `*` is tried again: what the ones before it took cannot matter any more. */
export function matchesPathPattern(parts: readonly PatternPart[], name: string): boolean {
  const chars = Array.from(name);
  let [at, next] = [0, 0];
  let retry: { readonly next: number; at: number } | undefined;
  while (at < chars.length || next < parts.length) {
    const part = parts[next];
    if (part?.kind === 'any') {
      next += 1;
      retry = { next, at };
    } else if (part !== undefined && at < chars.length && matchesOne(part, chars[at] ?? '')) {
      at += 1;
      next += 1;
    } else if (retry !== undefined && retry.at < chars.length && chars[retry.at] !== separator) {
      retry.at += 1;
      at = retry.at;
      next = retry.next;
    } else return false;
  }
  return true;
}

function matchesOne(part: Exclude<PatternPart, { readonly kind: 'any' }>, char: string): boolean {
  switch (part.kind) {
    case 'one':
      return char !== separator;
    case 'literal':
      return char === part.char;
    case 'class':
      return part.ranges.some(({ low, high }) => isBetween(char, low, high)) !== part.negated;
  }
}

function isBetween(char: string, low: string, high: string): boolean {
  const [code, from, to] = [char, low, high].map((one) => one.codePointAt(0) ?? 0);
  return code !== undefined && from !== undefined && to !== undefined && from <= code && code <= to;
}
