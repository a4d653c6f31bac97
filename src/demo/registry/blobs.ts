/** Blobs, and their way in: at once, in one piece, in chunks, or mounted. OCI dist-spec 1.1 §pushing blobs */
import { randomUUID } from 'node:crypto';
import { digestOf, parseDigest } from '../../kernel/digest.ts';
import { readBody, sendBytes, sendProblem, type Exchange } from './exchange.ts';

const maxUploads = 1_000;
const maxBlobBytes = 256 * 1024 * 1024;

export function blobs({ context, response, repository, reference }: Exchange): void {
  const digest = parseDigest(reference);
  const found = digest === undefined ? undefined : context.store.blob(repository, digest);
  if (found === undefined) return sendProblem(response, 404, 'BLOB_UNKNOWN', 'blob unknown');
  response.setHeader('docker-content-digest', reference);
  return sendBytes(response, 'application/octet-stream', found);
}

export async function uploads(exchange: Exchange): Promise<void> {
  const { context, request, response, reference: id } = exchange;
  if (request.method === 'POST' && id === '') return begin(exchange);
  const chunks = context.uploads.get(id);
  if (chunks === undefined) return sendProblem(response, 404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown');
  switch (request.method) {
    case 'PATCH':
      chunks.push(await readBody(request, maxBlobBytes));
      return accepted(exchange, id, chunks, 202);
    case 'PUT':
      context.uploads.delete(id);
      return finish(exchange, Buffer.concat([...chunks, await readBody(request, maxBlobBytes)]));
    case 'GET':
      return accepted(exchange, id, chunks, 204);
    case 'DELETE':
      context.uploads.delete(id);
      response.writeHead(204).end();
      return undefined;
    case undefined:
    default:
      return sendProblem(response, 405, 'UNSUPPORTED', 'not supported');
  }
}

async function begin(exchange: Exchange): Promise<void> {
  const { context, request, query, repository } = exchange;
  if (query.has('digest')) return finish(exchange, await readBody(request, maxBlobBytes));
  const mount = parseDigest(query.get('mount'));
  if (mount !== undefined && context.store.mount(query.get('from') ?? '', repository, mount)) {
    return created(exchange, mount);
  }
  const [oldest] = context.uploads.keys();
  if (context.uploads.size >= maxUploads && oldest !== undefined) context.uploads.delete(oldest);
  const id = randomUUID();
  context.uploads.set(id, []);
  return accepted(exchange, id, [], 202);
}

function finish(exchange: Exchange, bytes: Buffer): void {
  const digest = parseDigest(exchange.query.get('digest'));
  if (digest === undefined || digestOf(bytes) !== digest) {
    return sendProblem(exchange.response, 400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
  }
  exchange.context.store.putBlob(exchange.repository, bytes);
  return created(exchange, digest);
}

function created({ response, repository }: Exchange, digest: string): void {
  response.writeHead(201, { location: `/v2/${repository}/blobs/${digest}`, 'docker-content-digest': digest }).end();
}

function accepted({ response, repository }: Exchange, id: string, chunks: readonly Buffer[], status: number): void {
  const size = chunks.reduce((total, chunk) => total + chunk.length, 0);
  const location = `/v2/${repository}/blobs/uploads/${id}`;
  response.writeHead(status, { location, range: `0-${Math.max(size - 1, 0)}`, 'docker-upload-uuid': id }).end();
}
