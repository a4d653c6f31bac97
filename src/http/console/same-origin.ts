import type { IncomingMessage } from 'node:http';

/**
 * Whether a form was sent from our own page. Every browser of the last years says so in one of two headers; whoever sends
 * neither is no browser, and needs no form.
 */
export function isSameOrigin({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const { origin, host } = headers;
  if (origin === undefined || host === undefined || !URL.canParse(origin)) return false;
  return new URL(origin).host === host;
}

/** Pages of the console only: whatever else a link asks for would be somebody else's page after our own login. */
export function safeNext(next: unknown): string {
  const fits = typeof next === 'string' && next.length <= 4096 && /^\/console(?:[/?][!-[\]-~]*)?$/.test(next);
  return fits && !next.startsWith('/console/log') ? next : '/console';
}
