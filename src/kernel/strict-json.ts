/**
 * JSON for text that somebody else wrote: JSON.parse, but an object that names a key twice is refused (parsers disagree
 * on which one counts, and a signature must not mean two things), and so is nesting beyond `maxDepth`.
 */
export type StrictJson =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problem: string };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function parseStrictJson(source: string | Uint8Array, maxDepth = 64): StrictJson {
  try {
    const text = typeof source === 'string' ? source : utf8.decode(source);
    const value: unknown = JSON.parse(text);
    const problem = ambiguity(text, maxDepth);
    return problem === undefined ? { ok: true, value } : { ok: false, problem };
  } catch (error) {
    return { ok: false, problem: error instanceof SyntaxError ? 'not valid JSON' : 'not valid UTF-8' };
  }
}

/** Looks only at strings and brackets, of text that is known to be JSON. By hand: a regular expression runs out of stack on long strings. */
function ambiguity(text: string, maxDepth: number): string | undefined {
  const keysOfOpen: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === code.brace || char === code.bracket) {
      if (keysOfOpen.push(undefined) > maxDepth) return `nested deeper than ${maxDepth} levels`;
    } else if (char === code.closingBrace || char === code.closingBracket) {
      keysOfOpen.pop();
    } else if (char === code.quote) {
      const end = endOfString(text, at);
      const repeated = isKey(text, end) ? repeatedKey(text.slice(at, end), keysOfOpen) : undefined;
      if (repeated !== undefined) return repeated;
      at = end - 1;
    }
  }
  return undefined;
}

const code = {
  quote: 0x22,
  colon: 0x3a,
  bracket: 0x5b,
  backslash: 0x5c,
  closingBracket: 0x5d,
  brace: 0x7b,
  closingBrace: 0x7d,
} as const;

function repeatedKey(quotedKey: string, keysOfOpen: (Set<string> | undefined)[]): string | undefined {
  const key = decodeString(quotedKey);
  const keys = keysOfOpen.at(-1) ?? new Set();
  keysOfOpen[keysOfOpen.length - 1] = keys;
  if (keys.has(key)) return `key ${JSON.stringify(key.slice(0, 64))} occurs twice in one object`;
  keys.add(key);
  return undefined;
}

/** The position after the closing quote. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  for (let char = text.charCodeAt(at); char !== code.quote && at < text.length; char = text.charCodeAt(at)) {
    at += char === code.backslash ? 2 : 1;
  }
  return at + 1;
}

function isKey(text: string, end: number): boolean {
  let at = end;
  // White space of RFC 8259: all of it sorts before every other character that may follow a string.
  while (text.charCodeAt(at) <= 0x20) at += 1;
  return text.charCodeAt(at) === code.colon;
}

function decodeString(quotedString: string): string {
  if (!quotedString.includes('\\')) return quotedString.slice(1, -1);
  // JSON.parse of a quoted string is a string.
  return JSON.parse(quotedString) as string;
}

/** The object members of a parsed value, or undefined when it is no object. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  // An object that is neither null nor an array is a record of unknown members.
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
