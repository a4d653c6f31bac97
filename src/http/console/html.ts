/**
 * HTML that is escaped by construction: whatever stands in a template is text, unless it was made by a template itself.
 * Attribute values are always written between double quotes.
 */
export class Html {
  readonly #markup: string;

  constructor(pass: typeof trusted, markup: string) {
    if (pass !== trusted) throw new TypeError('only templates make HTML');
    this.#markup = markup;
  }

  toString(): string {
    return this.#markup;
  }
}

/** Known to this module alone, so that nothing else can declare a text to be HTML. */
const trusted = Symbol('trusted');

/** Absent values leave nothing behind. */
export type Part = string | number | Html | undefined | false | readonly Part[];

export function html(literals: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const markup = literals.map((literal, index) => (index === 0 ? literal : `${markupOf(parts[index - 1])}${literal}`));
  return new Html(trusted, markup.join(''));
}

function markupOf(part: Part): string {
  if (part === undefined || part === false) return '';
  if (part instanceof Html) return part.toString();
  if (typeof part === 'string') return escaped(part);
  if (typeof part === 'number') return escaped(String(part));
  return part.map(markupOf).join('');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Controls, bidi and invisible characters and half pairs are shown, not obeyed; line ends and tabs may stay. */
function escaped(text: string): string {
  return visible(text).replace(/[&<>"']/g, (c) => entities[c] ?? '');
}

function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\u2028\u2029]/gu, (c) =>
    c === '\n' || c === '\t' ? c : `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** For lists; the whole text is on the page of its own. */
export function cut(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit).toWellFormed()}…` : text;
}
