/**
 * JSON for text that somebody else wrote: JSON.parse, but an object that names a key twice is refused (parsers disagree
 * on which one counts, and a signature must not mean two things), and so is nesting beyond `maxDepth`.
 */
export type StrictJson =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problem: string };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function parseStrictJson(
  source: string | Uint8Array,
  maxDepth = 64,
  maxItems = Number.POSITIVE_INFINITY,
): StrictJson {
  try {
    const text = typeof source === 'string' ? source : utf8.decode(source);
    // Before parsing: a megabyte of brackets takes JSON.parse a tenth of a second.
    const { members, items, depth } = measure(text);
    if (items > maxItems) return { ok: false, problem: `more than ${maxItems} members and items` };
    if (depth > maxDepth) return { ok: false, problem: `nested deeper than ${maxDepth} levels` };
    const value: unknown = JSON.parse(text);
    // Of members with the same key JSON.parse keeps one, and the value has fewer than were written.
    if (members === membersOf(value)) return { ok: true, value };
    return { ok: false, problem: `key ${JSON.stringify(repeatedKey(text).slice(0, 64))} occurs twice in one object` };
  } catch (error) {
    return { ok: false, problem: error instanceof SyntaxError ? 'not valid JSON' : 'not valid UTF-8' };
  }
}

const code = {
  quote: 0x22,
  comma: 0x2c,
  colon: 0x3a,
  bracket: 0x5b,
  backslash: 0x5c,
  closingBracket: 0x5d,
  brace: 0x7b,
  closingBrace: 0x7d,
} as const;

interface Measures {
  readonly members: number;
  /** Of objects and lists, but for the first of each. */
  readonly items: number;
  readonly depth: number;
}

/** Of any text; right for JSON. By hand: a regular expression runs out of stack on long strings. */
function measure(text: string): Measures {
  let [members, items, open, depth] = [0, 0, 0, 0];
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === code.quote) at = closingQuote(text, at);
    else if (char === code.colon) members += 1;
    else if (char === code.comma) items += 1;
    else if (char === code.brace || char === code.bracket) depth = Math.max(depth, (open += 1));
    else if (char === code.closingBrace || char === code.closingBracket) open -= 1;
  }
  return { members, items, depth };
}

function closingQuote(text: string, start: number): number {
  let at = start + 1;
  for (let char = text.charCodeAt(at); char !== code.quote && at < text.length; char = text.charCodeAt(at)) {
    at += char === code.backslash ? 2 : 1;
  }
  return at;
}

function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inside: readonly unknown[] = Object.values(value);
  let members = Array.isArray(value) ? 0 : inside.length;
  for (const item of inside) if (typeof item === 'object') members += membersOf(item);
  return members;
}

/** For the message: the first key, of text that is known to hold one. */
function repeatedKey(text: string): string {
  const keysOfOpen: Set<string>[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === code.brace || char === code.bracket) keysOfOpen.push(new Set());
    else if (char === code.closingBrace || char === code.closingBracket) keysOfOpen.pop();
    else if (char === code.quote) {
      const end = closingQuote(text, at) + 1;
      const keys = isKey(text, end) ? keysOfOpen.at(-1) : undefined;
      // JSON.parse of a quoted string is a string.
      const key = JSON.parse(text.slice(at, end)) as string;
      if (keys?.has(key) === true) return key;
      keys?.add(key);
      at = end - 1;
    }
  }
  return '';
}

function isKey(text: string, end: number): boolean {
  let at = end;
  // White space of RFC 8259: all of it sorts before every other character that may follow a string.
  while (text.charCodeAt(at) <= 0x20) at += 1;
  return text.charCodeAt(at) === code.colon;
}

/** The object members of a parsed value, or undefined when it is no object. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  // An object that is neither null nor an array is a record of unknown members.
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
