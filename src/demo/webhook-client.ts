/** What an API server does with a webhook: one POST over TLS with the caBundle of its registration. */
import { Agent, request } from 'undici';
import { asRecord } from '../kernel/strict-json.ts';

/** RFC 6902; Countersign sends no other operation. */
export interface Replacement {
  readonly op: 'replace';
  readonly path: string;
  readonly value: string;
}

export interface WebhookResponse {
  readonly allowed: boolean;
  /** HTTP status code of the refusal. */
  readonly code?: number;
  readonly message?: string;
  readonly patch: readonly Replacement[];
}

export interface WebhookClient {
  post(path: '/mutate' | '/validate', admissionReview: unknown): Promise<WebhookResponse>;
  close(): Promise<void>;
}

const deadlineMs = 10_000;

export function webhookClient(origin: string, caPem: string): WebhookClient {
  const dispatcher = new Agent({ connect: { ca: caPem } });
  return {
    async post(path, admissionReview) {
      const { body } = await request(new URL(path, origin), {
        dispatcher,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(admissionReview),
        signal: AbortSignal.timeout(deadlineMs),
      });
      return responseOf(await body.json());
    },
    close: () => dispatcher.close(),
  };
}

function responseOf(admissionReview: unknown): WebhookResponse {
  const response = asRecord(asRecord(admissionReview)?.['response']);
  const status = asRecord(response?.['status']);
  return {
    allowed: response?.['allowed'] === true,
    ...(typeof status?.['code'] === 'number' ? { code: status['code'] } : {}),
    ...(typeof status?.['message'] === 'string' ? { message: status['message'] } : {}),
    patch: replacementsOf(response?.['patch']),
  };
}

function replacementsOf(encoded: unknown): readonly Replacement[] {
  if (typeof encoded !== 'string') return [];
  const operations: unknown = JSON.parse(Buffer.from(encoded, 'base64').toString());
  if (!Array.isArray(operations) || !operations.every(isReplacement)) throw new Error('the patch is not understood');
  return operations;
}

function isReplacement(operation: unknown): operation is Replacement {
  const { op, path, value } = asRecord(operation) ?? {};
  return op === 'replace' && typeof path === 'string' && typeof value === 'string';
}
