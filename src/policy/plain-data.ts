/** What can be written as JSON: functions left out, times as texts. Equal data gives equal texts. */
export function plain(value: unknown): unknown {
  if (typeof value === 'function') return undefined;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Date) return value.toISOString();
  if (typeof value !== 'object' || value === null) return value;
  // Code stands by its hash: it may be long, and many policies may share it.
  if (isCode(value)) {
    const { text: _text, ...rest } = value;
    return plain(rest);
  }
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}

/** No labels that somebody called `text` and `hash`: a hash with its colon is the value of no label. */
function isCode(value: object): value is { readonly text: unknown } {
  return 'text' in value && 'hash' in value && typeof value.hash === 'string' && value.hash.startsWith('sha256:');
}
