import type { Request, RequestHandler, Response } from 'express';
import type { Result } from '../kernel/result.ts';
import { answerConversion } from '../policy/convert-versions.ts';
import { sendError, sendText } from './answers.ts';
import { BodyBudget, discardRest, readBody } from './read-body.ts';
import { deadlineMs } from './request-deadline.ts';

/** A list of all policies is one request of the API server. */
const limits = { maxBodyBytes: 32 * 1024 * 1024, maxBufferedBytes: 96 * 1024 * 1024 };
const patience = deadlineMs('30s');

/** POST /resource-conversion, the path of sigstore policy-controller. What goes wrong in it is a Status in the answer. */
export function conversionRoute(): RequestHandler {
  const budget = new BodyBudget(limits);
  return async (request, response) => {
    const type = request.headers['content-type'] ?? '';
    if (
      !/^application\/json\s*(?:;|$)/i.test(type) ||
      (request.headers['content-encoding'] ?? 'identity') !== 'identity'
    )
      return refuse(request, response, 415, 'A ConversionReview is application/json without content encoding.');
    const body = await readBody(request, budget, AbortSignal.timeout(patience));
    if (!body.ok) return refuse(request, response, statusOf[body.failure.code] ?? 400, body.failure.message);
    try {
      send(response, answerConversion(body.value));
    } finally {
      budget.release(body.value.length);
    }
  };
}

const statusOf: Readonly<Record<string, number>> = { REQUEST_TOO_LARGE: 413, OVERLOADED: 503 };

function send(response: Response, answer: Result<string, string>): void {
  if (response.destroyed) return;
  if (answer.ok) sendText(response, 200, 'application/json', answer.value);
  else sendError(response, 400, answer.failure);
}

/** What is left of the request is read on for a moment, so that its sender gets to read the answer. */
async function refuse(request: Request, response: Response, status: number, message: string): Promise<void> {
  if (response.destroyed) return;
  const body = JSON.stringify({ error: message });
  response.shouldKeepAlive = false;
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.write(body);
  await discardRest(request, limits.maxBodyBytes, 1_000);
  response.end();
}
