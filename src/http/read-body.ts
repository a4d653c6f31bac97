import type { IncomingMessage } from 'node:http';
import { failure, type Failure } from '../kernel/failure.ts';
import { fail, ok, type Result } from '../kernel/result.ts';

export interface BodyLimits {
  /** Of one body. */
  readonly maxBodyBytes: number;
  /** Of all bodies that are being read or judged. */
  readonly maxBufferedBytes: number;
}

/** Bytes held for requests, counted over all of them, so that many large bodies cannot use up memory. */
export class BodyBudget {
  readonly limits: BodyLimits;
  #held = 0;

  constructor(limits: BodyLimits) {
    this.limits = limits;
  }

  hold(bytes: number): boolean {
    if (this.#held + bytes > this.limits.maxBufferedBytes) return false;
    this.#held += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#held -= bytes;
  }
}

/**
 * The whole body, or why it is not read. Never rejects. Bytes of a good body stay counted in `budget` until the caller
 * releases them. What comes after a failure is thrown away by `discardRest`.
 */
export function readBody(request: IncomingMessage, budget: BodyBudget, signal: AbortSignal): Promise<Result<Buffer>> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > budget.limits.maxBodyBytes) return Promise.resolve(fail(tooLarge(budget.limits)));
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (result: Result<Buffer>): void => {
      request.off('data', take).off('end', end).off('error', cut).off('close', cut);
      signal.removeEventListener('abort', late);
      if (!result.ok) budget.release(size);
      resolve(result);
    };
    const take = (chunk: Buffer): void => {
      if (size + chunk.length > budget.limits.maxBodyBytes) return settle(fail(tooLarge(budget.limits)));
      if (!budget.hold(chunk.length)) return settle(fail(overloaded()));
      size += chunk.length;
      chunks.push(chunk);
    };
    const end = (): void => settle(ok(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size)));
    const cut = (): void => settle(fail(failure('REQUEST_MALFORMED', 'The connection ended before the request did.')));
    const late = (): void => settle(fail(failure('DEADLINE_EXCEEDED', 'The request did not arrive in time.')));
    request.on('data', take).on('end', end).on('error', cut).on('close', cut);
    signal.addEventListener('abort', late, { once: true });
  });
}

function tooLarge({ maxBodyBytes }: BodyLimits): Failure {
  return failure('REQUEST_TOO_LARGE', `The request is larger than ${maxBodyBytes} bytes.`);
}

export function overloaded(): Failure {
  return failure('OVERLOADED', 'Too many requests are being judged at the moment; try again.', 1);
}

/**
 * Reads on for a moment without keeping anything: a client that is still sending would otherwise meet a reset
 * connection instead of the answer. Ends after `maxBytes` or `maxMs`, whichever is first.
 */
export function discardRest(request: IncomingMessage, maxBytes: number, maxMs: number): Promise<void> {
  if (request.complete || request.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    let size = 0;
    const done = (): void => {
      clearTimeout(timer);
      request.off('data', take).off('end', done).off('error', done).off('close', done).pause();
      resolve();
    };
    const take = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBytes) done();
    };
    const timer = setTimeout(done, maxMs);
    request.on('data', take).on('end', done).on('error', done).on('close', done).resume();
  });
}
