import type { Request, RequestHandler, Response } from 'express';
import type { Phase } from '../admission/review.ts';
import { failure, type Failure } from '../kernel/failure.ts';
import { discardRest, overloaded, readBody, type BodyBudget } from './read-body.ts';
import { deadlineMs } from './request-deadline.ts';
import type { Answer, Reviewer } from './reviewer.ts';

/** How long and how far a refused request is read on, so that its sender gets to read the answer. */
const lingerMs = 1000;
const lingerBytes = 16 * 1024 * 1024;

export interface WebhookRouteDeps {
  readonly reviewer: Reviewer;
  readonly budget: BodyBudget;
  readonly maxInFlight: number;
}

/** POST /mutate and POST /validate. Requests over `maxInFlight` are refused at once: a late answer is of no use. */
export function webhookRoute(phase: Phase, deps: WebhookRouteDeps, load: { inFlight: number }): RequestHandler {
  return async (request, response) => {
    const patience = new Patience(request, response);
    load.inFlight += 1;
    let given: Given;
    try {
      given = await answer(phase, deps, request, patience.signal, load.inFlight > deps.maxInFlight);
    } finally {
      load.inFlight -= 1;
      patience.end();
    }
    await sendJson(request, response, given);
  };
}

interface Given extends Answer {
  /** The request was not read to its end: no other one can follow on its connection. */
  readonly isUnread?: true;
}

async function answer(
  phase: Phase,
  { reviewer, budget }: WebhookRouteDeps,
  request: Request,
  signal: AbortSignal,
  isTooMany: boolean,
): Promise<Given> {
  const unsupported = checkContent(request);
  const body = unsupported ?? (await readBody(request, budget, signal));
  if ('code' in body) return refuse(phase, reviewer, body);
  if (!body.ok) return refuse(phase, reviewer, body.failure);
  try {
    if (isTooMany) return await reviewer.refuseUnread(phase, overloaded(), body.value);
    return await reviewer.reviewBytes(phase, body.value, { signal });
  } finally {
    budget.release(body.value.length);
  }
}

/** Bodies are plain JSON; compressed ones would need a second limit, and no API server sends them. */
function checkContent(request: Request): Failure | undefined {
  const type = request.headers['content-type'] ?? '';
  if (!/^application\/json\s*(?:;|$)/i.test(type)) {
    return failure('REQUEST_UNSUPPORTED', 'The content type of an AdmissionReview is application/json.');
  }
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return undefined;
  return failure('REQUEST_UNSUPPORTED', 'An AdmissionReview is sent without content encoding.');
}

async function refuse(phase: Phase, reviewer: Reviewer, failed: Failure): Promise<Given> {
  return { ...(await reviewer.refuseUnread(phase, failed)), isUnread: true };
}

/** The answer leaves at once; what is left of an unread request is thrown away before the connection ends. */
async function sendJson(request: Request, response: Response, { httpStatus, body, isUnread }: Given): Promise<void> {
  if (response.destroyed) return;
  if (isUnread === true) response.shouldKeepAlive = false;
  response.writeHead(httpStatus, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.write(body);
  if (isUnread === true) await discardRest(request, lingerBytes, lingerMs);
  response.end();
}

/** Aborts at the deadline, or when the client has gone and nobody waits for the answer. */
class Patience {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #response: Response;
  readonly #gone = (): void => this.#controller.abort();

  constructor(request: Request, response: Response) {
    this.#response = response;
    this.#timer = setTimeout(this.#gone, deadlineMs(timeoutOf(request.url)));
    response.on('close', this.#gone);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#response.off('close', this.#gone);
  }
}

function timeoutOf(url: string): string | undefined {
  const query = url.indexOf('?');
  return query === -1 ? undefined : (new URLSearchParams(url.slice(query)).get('timeout') ?? undefined);
}
