/** The console's own listeners: HTTPS for whoever has a token, or plain HTTP on the loopback for port-forward. */
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Access } from '../../ports/access.ts';
import type { CertificateSource } from '../../ports/certificates.ts';
import { Connections } from '../connections.ts';
import {
  addressOf,
  connectionOptions,
  listen,
  reloadCertificate,
  stop,
  tlsOptions,
  type Address,
  type ConnectionLimits,
} from '../listener.ts';
import { consoleApp, type ConsoleDeps } from './console-app.ts';

export type ConsoleListener =
  | {
      readonly kind: 'https';
      readonly address: Address;
      readonly certificates: CertificateSource;
      readonly access: Access;
    }
  /** No token is asked for, so the host has to be one of the loopback. */
  | { readonly kind: 'local'; readonly address: Address };

export interface RunningConsole {
  readonly address: Address;
  /** Lets requests in flight finish, for at most `graceMs`. */
  close(graceMs?: number): Promise<void>;
}

const limits: ConnectionLimits = { handshakeMs: 10_000, keepAliveMs: 60_000 };
const maxConnections = 512;

/** Throws for an address that cannot be listened on, or that would show everything to everybody. */
export async function startConsole(
  listener: ConsoleListener,
  deps: Omit<ConsoleDeps, 'mode'>,
): Promise<RunningConsole> {
  const { server, stopReloading } = create(listener, deps);
  server.maxConnections = maxConnections;
  server.on('clientError', unreadable);
  const connections = new Connections(server);
  await listen(server, listener.address);
  return {
    address: addressOf(server),
    close: async (graceMs = 1_000) => {
      stopReloading();
      await stop(server, connections, graceMs);
    },
  };
}

function create(
  listener: ConsoleListener,
  deps: Omit<ConsoleDeps, 'mode'>,
): { readonly server: HttpServer | HttpsServer; readonly stopReloading: () => void } {
  if (listener.kind === 'local') {
    const { host } = listener.address;
    if (!['127.0.0.1', '::1'].includes(host))
      throw new Error(`the console without tokens listens on 127.0.0.1, not on ${host}`);
    const app = consoleApp({ ...deps, mode: { kind: 'local' } });
    return { server: createHttpServer(connectionOptions(limits), app), stopReloading: () => undefined };
  }
  const { certificates, access } = listener;
  const app = consoleApp({ ...deps, mode: { kind: 'token', access } });
  const server = createHttpsServer({ ...connectionOptions(limits), ...tlsOptions(certificates) }, app);
  return { server, stopReloading: reloadCertificate(server, certificates, deps.log) };
}

/** What is no request, or has an address or headers of more than 16 KiB, is answered without being read to its end. */
function unreadable(error: Error, socket: Duplex): void {
  const isLong = 'code' in error && error.code === 'HPE_HEADER_OVERFLOW';
  const [status, text] = isLong
    ? ['431 Request Header Fields Too Large', 'The address or the headers are too long.\n']
    : ['400 Bad Request', 'This is no request that can be read.\n'];
  if (!socket.writable) return void socket.destroy();
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: text/plain\r\nx-content-type-options: nosniff\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
    () => socket.destroy(),
  );
}
