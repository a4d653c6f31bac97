import { generateKeyPairSync } from 'node:crypto';
import { fulcioHandler, initializeCA, initializeCTLog } from '@sigstore/mock/dist/fulcio/index.js';
import type { Answer, Call, Routes } from './sigstore.ts';

export interface CertificateAuthority {
  readonly routes: Routes;
  /** DER of the self-signed root, which signs the leaves itself. */
  readonly root: Buffer;
  /** DER of the SPKI of the certificate transparency log. */
  readonly ctLogKey: Buffer;
}

const path = '/api/v2/signingCert';

export async function startCertificateAuthority(clock: () => Date): Promise<CertificateAuthority> {
  // The library takes a fixed Date and reads it anew for each certificate: set before each call, it is a clock.
  const time = wholeSeconds(clock());
  const log = await initializeCTLog(generateKeyPairSync('ec', { namedCurve: 'P-256' }), time);
  const ca = await initializeCA(generateKeyPairSync('ec', { namedCurve: 'P-256' }), log, time);
  const issue = fulcioHandler(ca);

  async function signingCert({ body, token }: Call): Promise<Answer> {
    const request = JSON.parse(body.toString()) as { credentials?: { oidcIdentityToken?: string } };
    // cosign sends the token as a header, @sigstore/sign in the body.
    const oidcIdentityToken = request.credentials?.oidcIdentityToken ?? token;
    time.setTime(issuedAt(oidcIdentityToken) ?? wholeSeconds(clock()).getTime());
    const made = await issue.fn(JSON.stringify({ ...request, credentials: { oidcIdentityToken } }));
    // Fulcio answers 200, and cosign insists on it.
    return {
      status: made.statusCode === 201 ? 200 : 400,
      type: made.contentType ?? 'text/plain',
      body: bytes(made.response),
    };
  }

  return { routes: { [path]: oneAtATime(signingCert) }, root: bytes(ca.rootCertificate), ctLogKey: log.publicKey };
}

/** Seconds since 1970 in the claim `iat`. */
function issuedAt(token: string): number | undefined {
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  const claims = JSON.parse(payload) as { iat?: unknown };
  return typeof claims.iat === 'number' ? claims.iat * 1_000 : undefined;
}

/** One certificate is made before the next request may turn the clock. */
function oneAtATime<A, B>(work: (input: A) => Promise<B>): (input: A) => Promise<B> {
  let last: Promise<unknown> = Promise.resolve();
  return (input) => {
    const turn = last.then(() => work(input));
    last = turn.catch(() => undefined);
    return turn;
  };
}

/** Fractions of a second are written in ways that not every reader of ASN.1 understands. */
export function wholeSeconds(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 1_000) * 1_000);
}

export function bytes(view: string | ArrayBufferView<ArrayBuffer>): Buffer {
  return typeof view === 'string' ? Buffer.from(view) : Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}
