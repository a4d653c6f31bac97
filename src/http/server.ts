/**
 * The edge: HTTPS, routes, limits, draining. It reads bytes, hands them to the reviewer and sends what comes back; it
 * knows nothing of admission. HTTP/1.1 only: the API server calls webhooks with nothing else, so that its calls spread
 * over replicas (kubernetes issue 75791).
 */
import { createServer } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CertificateSource } from '../ports/certificates.ts';
import type { Logger } from '../ports/logger.ts';
import { Connections } from './connections.ts';
import {
  addressOf,
  connectionOptions,
  listen,
  reloadCertificate,
  stop,
  tlsOptions,
  type ConnectionLimits,
} from './listener.ts';
import { BodyBudget, type BodyLimits } from './read-body.ts';
import type { ReadinessCheck } from './readiness.ts';
import type { Reviewer } from './reviewer.ts';
import { routes, type MetricsPage } from './routes.ts';
import { Turns } from './turns.ts';

export interface ServerPorts {
  /** Absent: this process answers no admission requests. */
  readonly reviewer?: Reviewer;
  readonly certificates: CertificateSource;
  readonly metrics: MetricsPage;
  readonly log: Logger;
}

export interface ServerSettings {
  readonly listen: { readonly host: string; readonly port: number };
  readonly readiness: readonly ReadinessCheck[];
  readonly limits?: Partial<ServerLimits>;
}

export interface ServerLimits extends BodyLimits, ConnectionLimits {
  /** Reviews at one time; what comes on top is refused as OVERLOADED. */
  readonly maxInFlight: number;
  /** Requests that begin in one turn of the event loop; each takes up to half a millisecond of it. */
  readonly begunPerTurn: number;
  readonly maxConnections: number;
  /**
   * Idle connections. Above the 90 s after which the API server drops them itself, so that it never meets a closed one. Slow
   * bodies end earlier, with a proper answer, at the deadline of the review.
   */
  readonly keepAliveMs: number;
}

/** An object of 3 MiB is what etcd and the API server allow; an update carries the old and the new one. */
const defaultLimits: ServerLimits = {
  maxBodyBytes: 8 * 1024 * 1024,
  maxBufferedBytes: 256 * 1024 * 1024,
  maxInFlight: 512,
  begunPerTurn: 8,
  maxConnections: 4096,
  handshakeMs: 10_000,
  keepAliveMs: 120_000,
};

export interface Drain {
  /** How long requests are still accepted while /readyz already says no, until nobody is sent here any more. */
  readonly announceMs: number;
  /** How long requests in flight may take after that. */
  readonly graceMs: number;
}

export interface RunningServer {
  readonly address: { readonly host: string; readonly port: number };
  close(drain: Drain): Promise<void>;
}

export async function startServer(ports: ServerPorts, settings: ServerSettings): Promise<RunningServer> {
  const limits = { ...defaultLimits, ...settings.limits };
  const draining = { now: false };
  const stopping = { name: 'shutdown', problem: () => (draining.now ? 'The server is stopping.' : undefined) };
  const app = routes({
    ...ports,
    budget: new BodyBudget(limits),
    maxInFlight: limits.maxInFlight,
    readiness: [...settings.readiness, stopping],
  });
  const server = createServer({ ...connectionOptions(limits), ...tlsOptions(ports.certificates) });
  server.maxConnections = limits.maxConnections;
  const connections = new Connections(server);
  const turns = new Turns(limits.begunPerTurn);
  server.on('request', (request, response) => {
    if (draining.now) response.shouldKeepAlive = false;
    void turns.take().then(() => {
      // Whoever has gone before the turn came left nothing to read and nobody to answer.
      if (!request.destroyed) app(request, response);
    });
  });
  const stopReloading = reloadCertificate(server, ports.certificates, ports.log);
  await listen(server, settings.listen);
  return {
    address: addressOf(server),
    close: async (drain) => {
      draining.now = true;
      await sleep(drain.announceMs);
      stopReloading();
      await stop(server, connections, drain.graceMs);
    },
  };
}
