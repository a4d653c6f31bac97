import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';

/**
 * The open connections of a server, to be ended when it stops. node:http by itself knows those that have sent a part of a
 * request; clients also open connections in advance, and some never begin TLS.
 */
export class Connections {
  readonly #server: HttpServer | HttpsServer;
  readonly #all = new Set<Duplex>();
  /** Through the handshake, but without a request so far. */
  readonly #unused = new Set<Duplex>();

  constructor(server: HttpServer | HttpsServer) {
    this.#server = server;
    server.on('connection', (socket) => keepWhileOpen(this.#all, socket));
    server.on('secureConnection', (socket) => keepWhileOpen(this.#unused, socket));
    server.on('request', ({ socket }) => this.#unused.delete(socket));
  }

  endIdle(): void {
    this.#server.closeIdleConnections();
    for (const socket of this.#unused) socket.destroy();
  }

  endAll(): void {
    for (const socket of this.#all) socket.destroy();
  }
}

function keepWhileOpen(sockets: Set<Duplex>, socket: Duplex): void {
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
}
