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

/** What earlier answers tell about registries. Nothing is proven or refused by it: it only saves questions. */
export interface Hints {
  /** The registry has lately shown something of that repository. */
  isThere(repository: Repository): boolean;
  /** The registry calls itself a descendant of Docker's, most of which lack the API. */
  mayLackApi(host: string): boolean;
}

export function createReferrers(call: Caller, hints: Hints): Registry['referrers'] {
  /** Whether a host has the API: each look-up there saves a request. */
  const known = new LRUCache<string, 'present' | 'missing'>({ max: 1_000 });

  function remember(repository: Repository, answer: Answer): void {
    const missing = isWithoutApi(answer);
    if (!missing && answer.status === 200) known.set(repository.registry, 'present');
    // Whoever names an image that is not there must not turn the API off for everybody else's images.
    if (missing && hints.isThere(repository) && !saysUnknown(answer)) {
      known.set(repository.registry, 'missing', { ttl: missingApiMs });
    }
  }

  return async function* (repository, digest, options) {
    const api = known.get(repository.registry);
    const tagFirst = api === 'missing' || (api === undefined && hints.mayLackApi(repository.registry));
    if (tagFirst) yield fromTag(call, repository, digest, options);
    if (api === 'missing') return;
    const first = await getPage(call, repository, `referrers/${digest}`, options);
    if (first.ok) remember(repository, first.value);
    if (!first.ok) yield first;
    else if (!isWithoutApi(first.value)) yield allPages(call, repository, first.value, options);
    else if (!tagFirst) yield fromTag(call, repository, digest, options);
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

const links = /<([^<>]{0,4096})>((?:[^,"<]|"[^"]*")*)/g;
const relNext = /;\s*rel\s*=\s*(?:"next"|next)\s*(?:;|$)/i;

/** RFC 8288 §3; only within the lists of the same repository. */
function nextPage({ headers, url }: Answer, { repository }: Repository): Result<URL | undefined> {
  const [, target] = [...(headers['link'] ?? '').matchAll(links)].find(([, , rest = '']) => relNext.test(rest)) ?? [];
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
