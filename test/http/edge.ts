/** A server on the loopback with a reviewer that only notes what reaches it, and clients of several kinds. */
import { request as httpsRequest, Agent, type RequestOptions } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { issueServing, makeAuthority, type KeyPair } from '../../src/adapters/certificates/authority.ts';
import { prometheusMetrics } from '../../src/adapters/metrics/prometheus-metrics.ts';
import type { Phase } from '../../src/admission/review.ts';
import type { ReadinessCheck } from '../../src/http/readiness.ts';
import type { Answer, Reviewer } from '../../src/http/reviewer.ts';
import { startServer, type RunningServer, type ServerLimits } from '../../src/http/server.ts';
import type { Failure } from '../../src/kernel/failure.ts';
import type { CertificateSource } from '../../src/ports/certificates.ts';

export interface Reviewed {
  readonly phase: Phase;
  readonly text: string;
  readonly signal: AbortSignal;
}

export interface Refused {
  readonly phase: Phase;
  readonly code: Failure['code'];
  readonly text: string | undefined;
}

/** Answers as the real one does; `review` may be replaced to take its time. */
class NotingReviewer implements Reviewer {
  readonly reviewed: Reviewed[] = [];
  readonly refused: Refused[] = [];
  review: (reviewed: Reviewed) => Promise<Answer> = () => Promise.resolve(admissionReview(200, true));

  reviewBytes(phase: Phase, bytes: Uint8Array, { signal }: { readonly signal: AbortSignal }): Promise<Answer> {
    const reviewed = { phase, text: Buffer.from(bytes).toString(), signal };
    this.reviewed.push(reviewed);
    return this.review(reviewed);
  }

  refuseUnread(phase: Phase, { code }: Failure, bytes?: Uint8Array): Promise<Answer> {
    this.refused.push({ phase, code, text: bytes && Buffer.from(bytes).toString() });
    return Promise.resolve(admissionReview(bytes === undefined ? 400 : 200, false, code));
  }
}

export function admissionReview(httpStatus: number, allowed: boolean, reason = ''): Answer {
  const response = { uid: '1', allowed, status: { reason } };
  const body = JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response });
  return { httpStatus, body };
}

/** Certificates that are replaced when a test says so. */
class Certificates implements CertificateSource {
  readonly ca: string;
  #pair: KeyPair;
  readonly #listeners = new Set<() => void>();

  constructor(ca: string, pair: KeyPair) {
    this.ca = ca;
    this.#pair = pair;
  }

  current(): KeyPair {
    return this.#pair;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  replace(pair: KeyPair): void {
    this.#pair = pair;
    for (const listener of this.#listeners) listener();
  }

  close(): void {
    this.#listeners.clear();
  }
}

const now = new Date();
const authority = await makeAuthority(now);
const first = await issueServing(authority, ['localhost', '127.0.0.1'], now);

export function anotherPair(): Promise<KeyPair> {
  return issueServing(authority, ['localhost', '127.0.0.1'], now);
}

export interface Edge<R extends Reviewer = NotingReviewer> {
  readonly server: RunningServer;
  readonly reviewer: R;
  readonly certificates: Certificates;
  readonly errors: string[];
}

const opened: Edge<Reviewer>[] = [];

export function openEdge(limits: Partial<ServerLimits> = {}, readiness: readonly ReadinessCheck[] = []): Promise<Edge> {
  return openEdgeOf(new NotingReviewer(), limits, readiness);
}

export async function openEdgeOf<R extends Reviewer>(
  reviewer: R,
  limits: Partial<ServerLimits> = {},
  readiness: readonly ReadinessCheck[] = [],
): Promise<Edge<R>> {
  const certificates = new Certificates(authority.cert, first);
  const errors: string[] = [];
  const log = {
    info: () => undefined,
    warn: () => undefined,
    error: (_fields: unknown, message: string) => void errors.push(message),
  };
  const server = await startServer(
    { reviewer, certificates, metrics: prometheusMetrics(), log },
    { listen: { host: '127.0.0.1', port: 0 }, readiness, limits },
  );
  const edge = { server, reviewer, certificates, errors };
  opened.push(edge);
  return edge;
}

/** For afterEach. */
export async function closeEdges(): Promise<void> {
  await Promise.all(opened.splice(0).map(({ server }) => server.close({ announceMs: 0, graceMs: 0 })));
}

export interface Received {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Sent extends RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Writes the body itself, for bodies that are slow or have no end. */
  readonly write?: (write: (chunk: string | Buffer, written?: () => void) => void) => void;
}

export function send(edge: Edge<Reviewer>, path: string, sent: Sent = {}): Promise<Received> {
  const { body, write, ...options } = sent;
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      { ...edge.server.address, ca: edge.certificates.ca, path, agent: false, ...options },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const { statusCode: status = 0, headers } = response;
          resolve({ status, headers, text: Buffer.concat(chunks).toString() });
          request.destroy();
        });
      },
    );
    request.on('error', reject);
    if (write === undefined) request.end(body);
    else write((chunk, written) => void (request.destroyed || request.write(chunk, written)));
  });
}

export const json = { 'content-type': 'application/json' };
export const review = '{"kind":"AdmissionReview","request":{"uid":"1"}}';

/** What the API server does. */
export function post(edge: Edge<Reviewer>, path = '/validate?timeout=10s', sent: Sent = {}): Promise<Received> {
  return send(edge, path, { method: 'POST', body: review, ...sent, headers: { ...json, ...sent.headers } });
}

/** A client that goes away in the middle of its body, once the server has had time to see that it came. */
export function leave(edge: Edge<Reviewer>, path: string, beginning: string): Promise<Received> {
  const gone = new AbortController();
  const written = (): void => void setTimeout(() => gone.abort(), 50);
  return post(edge, path, { signal: gone.signal, write: (chunk) => chunk(beginning, written) });
}

export function keepAliveAgent(): Agent {
  return new Agent({ keepAlive: true, maxSockets: 1 });
}

export function tlsSocket(edge: Edge<Reviewer>, options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...edge.server.address, ca: edge.certificates.ca, ...options }, () => resolve(socket));
    socket.on('error', reject);
  });
}

/** Bytes as they are, and everything that comes back until the server closes or `forMs` have passed. */
export async function sendRaw(edge: Edge<Reviewer>, bytes: string, forMs = 2000): Promise<string> {
  const socket = await tlsSocket(edge);
  return new Promise((resolve) => {
    let received = '';
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(received);
    };
    const timer = setTimeout(done, forMs);
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    socket.on('close', done).on('error', done);
    socket.write(bytes);
  });
}
