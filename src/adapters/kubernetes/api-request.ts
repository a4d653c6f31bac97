/**
 * One request to the API server, in its own JSON: what the client library makes of objects leaves out members that it does not
 * know, its exceptions hide what the server said, and each of its calls opens a connection of its own. Credentials and TLS are
 * still the library's.
 */
import { HttpMethod, RequestContext, type KubeConfig } from '@kubernetes/client-node';
import { fetch, type Dispatcher, type Response } from 'undici';
import { defined } from '../../kernel/defined.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { apiFailure, type ApiFailure, type CallLimits } from './bounded-call.ts';

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  /** Absent: JSON. */
  readonly contentType?: string;
}

/** Any answer is one, also a refusal. `body`: undefined when it is no JSON. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

export interface ApiClient {
  /** `what` completes "cannot …" in the failure's sentence. */
  send(what: string, request: ApiRequest, signal: AbortSignal): Promise<Result<ApiAnswer, ApiFailure>>;
  /** The last bytes of an answer of any length. */
  tail(
    what: string,
    request: ApiRequest,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<Result<{ readonly status: number; readonly text: string }, ApiFailure>>;
  /** Its connections end with what is under way on them. */
  close(): void;
}

/** Certificates in files are replaced now and then; new connections use them after this. */
const connectionsForMs = 60_000;

export function apiClient(kubeConfig: KubeConfig, limits: CallLimits): ApiClient {
  let shared: { readonly dispatcher: Dispatcher; readonly since: number } | undefined;

  function dispatcherOf(context: RequestContext): Dispatcher | undefined {
    const now = performance.now();
    if (shared !== undefined && now - shared.since < connectionsForMs) return shared.dispatcher;
    const dispatcher = context.getDispatcher();
    // Ends once what is under way on it has ended.
    void shared?.dispatcher.close().catch(() => undefined);
    shared = dispatcher && { dispatcher, since: now };
    return dispatcher;
  }

  async function call<T>(
    what: string,
    { method, path, query = {}, body, contentType = 'application/json' }: ApiRequest,
    outer: AbortSignal,
    read: (response: Response) => Promise<T>,
  ): Promise<Result<T, ApiFailure>> {
    const signal = AbortSignal.any([AbortSignal.timeout(limits.deadlineMs), outer]);
    try {
      const server = kubeConfig.getCurrentCluster()?.server ?? '';
      const context = new RequestContext(`${server}${path}?${new URLSearchParams(query).toString()}`, HttpMethod.GET);
      await kubeConfig.applySecurityAuthentication(context);
      const headers = { ...context.getHeaders(), ...(body === undefined ? {} : { 'content-type': contentType }) };
      const response = await fetch(context.getUrl(), {
        method,
        headers,
        signal,
        ...defined('dispatcher', dispatcherOf(context)),
        ...defined('body', body && JSON.stringify(body)),
      });
      return ok(await read(response));
    } catch (error) {
      return fail(apiFailure(what, error));
    }
  }

  return {
    close: () => void shared?.dispatcher.close().catch(() => undefined),
    send: (what, request, signal) =>
      call(what, request, signal, async (response) => {
        const text = await bodyOf(response, limits.maxBytes, 'all');
        return { status: response.status, body: parsed(text) };
      }),
    tail: (what, request, maxBytes, signal) =>
      call(what, request, signal, async (response) => {
        return { status: response.status, text: await bodyOf(response, maxBytes, 'last') };
      }),
  };
}

async function bodyOf({ body }: Response, maxBytes: number, part: 'all' | 'last'): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const stream: AsyncIterable<Uint8Array> | readonly Uint8Array[] = body ?? [];
  for await (const chunk of stream) {
    size += chunk.byteLength;
    // Leaving the loop cancels the stream, which closes the connection.
    if (part === 'all' && size > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
    for (let first = chunks[0]; first !== undefined && size - first.byteLength >= maxBytes; first = chunks[0]) {
      size -= first.byteLength;
      chunks.shift();
    }
  }
  // A character that was cut in two becomes U+FFFD.
  return Buffer.concat(chunks).subarray(-maxBytes).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
