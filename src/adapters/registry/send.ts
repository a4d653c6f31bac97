/** One HTTP request and its whole answer, limited in size while it comes in. */
import { request, type Dispatcher } from 'undici';
import { defined } from '../../kernel/defined.ts';
import type { Failure } from '../../kernel/failure.ts';
import { readAtMost } from '../read-at-most.ts';
import { connectionFailure, tooLarge } from './failures.ts';

export interface Asked {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Holds a credential: it is sent to this URL alone, and no redirect is followed. */
  readonly body?: string;
  readonly maxBytes: number;
  /** Gets the content of a 200 as it comes, which then is in no answer, and is waited for. */
  readonly onContent?: OnContent;
  readonly signal: AbortSignal;
}

export type OnContent = (chunk: Buffer) => Promise<void>;

export interface Answer {
  /** Where it came from, after redirects. */
  readonly url: URL;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** What was tried as an answer to a challenge. */
  readonly tried?: string;
}

export type Sent =
  | { readonly ok: true; readonly value: Answer }
  /** `again`: another try may go better. */
  | { readonly ok: false; readonly failure: Failure; readonly again: boolean };

/** Of answers that are no content, only what a person may want to read is worth reading. */
const maxErrorBytes = 64 * 1024;
// Compressed answers could be small on the way and large in memory.
const usualHeaders = { 'user-agent': 'countersign', 'accept-encoding': 'identity' };

export async function send(asked: Asked, dispatcher: Dispatcher): Promise<Sent> {
  const { method, url, signal } = asked;
  let isPassedOn = false;
  try {
    const headersSent = { ...usualHeaders, ...asked.headers };
    const content = defined('body', asked.body);
    const asking = request(url, { method, headers: headersSent, ...content, dispatcher, signal, reset: false });
    const got = await orAborted(asking, signal);
    const status = got.statusCode;
    const headers = flatten(got.headers);
    isPassedOn = status === 200 && asked.onContent !== undefined;
    const body = await (isPassedOn
      ? passOn(got.body, asked)
      : readAtMost(got.body, status === 200 ? asked.maxBytes : maxErrorBytes));
    if (body === undefined && status === 200) {
      return { ok: false, failure: tooLarge(url, asked.maxBytes), again: false };
    }
    return { ok: true, value: { url, status, headers, body: body ?? new Uint8Array() } };
  } catch (error) {
    const failed = connectionFailure(error, url, signal);
    // What was passed on cannot be taken back, so another try would repeat it.
    return { ok: false, failure: failed.failure, again: failed.again && !isPassedOn };
  }
}

/** undici ends a request that waits for its connection only once there is one, which takes a hanging proxy for ever. */
async function orAborted<T>(asking: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  // Whoever gave the reason chose it; it is not looked at.
  const giveUp = (): void => reject(new Error('aborted'));
  if (signal.aborted) giveUp();
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([asking, promise]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

/** Undefined when there is more than allowed: not a byte of that is passed on. */
async function passOn(
  body: Dispatcher.ResponseData['body'],
  { maxBytes, onContent }: Asked,
): Promise<Uint8Array | undefined> {
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) return undefined;
    await onContent?.(chunk);
  }
  return new Uint8Array();
}

function flatten(headers: Dispatcher.ResponseData['headers']): Readonly<Record<string, string>> {
  const entries = Object.entries(headers).map(
    ([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')] as const,
  );
  return Object.fromEntries(entries);
}
