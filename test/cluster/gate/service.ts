import { once } from 'node:events';
import type { Server as HttpServer, RequestListener } from 'node:http';
import type { Server } from 'node:https';

/** A server that a test can change, end and start again at its address. */
export interface Service {
  readonly port: number;
  /** Undefined: it takes requests and never answers. */
  answer: RequestListener | undefined;
  close(): Promise<void>;
  open(): Promise<void>;
}

export async function serviceOf(
  make: (listener: RequestListener) => Server | HttpServer,
  host: string,
): Promise<Service> {
  const service: Service & { port: number } = { port: 0, answer: undefined, close, open };
  let server: Server | HttpServer | undefined;
  async function open(): Promise<void> {
    server = make((request, response) => service.answer?.(request, response)).listen(service.port, host);
    await once(server, 'listening');
    const address = server.address();
    service.port = typeof address === 'object' && address !== null ? address.port : 0;
  }
  async function close(): Promise<void> {
    const closed = server;
    server = undefined;
    if (closed === undefined) return;
    closed.closeAllConnections();
    closed.close();
    await once(closed, 'close');
  }
  await open();
  return service;
}
