/**
 * An OCI registry inside this process, on loopback, for the demo and the tests: enough of the distribution API for
 * crane and cosign to push and for Countersign to read. It is no registry to keep images in.
 */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Digest } from '../../kernel/digest.ts';
import { Gate, type Access } from './access.ts';
import { answer, kindOf, type RequestKind } from './routes.ts';
import { RegistryStore } from './store.ts';

export interface DemoRegistryOptions {
  /** 0, the default, is any free port. */
  readonly port?: number;
  /** Loopback unless given. */
  readonly address?: string;
  readonly access?: Access;
  /** False: like distribution 3, which answers 404, and says its name in a header. */
  readonly referrersApi?: boolean;
  readonly referrersPerPage?: number;
  readonly maxBytes?: number;
  readonly tls?: { readonly cert: string; readonly key: string };
}

export interface LoggedRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly status: number;
  /** The request carried an Authorization header. */
  readonly authorized: boolean;
}

export type RequestCounts = Readonly<Record<RequestKind | 'total', number>>;

/** Stands in for the registry's answer, or gives it through `answer`. */
export type Fault = (
  request: IncomingMessage,
  response: ServerResponse,
  answer: () => Promise<void>,
) => void | Promise<void>;

export interface DemoRegistry {
  /** As in image names: ADDRESS:PORT. */
  readonly host: string;
  readonly url: string;
  readonly store: RegistryStore;
  requests(): RequestCounts;
  log(): readonly LoggedRequest[];
  /** Forgets log and faults; keeps what was pushed. */
  reset(): void;
  /** The next `times` requests whose "METHOD /path" fits get the fault. */
  inject(where: RegExp, fault: Fault, times?: number): void;
  revokeTokens(): void;
  putBlob(repository: string, bytes: Uint8Array): Digest;
  putManifest(repository: string, manifest: Uint8Array | object, tag?: string): Digest;
  close(): Promise<void>;
}

const defaultMaxBytes = 256 * 1024 * 1024;
const maxLogged = 10_000;

export async function startRegistry(options: DemoRegistryOptions = {}): Promise<DemoRegistry> {
  const { port = 0, address = '127.0.0.1', access = { kind: 'open' } } = options;
  const { referrersApi = true, referrersPerPage = 1_000, tls } = options;
  const store = new RegistryStore(options.maxBytes ?? defaultMaxBytes);
  const gate = new Gate(access);
  const log: LoggedRequest[] = [];
  const faults: { readonly where: RegExp; readonly fault: Fault; left: number }[] = [];

  const listener: RequestListener = (request, response) => {
    record(log, request, response);
    const own = (): Promise<void> =>
      answer({ store, gate, url, referrersApi, referrersPerPage, uploads }, request, response);
    const hit = faults.find(({ where, left }) => left > 0 && where.test(`${request.method} ${request.url}`));
    if (hit !== undefined) hit.left -= 1;
    void Promise.resolve(hit === undefined ? own() : hit.fault(request, response, own)).catch(() => {
      request.socket.destroy();
    });
  };
  const uploads = new Map<string, Buffer[]>();
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject).listen(port, address, listening.resolve);
  await listening.promise;
  // A server that listens on TCP has an address of this form.
  const host = `${address}:${(server.address() as AddressInfo).port}`;
  const url = `${tls === undefined ? 'http' : 'https'}://${host}`;

  return {
    host,
    url,
    store,
    requests: () => count(log),
    log: () => [...log],
    reset() {
      log.length = 0;
      faults.length = 0;
    },
    inject(where, fault, times = Infinity) {
      faults.push({ where, fault, left: times });
    },
    revokeTokens: () => {
      gate.revokeTokens();
    },
    putBlob: (repository, bytes) => store.putBlob(repository, bytes),
    putManifest(repository, manifest, tag) {
      const bytes = manifest instanceof Uint8Array ? manifest : Buffer.from(JSON.stringify(manifest));
      return store.putManifest(repository, bytes, mediaTypeOf(manifest), tag);
    },
    async close() {
      const closed = Promise.withResolvers<void>();
      server.close(() => {
        closed.resolve();
      });
      server.closeAllConnections();
      await closed.promise;
    },
  };
}

function mediaTypeOf(manifest: Uint8Array | object): string {
  const given = 'mediaType' in manifest ? manifest.mediaType : undefined;
  return typeof given === 'string' ? given : 'application/vnd.oci.image.manifest.v1+json';
}

function record(log: LoggedRequest[], request: IncomingMessage, response: ServerResponse): void {
  response.once('close', () => {
    if (log.length === maxLogged) log.shift();
    const { method = '', url: path = '' } = request;
    log.push({ method, path, status: response.statusCode, authorized: request.headers.authorization !== undefined });
  });
}

function count(log: readonly LoggedRequest[]): RequestCounts {
  const counts = { ping: 0, manifests: 0, blobs: 0, uploads: 0, referrers: 0, tags: 0, token: 0, other: 0 };
  for (const { path } of log) counts[kindOf(path)] += 1;
  return { ...counts, total: log.length };
}
