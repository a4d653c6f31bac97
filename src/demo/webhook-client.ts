/** What an API server does with a webhook: one POST over TLS with the caBundle of its registration. */
import { Agent, request } from 'undici';
import type { PatchOperation } from '../kernel/json-patch.ts';
import { asRecord } from '../kernel/strict-json.ts';

export interface WebhookResponse {
  readonly allowed: boolean;
  /** HTTP status code of the refusal. */
  readonly code?: number;
  readonly message?: string;
  readonly patch: readonly PatchOperation[];
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
    patch: operationsOf(response?.['patch']),
  };
}

function operationsOf(encoded: unknown): readonly PatchOperation[] {
  if (typeof encoded !== 'string') return [];
  const operations: unknown = JSON.parse(Buffer.from(encoded, 'base64').toString());
  if (!Array.isArray(operations) || !operations.every(isOperation)) throw new Error('the patch is not understood');
  return operations;
}

function isOperation(value: unknown): value is PatchOperation {
  const { op, path } = asRecord(value) ?? {};
  return ['add', 'replace', 'remove'].includes(String(op)) && typeof path === 'string';
}
