/** WWW-Authenticate of a registry. RFC 9110 §11.6.1; distribution spec "token authentication". */
import { defined } from '../../kernel/defined.ts';

export type Challenge =
  { readonly scheme: 'basic' } | { readonly scheme: 'bearer'; readonly realm: URL; readonly service?: string };

const maxLength = 4096;
/** `name=value`, `name="value"`, or a word that begins the next challenge (or is one's token68). */
const element = /[\s,]*(?:([!#$%&'*+.^_`|~\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",=]+))|([^\s",=]+=*))/gy;

/** The first challenge that can be answered; undefined when there is none. */
export function parseChallenge(header: string | undefined): Challenge | undefined {
  if (header === undefined || header.length > maxLength) return undefined;
  for (const { scheme, parameters } of challengesIn(header)) {
    if (scheme === 'basic') return { scheme };
    const realm = scheme === 'bearer' ? realmOf(parameters.get('realm')) : undefined;
    if (realm !== undefined) return { scheme: 'bearer', realm, ...defined('service', parameters.get('service')) };
  }
  return undefined;
}

interface Parsed {
  readonly scheme: string;
  readonly parameters: Map<string, string>;
}

function challengesIn(header: string): readonly Parsed[] {
  const found: Parsed[] = [];
  // Sticky: ends at the first thing that is none of these.
  for (const [, name, text, token, scheme] of header.matchAll(element)) {
    if (scheme !== undefined) found.push({ scheme: scheme.toLowerCase(), parameters: new Map() });
    const parameters = found.at(-1)?.parameters;
    const key = name?.toLowerCase();
    if (key === undefined || parameters === undefined || parameters.has(key)) continue;
    parameters.set(key, token ?? (text ?? '').replace(/\\(.)/g, '$1'));
  }
  return found;
}

/** Where credentials may be taken: a web address, without any in it already. */
function realmOf(text: string | undefined): URL | undefined {
  if (text === undefined || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:';
  return isWeb && url.username === '' && url.password === '' ? url : undefined;
}
