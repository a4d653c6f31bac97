import type { Request, RequestHandler, Response } from 'express';
import type { Html } from './html.ts';

/** Nothing is loaded but our own stylesheet, nothing runs, forms go nowhere else, and nobody frames us. */
const policy = [
  "default-src 'none'",
  "style-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const securityHeaders: RequestHandler = (_request, response, next) => {
  response.set({
    'content-security-policy': policy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    // For what is too old for frame-ancestors.
    'x-frame-options': 'DENY',
  });
  next();
};

export function sendPage(response: Response, status: number, page: Html): void {
  send(response, status, 'text/html; charset=utf-8', page.toString());
}

export function sendUnavailable(response: Response, page: Html): void {
  response.set('retry-after', '5');
  sendPage(response, 503, page);
}

/** With its question mark; as it was sent. */
export function searchOf({ originalUrl }: Request): string {
  const at = originalUrl.indexOf('?');
  return at === -1 ? '' : originalUrl.slice(at);
}

export function send(response: Response, status: number, type: string, text: string): void {
  const bytes = Buffer.from(text);
  response.writeHead(status, { 'content-type': type, 'content-length': bytes.length });
  // node:http drops the body of an answer to HEAD.
  response.end(bytes);
}
