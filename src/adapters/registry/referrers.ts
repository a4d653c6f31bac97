/**
 * What refers to an image: through the referrers API, page by page, or the tag that stands in for it where a registry
 * lacks the API. OCI dist-spec 1.1 §listing referrers
 */
import { LRUCache } from 'lru-cache';
import { hexOf, type Digest } from '../../kernel/digest.ts';
import { parseManifest } from '../../kernel/oci-manifest.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import type { CallOptions, Descriptor, Registry, Repository } from '../../ports/registry.ts';
import type { Caller } from './caller.ts';
import { errorsOf, invalid, problemOf } from './failures.ts';
import { getManifest, maxManifestBytes } from './manifests.ts';
import type { Answer } from './send.ts';

type Found = Result<readonly Descriptor[]>;

const accept = 'application/vnd.oci.image.index.v1+json';
const maxPages = 10;
const missingApiMs = 10 * 60_000;

/** `isThere`: whether the registry has lately shown something of that repository. */
export function createReferrers(call: Caller, isThere: (repository: Repository) => boolean): Registry['referrers'] {
  /** Hosts without the API, so that each look-up there saves a request. */
  const without = new LRUCache<string, true>({ max: 1_000, ttl: missingApiMs });

  function remember(repository: Repository, answer: Answer): void {
    // Whoever names an image that is not there must not turn the API off for everybody else's images.
    if (isThere(repository) && !saysUnknown(answer)) without.set(repository.registry, true);
  }

  return async (repository, digest, options) => {
    if (without.has(repository.registry)) return fromTag(call, repository, digest, options);
    const first = await getPage(call, repository, `referrers/${digest}`, options);
    if (!first.ok) return first;
    if (!isWithoutApi(first.value)) return allPages(call, repository, first.value, options);
    remember(repository, first.value);
    return fromTag(call, repository, digest, options);
  };
}

async function allPages(call: Caller, repository: Repository, first: Answer, options: CallOptions): Promise<Found> {
  const found: Descriptor[] = [];
  let answer = first;
  for (let page = 1; ; page += 1) {
    const listed = read(answer);
    if (!listed.ok) return listed;
    found.push(...listed.value);
    const next = nextPage(answer, repository);
    if (!next.ok || next.value === undefined) return next.ok ? ok(found) : next;
    if (page === maxPages) return fail(invalid(answer.url, `it has more than ${maxPages} pages of referrers`));
    const more = await getPage(call, repository, next.value, options);
    if (!more.ok) return more;
    answer = more.value;
  }
}

function getPage(
  call: Caller,
  repository: Repository,
  path: string | URL,
  options: CallOptions,
): Promise<Result<Answer>> {
  return call({ method: 'GET', repository, path, accept, maxBytes: maxManifestBytes, options });
}

/** Also registries that know the path but not the method, or that take it for something else. */
function isWithoutApi({ status, headers }: Answer): boolean {
  if (status === 404 || status === 405 || status === 501) return true;
  return status === 200 && !(headers['content-type'] ?? '').includes('json');
}

/** A registry with the API that does not have the repository or, against the specification, the image. */
function saysUnknown(answer: Answer): boolean {
  return errorsOf(answer).some(({ code }) => code === 'NAME_UNKNOWN' || code === 'MANIFEST_UNKNOWN');
}

function read(answer: Answer): Found {
  const refused = problemOf(answer);
  return refused === undefined ? readIndex(answer.body, answer.url) : fail(refused);
}

function readIndex(bytes: Uint8Array, url: URL): Found {
  const parsed = parseManifest(bytes);
  if (parsed.ok && parsed.value.kind === 'index') return ok(parsed.value.manifests);
  return fail(invalid(url, 'its list of referrers is not an image index'));
}

/** RFC 8288 Link; only within the lists of the same repository. */
function nextPage({ headers, url }: Answer, { repository }: Repository): Result<URL | undefined> {
  const target = /<([^>]{1,4096})>\s*;[^,]*\brel="?next"?/i.exec(headers['link'] ?? '')?.[1];
  if (target === undefined) return ok(undefined);
  const next = URL.canParse(target, url.href) ? new URL(target, url) : undefined;
  return next?.origin === url.origin && next.pathname.startsWith(`/v2/${repository}/referrers/`)
    ? ok(next)
    : fail(invalid(url, 'its list of referrers goes on at another place'));
}

/** OCI dist-spec 1.1 §referrers tag schema */
async function fromTag(call: Caller, repository: Repository, digest: Digest, options: CallOptions): Promise<Found> {
  const index = await getManifest(call, repository, `sha256-${hexOf(digest)}`, options);
  if (!index.ok) return index;
  if (index.value === undefined) return ok([]);
  return readIndex(index.value.bytes, new URL(`https://${repository.registry}`));
}
