import { defined } from '../../kernel/defined.ts';

/** WWW-Authenticate of a registry. RFC 9110 §11.6.1; distribution spec "token authentication". */
export type Challenge =
  { readonly scheme: 'basic' } | { readonly scheme: 'bearer'; readonly realm: string; readonly service?: string };

const maxLength = 4096;

/** The first challenge that can be answered; undefined when there is none. */
export function parseChallenge(header: string | undefined): Challenge | undefined {
  if (header === undefined || header.length > maxLength) return undefined;
  if (/^\s*basic\b/i.test(header)) return { scheme: 'basic' };
  if (!/^\s*bearer\s/i.test(header)) return undefined;
  const parameters = new Map<string, string>();
  for (const [, name = '', value = ''] of header.matchAll(/([a-z]+)="([^"]*)"/gi))
    parameters.set(name.toLowerCase(), value);
  const realm = parameters.get('realm');
  if (realm === undefined || !URL.canParse(realm)) return undefined;
  return { scheme: 'bearer', realm, ...defined('service', parameters.get('service')) };
}
