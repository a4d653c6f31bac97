/** A web server of this process on loopback that says what it was asked, over http or https. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { issueServing, makeAuthority } from '../../src/adapters/certificates/authority.ts';

export interface WebServer {
  /** http://127.0.0.1:… */
  readonly origin: string;
  readonly port: number;
  readonly requests: readonly Asked[];
  close(): Promise<void>;
}

export type Asked = Pick<IncomingMessage, 'url' | 'headers'>;

export interface Tls {
  readonly cert: string;
  readonly key: string;
  /** PEM of the authority. */
  readonly ca: string;
}

export async function makeTls(): Promise<Tls> {
  const now = new Date();
  const authority = await makeAuthority(now);
  const { cert, key } = await issueServing(authority, ['127.0.0.1', 'localhost'], now);
  return { cert, key, ca: authority.cert };
}

export async function startWebServer(answer: RequestListener, tls?: Tls): Promise<WebServer> {
  const requests: Asked[] = [];
  const listener: RequestListener = (request, response) => {
    requests.push({ url: request.url, headers: request.headers });
    answer(request, response);
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // It listens on an address and a port.
  const { port } = server.address() as AddressInfo;
  return {
    origin: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    requests,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
