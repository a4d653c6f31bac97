/**
 * How the JSON interfaces read parameters and answer: what was asked wrongly is told in 400, what cannot be had just now in
 * 503. It knows no route.
 */
import type { Request, RequestHandler, Response } from 'express';
import type { Failure } from '../kernel/failure.ts';
import type { Result } from '../kernel/result.ts';

export function parametersOf(request: Request): URLSearchParams {
  const at = request.url.indexOf('?');
  return new URLSearchParams(at === -1 ? '' : request.url.slice(at));
}

/** Undefined: it was answered. */
export function accepted<T>(response: Response, parsed: Result<T, string>): T | undefined {
  if (parsed.ok) return parsed.value;
  sendError(response, 400, parsed.failure);
  return undefined;
}

/** Undefined: it was answered. */
export function given<T>(response: Response, result: Result<T>): T | undefined {
  if (result.ok) return result.value;
  sendFailure(response, result.failure);
  return undefined;
}

export function sendFailure(response: Response, { message, retryAfterSeconds }: Failure): void {
  if (retryAfterSeconds !== undefined) response.setHeader('retry-after', retryAfterSeconds);
  sendError(response, 503, message);
}

export function wrongMethod(allowed: string): RequestHandler {
  return (_request, response) => {
    response.setHeader('allow', allowed);
    sendError(response, 405, `This path answers ${allowed} only.`);
  };
}

export function sendError(response: Response, status: number, message: string): void {
  sendJson(response, status, { error: message });
}

export function sendJson(response: Response, status: number, value: object): void {
  sendText(response, status, 'application/json', JSON.stringify(value));
}

export function sendText(response: Response, status: number, type: string, text: string): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) }).end(text);
}
