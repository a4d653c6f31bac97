/**
 * The Registry port over the OCI distribution API. Nothing that a registry sends is believed: every body is held against
 * the digest it was asked for, and limited in size.
 */
import { LRUCache } from 'lru-cache';
import { digestOf, hexOf, parseDigest, type Digest } from '../../kernel/digest.ts';
import { failure, quoted, type Failure } from '../../kernel/failure.ts';
import { parseManifest } from '../../kernel/oci-manifest.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import type { CallOptions, Descriptor, Manifest, Registry, Repository } from '../../ports/registry.ts';
import { createAuthorization } from './authorization.ts';
import { parseChallenge } from './challenge.ts';
import { busy, createTransport, retryAfterSeconds, type Answer, type TransportSettings } from './transport.ts';

export interface OciRegistry extends Registry {
  close(): Promise<void>;
}

/** OCI distribution-spec §pulling manifests: registries must accept 4 MiB. */
const maxManifestBytes = 4 * 1024 * 1024;
const maxReferrerPages = 10;
const missingApiMs = 10 * 60_000;

const manifestTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ');
const indexType = 'application/vnd.oci.image.index.v1+json';

interface Call {
  readonly method: 'GET' | 'HEAD';
  readonly repository: Repository;
  /** Behind /v2/<repository>/ */
  readonly path: string;
  readonly accept: string;
  readonly maxBytes: number;
  readonly options: CallOptions;
}

export function createOciRegistry(settings: TransportSettings): OciRegistry {
  const transport = createTransport(settings);
  const authorization = createAuthorization(transport);
  /** Hosts without the referrers API, so that each look-up there saves a request. */
  const withoutReferrers = new LRUCache<string, true>({ max: 1_000, ttl: missingApiMs });

  async function call(asked: Call): Promise<Result<Answer>> {
    const { method, repository, accept, maxBytes, options } = asked;
    const url = urlOf(transport.schemeOf(repository.registry), repository, asked.path);
    const send = (header: string | undefined): Promise<Result<Answer>> => {
      const headers = {
        accept,
        'accept-encoding': 'identity',
        ...(header === undefined ? {} : { authorization: header }),
      };
      return transport.exchange({ method, url, headers, maxBytes, signal: options.signal });
    };
    const first = await send(authorization.known(repository, options));
    if (!first.ok || first.value.status !== 401) return first;
    const challenge = parseChallenge(first.value.headers['www-authenticate']);
    if (challenge === undefined) return first;
    const header = await authorization.answer(challenge, repository, options);
    if (!header.ok) return header;
    // Once: a registry that goes on asking does not want these credentials.
    return header.value === undefined ? first : send(header.value);
  }

  async function getManifest(
    repository: Repository,
    reference: string,
    options: CallOptions,
  ): Promise<Result<Manifest | undefined>> {
    const path = `manifests/${reference}`;
    const answer = await call({
      method: 'GET',
      repository,
      path,
      accept: manifestTypes,
      maxBytes: maxManifestBytes,
      options,
    });
    if (!answer.ok) return answer;
    if (answer.value.status === 404) return ok(undefined);
    const refused = problemOf(answer.value, repository);
    if (refused !== undefined) return fail(refused);
    const { body, headers } = answer.value;
    const digest = digestOf(body);
    const wanted = parseDigest(reference);
    if (wanted !== undefined && wanted !== digest) return fail(wrongDigest(repository, wanted));
    return ok({ digest, mediaType: (headers['content-type'] ?? '').split(';', 1)[0] ?? '', bytes: body });
  }

  async function fallbackReferrers(
    repository: Repository,
    digest: Digest,
    options: CallOptions,
  ): Promise<Result<readonly Descriptor[]>> {
    // OCI dist-spec 1.1 §referrers tag schema
    const index = await getManifest(repository, `sha256-${hexOf(digest)}`, options);
    if (!index.ok) return index;
    return index.value === undefined ? ok([]) : descriptorsIn(index.value.bytes, repository);
  }

  return {
    async resolve(repository, tag, options) {
      const path = `manifests/${tag}`;
      const head = await call({
        method: 'HEAD',
        repository,
        path,
        accept: manifestTypes,
        maxBytes: maxManifestBytes,
        options,
      });
      if (!head.ok) return head;
      if (head.value.status === 404) return fail(notFound(repository, tag));
      const digest = parseDigest(head.value.headers['docker-content-digest']);
      const refused = problemOf(head.value, repository);
      // Some registries do not do HEAD, or say no digest: the body has it.
      if (head.value.status !== 405 && refused !== undefined) return fail(refused);
      if (head.value.status === 200 && digest !== undefined) return ok(digest);
      const manifest = await getManifest(repository, tag, options);
      if (!manifest.ok) return manifest;
      return manifest.value === undefined ? fail(notFound(repository, tag)) : ok(manifest.value.digest);
    },

    manifest: getManifest,

    async blob(repository, digest, maxBytes, options) {
      const path = `blobs/${digest}`;
      const answer = await call({ method: 'GET', repository, path, accept: '*/*', maxBytes, options });
      if (!answer.ok) return answer;
      if (answer.value.status === 404) {
        return fail(
          failure(
            'REGISTRY_RESPONSE_INVALID',
            `registry ${quoted(repository.registry)} lists ${digest} but does not have it`,
          ),
        );
      }
      const refused = problemOf(answer.value, repository);
      if (refused !== undefined) return fail(refused);
      return digestOf(answer.value.body) === digest ? ok(answer.value.body) : fail(wrongDigest(repository, digest));
    },

    async referrers(repository, digest, options) {
      if (withoutReferrers.has(repository.registry)) return fallbackReferrers(repository, digest, options);
      const found: Descriptor[] = [];
      let path: string | undefined = `referrers/${digest}`;
      for (let page = 0; path !== undefined; page += 1) {
        if (page === maxReferrerPages)
          return fail(invalid(repository, `it has more than ${maxReferrerPages} pages of referrers`));
        const answer: Result<Answer> = await call({
          method: 'GET',
          repository,
          path,
          accept: indexType,
          maxBytes: maxManifestBytes,
          options,
        });
        if (!answer.ok) return answer;
        if (page === 0 && isWithoutApi(answer.value)) {
          withoutReferrers.set(repository.registry, true);
          return fallbackReferrers(repository, digest, options);
        }
        const refused = problemOf(answer.value, repository);
        if (refused !== undefined) return fail(refused);
        const listed = descriptorsIn(answer.value.body, repository);
        if (!listed.ok) return listed;
        found.push(...listed.value);
        path = nextPage(answer.value.headers['link'], repository);
      }
      return ok(found);
    },

    close: () => transport.close(),
  };
}

/** Names are parsed before they come here; encoding again means that a mistake cannot leave the path. */
function urlOf(scheme: string, { registry, repository }: Repository, path: string): URL {
  const encoded = repository.split('/').map(encodeURIComponent).join('/');
  return new URL(`${scheme}//${registry}/v2/${encoded}/${path}`);
}

/** Also registries that know the path but not the method, or that take it for something else. */
function isWithoutApi(answer: Answer): boolean {
  if (answer.status === 404 || answer.status === 405 || answer.status === 501) return true;
  return answer.status === 200 && !(answer.headers['content-type'] ?? '').includes('json');
}

function descriptorsIn(bytes: Uint8Array, repository: Repository): Result<readonly Descriptor[]> {
  const parsed = parseManifest(bytes);
  if (!parsed.ok || parsed.value.kind !== 'index')
    return fail(invalid(repository, 'its list of referrers is not an image index'));
  return ok(parsed.value.manifests);
}

/** RFC 8288 Link; only within the same list of the same repository. */
function nextPage(link: string | undefined, { registry, repository }: Repository): string | undefined {
  const target = /<([^>]{1,4096})>\s*;[^,]*rel="?next"?/.exec(link ?? '')?.[1];
  const base = `https://${registry}/v2/${repository}/`;
  if (target === undefined || !URL.canParse(target, base)) return undefined;
  const url = new URL(target, base);
  const prefix = `/v2/${repository}/referrers/`;
  return url.host === registry && url.pathname.startsWith(prefix)
    ? `referrers/${url.pathname.slice(prefix.length)}${url.search}`
    : undefined;
}

/** Undefined: a plain 200 with a body that can be used. */
function problemOf({ status, headers, body }: Answer, { registry }: Repository): Failure | undefined {
  const host = quoted(registry);
  if (status === 401 || status === 403) {
    return failure(
      'REGISTRY_DENIED',
      `registry ${host} answered ${status}: it needs other credentials, or does not show this image to them`,
    );
  }
  if (status === 429 || status >= 500) {
    return busy(new URL(`https://${registry}`), status, retryAfterSeconds(headers['retry-after']) ?? 2);
  }
  if (status !== 200) return failure('REGISTRY_RESPONSE_INVALID', `registry ${host} answered ${status}`);
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    return failure('REGISTRY_RESPONSE_INVALID', `registry ${host} compressed its answer though it was not asked to`);
  }
  const html = (headers['content-type'] ?? '').startsWith('text/html') && body.length > 0;
  return html
    ? failure('REGISTRY_RESPONSE_INVALID', `${host} answered with a web page: it may not be a registry`)
    : undefined;
}

function notFound({ registry, repository }: Repository, tag: string): Failure {
  return failure('IMAGE_NOT_FOUND', `${registry}/${repository}:${tag} does not exist`);
}

function wrongDigest({ registry }: Repository, digest: Digest): Failure {
  return failure('REGISTRY_RESPONSE_INVALID', `registry ${quoted(registry)} answered with other bytes than ${digest}`);
}

function invalid({ registry }: Repository, why: string): Failure {
  return failure('REGISTRY_RESPONSE_INVALID', `registry ${quoted(registry)} answered oddly: ${why}`);
}
