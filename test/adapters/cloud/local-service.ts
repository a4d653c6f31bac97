/** An HTTP service on this machine that answers as it is told, and remembers what it was asked. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { onTestFinished } from 'vitest';

export interface Received {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Told {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is written as JSON. */
  readonly body?: unknown;
  /** How long it takes to answer. */
  readonly afterMs?: number;
}

export interface LocalService {
  readonly url: string;
  readonly host: string;
  readonly received: Received[];
  answer(request: Received): Told | 'nothing';
}

/** Ends with the test. */
export async function localService(answer: LocalService['answer']): Promise<LocalService> {
  const service = { url: '', host: '', received: [] as Received[], answer };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const received = {
        method: request.method ?? '',
        url: new URL(request.url ?? '', service.url),
        headers: request.headers,
        body: Buffer.concat(chunks).toString('utf8'),
      };
      service.received.push(received);
      const told = service.answer(received);
      if (told === 'nothing') return;
      const { status = 200, body = {}, afterMs = 0 } = told;
      const write = (): void => {
        response.writeHead(status, told.headers);
        response.end(typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body));
      };
      if (afterMs === 0) write();
      else setTimeout(write, afterMs).unref();
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  service.host = `127.0.0.1:${address.port}`;
  service.url = `http://${service.host}/`;
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return service;
}
