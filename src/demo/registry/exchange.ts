import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Gate } from './access.ts';
import type { RegistryStore } from './store.ts';

/** What every request of one registry shares. */
export interface Context {
  readonly store: RegistryStore;
  readonly gate: Gate;
  readonly url: string;
  readonly referrersApi: boolean;
  readonly referrersPerPage: number;
  /** Blobs on their way, by upload id. */
  readonly uploads: Map<string, Buffer[]>;
}

/** One request to /v2/<repository>/<kind>/<reference> and its answer. */
export interface Exchange {
  readonly context: Context;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly repository: string;
  /** A tag, a digest or an upload's id. */
  readonly reference: string;
  readonly query: URLSearchParams;
}

export class TooLarge extends Error {}

export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new TooLarge(`more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function sendJson(response: ServerResponse, status: number, value: object, type = 'application/json'): void {
  response.writeHead(status, { 'content-type': type }).end(JSON.stringify(value));
}

/** The body is left out by Node for HEAD. */
export function sendBytes(response: ServerResponse, type: string, body: Uint8Array): void {
  response.writeHead(200, { 'content-type': type, 'content-length': body.length }).end(body);
}

/** OCI dist-spec §error codes */
export function sendProblem(response: ServerResponse, status: number, code: string, message: string): void {
  sendJson(response, status, { errors: [{ code, message }] });
}

/** What a registry without that endpoint says. */
export function sendNoSuchPage(response: ServerResponse): void {
  response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n');
}
