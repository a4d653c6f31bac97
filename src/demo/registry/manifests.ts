/** Manifests, tags and referrers. OCI dist-spec 1.1 §endpoints */
import { digestOf, parseDigest } from '../../kernel/digest.ts';
import { parseManifest } from '../../kernel/oci-manifest.ts';
import { parseStrictJson } from '../../kernel/strict-json.ts';
import { readBody, sendBytes, sendJson, sendNoSuchPage, sendProblem, type Exchange } from './exchange.ts';

const maxManifestBytes = 4 * 1024 * 1024;

export async function manifests(exchange: Exchange): Promise<void> {
  switch (exchange.request.method) {
    case 'GET':
    case 'HEAD':
      return sendManifest(exchange);
    case 'PUT':
      return putManifest(exchange);
    case 'DELETE': {
      const removed = exchange.context.store.remove(exchange.repository, exchange.reference);
      exchange.response.writeHead(removed ? 202 : 404).end();
      return undefined;
    }
    case undefined:
    default:
      return sendProblem(exchange.response, 405, 'UNSUPPORTED', 'not supported');
  }
}

function sendManifest({ context, response, repository, reference }: Exchange): void {
  const found = context.store.manifest(repository, reference);
  if (found === undefined) {
    const code = context.store.has(repository) ? 'MANIFEST_UNKNOWN' : 'NAME_UNKNOWN';
    return sendProblem(response, 404, code, 'manifest unknown');
  }
  response.setHeader('docker-content-digest', found.digest);
  return sendBytes(response, found.mediaType, found.bytes);
}

async function putManifest({ context, request, response, repository, reference }: Exchange): Promise<void> {
  const body = await readBody(request, maxManifestBytes);
  const named = parseDigest(reference);
  if (!parseStrictJson(body).ok || (named !== undefined && named !== digestOf(body))) {
    return sendProblem(response, 400, 'MANIFEST_INVALID', 'not JSON, or not of this digest');
  }
  const mediaType = request.headers['content-type'] ?? 'application/vnd.oci.image.manifest.v1+json';
  const digest = context.store.putManifest(repository, body, mediaType, named === undefined ? reference : undefined);
  const subject = context.referrersApi ? subjectOf(body) : undefined;
  // OCI dist-spec 1.1 §pushing manifests with subject: tells the client that it need not keep the fallback tag.
  if (subject !== undefined) response.setHeader('oci-subject', subject);
  response.setHeader('docker-content-digest', digest);
  response.writeHead(201, { location: `/v2/${repository}/manifests/${digest}` }).end();
}

function subjectOf(manifest: Uint8Array): string | undefined {
  const parsed = parseManifest(manifest);
  return parsed.ok && parsed.value.kind === 'image' ? parsed.value.subject?.digest : undefined;
}

/** OCI dist-spec 1.1 §listing referrers, with paging by Link. */
export function referrers({ context, response, repository, reference, query }: Exchange): void {
  const subject = parseDigest(reference);
  if (!context.referrersApi || subject === undefined) return sendNoSuchPage(response);
  const type = query.get('artifactType');
  const all = context.store
    .referrers(repository, subject)
    .filter(({ artifactType }) => type === null || artifactType === type);
  const start = Number(query.get('start') ?? 0);
  const end = start + context.referrersPerPage;
  if (type !== null) response.setHeader('oci-filters-applied', 'artifactType');
  if (end < all.length) {
    response.setHeader('link', `</v2/${repository}/referrers/${subject}?start=${end}>; rel="next"`);
  }
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  return sendJson(response, 200, { schemaVersion: 2, mediaType, manifests: all.slice(start, end) }, mediaType);
}
