/**
 * What every call to the API server has in common: a deadline, a limit on the answer's size, and failures as data.
 * The client library (2.0) has neither limit of its own, and its exceptions carry whole response bodies in their message:
 * those go no further than here.
 */
import {
  ApiException,
  Observable,
  ResponseContext,
  type ConfigurationOptions,
  type ObservableMiddleware,
} from '@kubernetes/client-node';
import { failure, quoted, type Failure } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';

export interface CallLimits {
  readonly deadlineMs: number;
  readonly maxBytes: number;
}

/** Far above what a cluster's policies or a Secret (1 MiB) need. */
export const usualLimits: CallLimits = { deadlineMs: 5_000, maxBytes: 32 * 1024 * 1024 };

export type ApiFailure = Failure & {
  /** Absent: there was no answer. */
  readonly status?: number;
};

/** Calls the API server. `what` completes "cannot …" in the failure's sentence. */
export async function boundedCall<T>(
  what: string,
  limits: CallLimits,
  call: (options: ConfigurationOptions) => Promise<T>,
  outer?: AbortSignal,
): Promise<Result<T, ApiFailure>> {
  const deadline = AbortSignal.timeout(limits.deadlineMs);
  const signal = outer === undefined ? deadline : AbortSignal.any([deadline, outer]);
  try {
    return ok(await call({ middleware: [bounds(signal, limits.maxBytes)], middlewareMergeStrategy: 'append' }));
  } catch (error) {
    return fail(apiFailure(what, error));
  }
}

function bounds(signal: AbortSignal, maxBytes: number): ObservableMiddleware {
  return {
    pre(request) {
      request.setSignal(signal);
      return new Observable(Promise.resolve(request));
    },
    post(response) {
      const body = readAtMost(response.body.stream(), maxBytes);
      return new Observable(
        body.then(
          (bytes) =>
            new ResponseContext(response.httpStatusCode, response.headers, {
              text: () => Promise.resolve(bytes.toString('utf8')),
              binary: () => Promise.resolve(bytes),
              stream: () => null,
            }),
        ),
      );
    },
  };
}

async function readAtMost(stream: ReadableStream<Uint8Array> | null, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream ?? []) {
    size += chunk.byteLength;
    // Leaving the loop cancels the stream, which closes the connection.
    if (size > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The client throws ApiException for answers it does not like, a plain Error with statusCode from watches, and fetch's own. */
export function apiFailure(what: string, error: unknown): ApiFailure {
  const status = statusOf(error);
  if (status !== undefined) return answerFailure(what, status);
  return failure('CLUSTER_UNAVAILABLE', `cannot ${what}: ${noAnswer(error)}`, 5);
}

/** For an answer of the API server that is not what was asked for. */
export function answerFailure(what: string, status: number): ApiFailure {
  const why = `the API server answers ${status}${hint(status)}`;
  return { ...failure('CLUSTER_UNAVAILABLE', `cannot ${what}: ${why}`, 5), status };
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof ApiException) return error.code;
  if (error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number') return error.statusCode;
  return undefined;
}

function hint(status: number): string {
  if (status === 401) return ', who does not know these credentials';
  return status === 403 ? ', permission is missing (manifests/base/rbac.yaml)' : '';
}

function noAnswer(error: unknown): string {
  if (!(error instanceof Error)) return 'it cannot be reached';
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'it does not answer in time';
  const cause = error.cause instanceof Error ? error.cause.message : error.message;
  return quoted(cause);
}
