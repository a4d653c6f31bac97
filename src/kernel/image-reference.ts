import { parseDigest, type Digest } from './digest.ts';
import { failure, quoted } from './failure.ts';
import { fail, ok, type Result } from './result.ts';

/**
 * Image names by the rules of go-containerregistry (weak validation), which sigstore policy-controller and cosign use,
 * so that a glob or a signature look-up means the same image in all three. Stricter in three points. Path segments that are
 * empty, "." or ".." are refused, because they would change meaning inside a URL; capitals in the registry, because
 * GHCR.IO is the same host and no glob for ghcr.io would match it; a digest alone, because it is a repository "sha256"
 * there and the id of an image on the node to the kubelet.
 */
export interface ImageReference {
  /** Host with optional port; Docker Hub is always `index.docker.io`. */
  readonly registry: string;
  /** Path with the implied `library/` written out. */
  readonly repository: string;
  /** The tag as written; absent when only a digest was written. `latest` is implied when neither was. */
  readonly tag?: string;
  readonly digest?: Digest;
}

const limit = 1024;
const repositoryPattern = /^[a-z0-9_./-]{2,255}$/;
const tagPattern = /^[A-Za-z0-9_.-]{1,128}$/;
// RFC 3986 authority without userinfo: a name, an IPv4 address or an IPv6 address in brackets, and a port.
const registryPattern = /^(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$/;

export function parseImageReference(text: string): Result<ImageReference> {
  if (text.length > limit) return invalid(text, `it is longer than ${limit} characters`);
  if (parseDigest(text) !== undefined) return invalid(text, 'a digest alone names no repository');
  const at = text.indexOf('@');
  if (at === -1) {
    const { base, tag } = splitTag(text);
    return parseRepository(text, base, { tag: tag ?? 'latest' });
  }
  const digest = parseDigest(text.slice(at + 1));
  if (digest === undefined)
    return invalid(text, 'what follows "@" is not "sha256:" and 64 lower-case hexadecimal digits');
  const { base, tag } = splitTag(text.slice(0, at));
  return parseRepository(text, base, tag === undefined ? { digest } : { tag, digest });
}

/** A colon starts a tag only after the last slash; before it, it is a registry's port. */
function splitTag(text: string): { base: string; tag?: string } {
  const colon = text.lastIndexOf(':');
  if (colon === -1 || text.includes('/', colon)) return { base: text };
  return { base: text.slice(0, colon), tag: text.slice(colon + 1) };
}

function parseRepository(
  text: string,
  base: string,
  version: { tag?: string; digest?: Digest },
): Result<ImageReference> {
  if (version.tag !== undefined && !tagPattern.test(version.tag)) {
    return invalid(text, 'the tag may hold letters, digits, "_", "." and "-", 1 to 128 of them');
  }
  const { registry, path } = splitRegistry(base);
  if (!registryPattern.test(registry))
    return invalid(text, 'the registry is not a host name in lower case with an optional port');
  if (!repositoryPattern.test(path)) {
    return invalid(text, 'the repository may hold lower-case letters, digits, "_", "-", "." and "/", 2 to 255 of them');
  }
  if (path.split('/').some((segment) => segment === '' || segment === '.' || segment === '..')) {
    return invalid(text, 'the repository has an empty, "." or ".." path segment');
  }
  const repository = registry === dockerHub && !path.includes('/') ? `library/${path}` : path;
  return ok({ registry, repository, ...version });
}

const dockerHub = 'index.docker.io';

function splitRegistry(base: string): { registry: string; path: string } {
  const slash = base.indexOf('/');
  const first = slash === -1 ? '' : base.slice(0, slash);
  const isRegistry = first === 'localhost' || first.includes('.') || first.includes(':');
  if (!isRegistry) return { registry: dockerHub, path: base };
  return { registry: first === 'docker.io' ? dockerHub : first, path: base.slice(slash + 1) };
}

function invalid(text: string, why: string): Result<never> {
  return fail(failure('IMAGE_REFERENCE_INVALID', `"${quoted(text)}" is not an image name: ${why}`));
}

/** `registry/repository`, fully qualified. */
export function repositoryName(reference: Pick<ImageReference, 'registry' | 'repository'>): string {
  return `${reference.registry}/${reference.repository}`;
}

/** The whole name: `registry/repository[:tag][@digest]`. */
export function formatImageReference(reference: ImageReference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${repositoryName(reference)}${tag}${digest}`;
}
