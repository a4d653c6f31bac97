/** What the servers of this program have in common: limits of connections, certificates that change, an orderly end. */
import type { Server as HttpServer, ServerOptions as HttpOptions } from 'node:http';
import type { Server as HttpsServer, ServerOptions as HttpsOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { CertificateSource } from '../ports/certificates.ts';
import type { Logger } from '../ports/logger.ts';
import type { Connections } from './connections.ts';

export interface ConnectionLimits {
  /** For the TLS handshake. */
  readonly handshakeMs: number;
  /** Idle connections, and for a whole request to arrive. */
  readonly keepAliveMs: number;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

export function connectionOptions(limits: ConnectionLimits): HttpOptions & Pick<HttpsOptions, 'handshakeTimeout'> {
  return {
    noDelay: true,
    handshakeTimeout: limits.handshakeMs,
    keepAliveTimeout: limits.keepAliveMs,
    // node:http counts these two from the moment of the connection. Clients open connections in advance and take them for
    // idle ones: were the times shorter, one would be answered 408 and closed just as its first request is on the way.
    headersTimeout: limits.keepAliveMs,
    requestTimeout: limits.keepAliveMs,
    // How often they are looked at.
    connectionsCheckingInterval: Math.min(5000, limits.keepAliveMs),
  };
}

export function tlsOptions(certificates: CertificateSource): HttpsOptions {
  const { cert, key } = certificates.current();
  return { cert, key, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] };
}

/** Connections that are open keep the certificate they began with; new ones get the new one. */
export function reloadCertificate(server: HttpsServer, certificates: CertificateSource, log: Logger): () => void {
  return certificates.onChange(() => {
    try {
      server.setSecureContext(tlsOptions(certificates));
      log.info({}, 'serving certificate replaced');
    } catch (error) {
      log.error({ err: error }, 'serving certificate cannot be used; the one before it stays');
    }
  });
}

export function listen(server: HttpServer | HttpsServer, { host, port }: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

export function addressOf(server: HttpServer | HttpsServer): Address {
  // A server that listens on a port has this kind of address.
  const { address, port } = server.address() as AddressInfo;
  return { host: address, port };
}

/** No new connections; idle ones are ended as they become idle; after the grace all others. */
export async function stop(server: HttpServer | HttpsServer, connections: Connections, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  connections.endIdle();
  const idle = setInterval(() => connections.endIdle(), 50);
  const grace = setTimeout(() => connections.endAll(), graceMs);
  await closed;
  clearInterval(idle);
  clearTimeout(grace);
}
