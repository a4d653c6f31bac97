import { ApiException } from '@kubernetes/client-node';
import { asRecord } from '../../../src/kernel/strict-json.ts';

/** What the API server answers when it does not do what it was asked to. */
export interface Refusal {
  readonly code: number;
  readonly reason: string;
  /** Name of the webhook that said no, when one did. */
  readonly webhook: string;
  /** What it said; without a webhook, what the API server says. */
  readonly sentence: string;
  /** The header Retry-After, which clients follow by themselves. */
  readonly retryAfter?: string;
}

const denial = /^admission webhook "([^"]+)" denied the request: (.*)$/s;

/** Fails when `attempt` succeeds, or fails for any reason but an answer of the API server. */
export async function refusal(attempt: Promise<unknown>): Promise<Refusal> {
  try {
    await attempt;
  } catch (error) {
    if (!(error instanceof ApiException)) throw error;
    const { code, reason, message } = asRecord(parsed(error.body)) ?? {};
    const [, webhook = '', sentence = String(message)] = denial.exec(String(message)) ?? [];
    const retryAfter = error.headers['retry-after'];
    return {
      code: Number(code),
      reason: String(reason),
      webhook,
      sentence,
      ...(retryAfter === undefined ? {} : { retryAfter }),
    };
  }
  throw new Error('nothing was refused');
}

function parsed(body: unknown): unknown {
  return typeof body === 'string' ? JSON.parse(body) : body;
}
