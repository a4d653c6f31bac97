/**
 * Sigstore on this machine: Fulcio, Rekor (v1 and v2) and a timestamp authority behind one loopback address, good enough
 * for the npm package `sigstore` and for cosign to sign against without a network. For the demo and for tests only:
 * it believes every identity token and keeps no log beyond the entry that it answers with.
 *
 * The services are those of @sigstore/mock. Its folders are named one by one because its index loads an HTTP
 * interceptor that patches node:http for the whole process.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startCertificateAuthority } from './certificate-authority.ts';
import { identityTokens, type TokenRequest } from './identity-token.ts';
import { startTimestampAuthority } from './timestamp-authority.ts';
import { startTransparencyLog } from './transparency-log.ts';
import { trustedRoot } from './trusted-root.ts';

export interface Sigstore {
  readonly fulcioUrl: string;
  readonly rekorUrl: string;
  readonly rekorV2Url: string;
  /** With the path, as signing configurations want it; without it @sigstore/sign would add its own. */
  readonly tsaUrl: string;
  /** Protobuf-JSON of a dev.sigstore.trustroot.v1.TrustedRoot. */
  readonly trustedRootJson: string;
  /** The same without transparency logs: certificates are then held against timestamps or the current time. */
  readonly trustedRootWithoutLogJson: string;
  /** An OIDC token for which the certificate authority gives a certificate of that subject and issuer. */
  identityToken(request: TokenRequest): string;
  close(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Call {
  readonly body: Buffer;
  readonly contentType: string;
  /** The bearer token, or "". */
  readonly token: string;
}

export type Routes = Readonly<Record<string, (call: Call) => Promise<Answer>>>;

const maxBodyBytes = 1024 * 1024;

export async function startSigstore(options: { readonly clock?: () => Date } = {}): Promise<Sigstore> {
  const { clock = () => new Date() } = options;
  let routes: Routes = {};
  const server = createServer((request, response) => {
    void answer(routes, request, response);
  });
  const url = await listen(server);
  const [authority, log, stamps] = await Promise.all([
    startCertificateAuthority(clock),
    startTransparencyLog(url, clock),
    startTimestampAuthority(clock),
  ]);
  routes = { ...authority.routes, ...log.routes, ...stamps.routes };
  const material = { url, since: clock(), authority, log, stamps };
  return {
    fulcioUrl: url,
    rekorUrl: url,
    rekorV2Url: url,
    tsaUrl: `${url}/api/v1/timestamp`,
    trustedRootJson: trustedRoot(material, 'with logs'),
    trustedRootWithoutLogJson: trustedRoot(material, 'without logs'),
    identityToken: identityTokens(clock),
    close: () => close(server),
  };
}

async function answer(routes: Routes, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const route = request.method === 'POST' ? routes[request.url ?? ''] : undefined;
    if (route === undefined) {
      response.writeHead(404).end();
      return;
    }
    const given = await route({
      body: await readBody(request),
      contentType: request.headers['content-type'] ?? '',
      token: request.headers.authorization?.replace(/^Bearer /i, '') ?? '',
    });
    response.writeHead(given.status, { 'content-type': given.type, ...given.headers }).end(given.body);
  } catch (error) {
    response.writeHead(400, { 'content-type': 'text/plain' }).end(error instanceof Error ? error.message : '');
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    // Without an encoding, streams of requests give Buffers.
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > maxBodyBytes) throw new Error('the request is too large');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

function listen(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      // A server that listens on a port has this kind of address.
      const { port } = server.address() as AddressInfo;
      resolve(`http://127.0.0.1:${port}`);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
