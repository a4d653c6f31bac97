/** The body of a request as JSON: of bounded size, in bounded time, and said to be JSON, which no HTML form can. */
import type { Request } from 'express';
import { parseStrictJson } from '../../kernel/strict-json.ts';
import { BodyBudget, discardRest, readBody } from '../read-body.ts';

const deepest = 48;
const largestBody = 1024 * 1024;
const bodyMs = 10_000;

export type ReadJson =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'refused'; readonly status: 400 | 413 | 415 | 429; readonly message: string };

export class JsonBodies {
  readonly #budget = new BodyBudget({ maxBodyBytes: largestBody, maxBufferedBytes: 16 * largestBody });

  async read(request: Request): Promise<ReadJson> {
    const [type = ''] = (request.headers['content-type'] ?? '').split(';', 1);
    if (type.trim().toLowerCase() !== 'application/json')
      return { kind: 'refused', status: 415, message: 'The body has to be JSON, with Content-Type: application/json.' };
    const body = await readBody(request, this.#budget, AbortSignal.timeout(bodyMs));
    if (!body.ok) {
      await discardRest(request, largestBody, 1_000);
      const { code, message } = body.failure;
      const status = code === 'REQUEST_TOO_LARGE' ? 413 : code === 'OVERLOADED' ? 429 : 400;
      return { kind: 'refused', status, message };
    }
    // Answers and copies put some levels around it, and have to be read as well.
    const parsed = parseStrictJson(body.value, deepest);
    this.#budget.release(body.value.length);
    if (parsed.ok) return { kind: 'json', value: parsed.value };
    return { kind: 'refused', status: 400, message: `the body: ${parsed.problem}` };
  }
}
