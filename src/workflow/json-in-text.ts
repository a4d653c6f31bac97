/**
 * A JSON value that begins at a place in a text, and where it ends; JSON.parse takes whole texts only. Numbers that JSON
 * does not carry exactly stay as they are written, in strings. RFC 7493 §2.2
 */
export interface ValueInText {
  readonly value: unknown;
  /** Behind its last character. */
  readonly end: number;
}

/** Deeper values are none. It also bounds the time: any part of a text is read at most that many times. */
const maxDepth = 20;

export function valueAt(text: string, start: number, depth = 0): ValueInText | undefined {
  const char = text[start];
  if (char === '{') return depth === maxDepth ? undefined : objectAt(text, start, depth + 1);
  if (char === '[') return depth === maxDepth ? undefined : listAt(text, start, depth + 1);
  return char === '"' ? stringAt(text, start) : (wordAt(text, start) ?? numberAt(text, start));
}

function objectAt(text: string, start: number, depth: number): ValueInText | undefined {
  const entries: (readonly [string, unknown])[] = [];
  const end = itemsAt(text, start, '}', (at) => {
    const key = stringAt(text, at);
    const colon = key === undefined ? at : skipSpace(text, key.end);
    const item = text[colon] === ':' ? valueAt(text, skipSpace(text, colon + 1), depth) : undefined;
    if (key === undefined || item === undefined) return undefined;
    entries.push([key.value, item.value]);
    return item.end;
  });
  // Makes "__proto__" a member like any other.
  return end === undefined ? undefined : { value: Object.fromEntries(entries), end };
}

function listAt(text: string, start: number, depth: number): ValueInText | undefined {
  const items: unknown[] = [];
  const end = itemsAt(text, start, ']', (at) => {
    const item = valueAt(text, at, depth);
    if (item !== undefined) items.push(item.value);
    return item?.end;
  });
  return end === undefined ? undefined : { value: items, end };
}

/** `read` gives where the item at a place ends. */
function itemsAt(
  text: string,
  start: number,
  close: '}' | ']',
  read: (at: number) => number | undefined,
): number | undefined {
  let at = skipSpace(text, start + 1);
  if (text[at] === close) return at + 1;
  for (;;) {
    const end = read(at);
    if (end === undefined) return undefined;
    at = skipSpace(text, end);
    if (text[at] === close) return at + 1;
    if (text[at] !== ',') return undefined;
    at = skipSpace(text, at + 1);
  }
}

function stringAt(text: string, start: number): { readonly value: string; readonly end: number } | undefined {
  if (text[start] !== '"') return undefined;
  let end = start + 1;
  for (let char = text[end]; char !== '"'; char = text[end]) {
    // No string of JSON goes over the end of a line.
    if (char === undefined || char < ' ') return undefined;
    end += char === '\\' ? 2 : 1;
  }
  try {
    // JSON.parse of a quoted string is a string.
    return { value: JSON.parse(text.slice(start, end + 1)) as string, end: end + 1 };
  } catch {
    return undefined;
  }
}

const words = [
  ['true', true],
  ['false', false],
  ['null', null],
] as const;

function wordAt(text: string, start: number): ValueInText | undefined {
  const found = words.find(([word]) => text.startsWith(word, start));
  return found === undefined ? undefined : { value: found[1], end: start + found[0].length };
}

// RFC 8259 §6
const numberPattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y;

function numberAt(text: string, start: number): ValueInText | undefined {
  numberPattern.lastIndex = start;
  const [written] = numberPattern.exec(text) ?? [];
  if (written === undefined) return undefined;
  const value = Number(written);
  const isExact = Math.abs(value) <= Number.MAX_SAFE_INTEGER;
  return { value: isExact ? value : written, end: start + written.length };
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (let char = text[at]; char === ' ' || char === '\n' || char === '\r' || char === '\t'; char = text[at]) at += 1;
  return at;
}
