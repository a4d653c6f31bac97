import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A proxy that knows CONNECT alone, and leads where the test says, whatever name it is asked for. Ends with the test. */
export interface TestProxy {
  readonly url: URL;
  /** "HOST:PORT", each time it was asked to connect. */
  readonly asked: string[];
  /** What came along as Proxy-Authorization. */
  readonly authorizations: (string | undefined)[];
}

export interface ProxyBehaviour {
  /** Address of a local server, for each HOST:PORT. */
  readonly to: (asked: string) => string;
  /** Instead of a connection. */
  readonly status?: number;
  readonly hangs?: boolean;
  readonly drops?: boolean;
  readonly tls?: { readonly cert: string; readonly key: string };
}

export async function openProxy({ to, status, hangs, drops, tls }: ProxyBehaviour): Promise<TestProxy> {
  const asked: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const sockets = new Set<Socket>();
  const server = tls === undefined ? createServer() : createTlsServer(tls);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
  });
  server.on('connect', (request: IncomingMessage, client: Socket) => {
    asked.push(request.url ?? '');
    authorizations.push(request.headers['proxy-authorization']);
    client.on('error', () => undefined);
    if (hangs === true) return;
    if (drops === true) {
      client.destroy();
      return;
    }
    if (status !== undefined) {
      client.end(`HTTP/1.1 ${status} No\r\n\r\n`);
      return;
    }
    const [host, port] = to(request.url ?? '').split(':');
    const upstream = connect(Number(port), host);
    sockets.add(upstream);
    upstream.on('error', () => client.destroy());
    upstream.once('connect', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    });
  });
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject).listen(0, '127.0.0.1', listening.resolve);
  await listening.promise;
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  // A server that listens on TCP has an address of this form.
  const { port } = server.address() as AddressInfo;
  return { url: new URL(`${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/`), asked, authorizations };
}
