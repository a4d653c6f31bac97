/** Who asks for what, and may it: everything between a request's first line and the part of the API that answers it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { blobs, uploads } from './blobs.ts';
import { readBody, sendJson, sendNoSuchPage, sendProblem, TooLarge, type Context, type Exchange } from './exchange.ts';
import { manifests, referrers } from './manifests.ts';
import { StoreFull } from './store.ts';

export type RequestKind = 'ping' | 'manifests' | 'blobs' | 'uploads' | 'referrers' | 'tags' | 'token' | 'other';

const route =
  /^\/v2\/(?<repository>[a-z0-9_./-]+?)\/(?<kind>manifests|blobs\/uploads|blobs|referrers|tags)\/(?<reference>[^/]*)$/;

export function kindOf(path: string): RequestKind {
  const pathname = pathOf(path);
  if (pathname === '/v2/' || pathname === '/v2') return 'ping';
  if (pathname === '/token') return 'token';
  const kind = route.exec(pathname)?.groups?.['kind'];
  // The expression allows these kinds only.
  return kind === 'blobs/uploads' ? 'uploads' : ((kind as RequestKind | undefined) ?? 'other');
}

function pathOf(url: string): string {
  return decodeURIComponent(url.split('?', 1)[0] ?? '');
}

export async function answer(context: Context, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    await dispatch(context, request, response);
  } catch (error) {
    if (!(error instanceof StoreFull || error instanceof TooLarge)) throw error;
    sendProblem(response, 413, 'DENIED', error.message);
  }
}

async function dispatch(context: Context, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? '/';
  const { searchParams: query } = new URL(path, context.url);
  const { repository = '', reference = '' } = route.exec(pathOf(path))?.groups ?? {};
  const exchange: Exchange = { context, request, response, repository, reference, query };
  const kind = kindOf(path);
  if (!context.referrersApi) response.setHeader('docker-distribution-api-version', 'registry/2.0');
  const challenge = kind === 'token' ? undefined : challengeOf(exchange);
  if (challenge === undefined) return respond(kind, exchange);
  response.setHeader('www-authenticate', challenge);
  return sendProblem(response, 401, 'UNAUTHORIZED', 'authentication required');
}

async function respond(kind: RequestKind, exchange: Exchange): Promise<void> {
  const { context, response, repository } = exchange;
  switch (kind) {
    case 'ping':
      return sendJson(response, 200, {});
    case 'token':
      return token(exchange);
    case 'manifests':
      return manifests(exchange);
    case 'blobs':
      return blobs(exchange);
    case 'uploads':
      return uploads(exchange);
    case 'referrers':
      return referrers(exchange);
    case 'tags':
      return sendJson(response, 200, { name: repository, tags: context.store.tags(repository) });
    case 'other':
      return sendNoSuchPage(response);
  }
}

function challengeOf({ context, request, repository }: Exchange): string | undefined {
  const action = request.method === 'GET' || request.method === 'HEAD' ? 'pull' : 'push';
  return context.gate.challenge(request, repository === '' ? undefined : { repository, action }, context.url);
}

async function token({ context, request, response, query }: Exchange): Promise<void> {
  const body = request.method === 'POST' ? (await readBody(request, 65_536)).toString() : '';
  const granted = context.gate.token(request, query, new URLSearchParams(body));
  if (granted === undefined) sendProblem(response, 401, 'UNAUTHORIZED', 'wrong credentials');
  else sendJson(response, 200, granted);
}
