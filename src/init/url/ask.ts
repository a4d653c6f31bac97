/**
 * One GET, and the redirects that follow, each judged like the first. Whatever was given for one origin (token, password,
 * headers) is sent to no other, and from https there is no way back to http.
 */
import { request as requestHttp, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { request as requestHttps, type RequestOptions } from 'node:https';
import { sourceProblem } from '../../agents/url-address.ts';
import { quoted } from '../../kernel/failure.ts';
import { fail, ok } from '../../kernel/result.ts';
import type { InitResult } from '../command.ts';
import { checkedLookup } from './checked-lookup.ts';
import { withoutQuery, type UrlSettings } from './url-settings.ts';

const maxRedirects = 5;
const redirects = new Set([301, 302, 303, 307, 308]);

export interface Asking {
  readonly settings: UrlSettings;
  /** PEM; undefined: those that are known anyway. */
  readonly authorities?: readonly string[];
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** An answer with a status of 2xx, its body unread. */
export async function ask(asking: Asking): Promise<InitResult<IncomingMessage>> {
  let url = asking.settings.source;
  // For good: whoever is in between could choose what they are sent to.
  let hasLeft = false;
  for (let hops = 0; hops <= maxRedirects; hops += 1) {
    hasLeft ||= url.origin !== asking.settings.source.origin;
    const response = await get(asking, url, hasLeft ? anonymous : headersOf(asking.settings));
    const { statusCode = 0, headers } = response;
    if (statusCode >= 200 && statusCode < 300) return ok(response);
    response.destroy();
    if (!redirects.has(statusCode) || headers.location === undefined) {
      return fail(`${withoutQuery(url)} answers ${statusCode} ${quoted(response.statusMessage ?? '', 80)}`.trimEnd());
    }
    const next = redirected(url, headers.location, asking.settings.allowed);
    if (!next.ok) return next;
    url = next.value;
    asking.say(`url-fetch: Redirected to ${withoutQuery(url)}`);
  }
  return fail(`more than ${maxRedirects} redirects`);
}

function redirected(from: URL, location: string, allowed: readonly string[]): InitResult<URL> {
  const where = `${withoutQuery(from)} redirects to a place that may not be asked`;
  if (!URL.canParse(location, from.href)) return fail(`${where}: it is no URL`);
  const url = new URL(location, from.href);
  const problem = sourceProblem(url.href, allowed);
  if (problem !== undefined) return fail(`${where}: ${problem}`);
  if (from.protocol === 'https:' && url.protocol === 'http:') return fail(`${where}: from https to http`);
  return ok(url);
}

function get(
  { settings, authorities, signal }: Asking,
  url: URL,
  headers: OutgoingHttpHeaders,
): Promise<IncomingMessage> {
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  const options: RequestOptions = {
    headers,
    agent: false,
    signal,
    lookup: checkedLookup(settings.allowed),
    rejectUnauthorized: !settings.insecure,
    ...(authorities === undefined ? {} : { ca: [...authorities] }),
  };
  return new Promise((resolve, reject) => {
    request(url, options, resolve).on('error', reject).end();
  });
}

const anonymous: OutgoingHttpHeaders = { 'user-agent': 'countersign-url-fetch', 'accept-encoding': 'identity' };

function headersOf({ headers, authorization }: UrlSettings): OutgoingHttpHeaders {
  const own = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  return {
    ...anonymous,
    ...Object.fromEntries(own),
    ...(authorization === undefined ? {} : { authorization: authorization.value }),
  };
}
