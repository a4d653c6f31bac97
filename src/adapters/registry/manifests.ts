/** Manifests by tag and digest. OCI dist-spec 1.1 §pulling manifests */
import { digestOf, parseDigest, type Digest } from '../../kernel/digest.ts';
import { failure } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import type { CallOptions, Manifest, Repository } from '../../ports/registry.ts';
import type { Caller } from './caller.ts';
import { problemOf, wrongDigest } from './failures.ts';

/** OCI dist-spec §pushing manifests: registries should take 4 MiB, so nobody relies on more. */
export const maxManifestBytes = 4 * 1024 * 1024;

const accept = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ');

export async function getManifest(
  call: Caller,
  repository: Repository,
  reference: string,
  options: CallOptions,
): Promise<Result<Manifest | undefined>> {
  const path = `manifests/${reference}`;
  const answer = await call({ method: 'GET', repository, path, accept, maxBytes: maxManifestBytes, options });
  if (!answer.ok) return answer;
  if (answer.value.status === 404) return ok(undefined);
  const refused = problemOf(answer.value);
  if (refused !== undefined) return fail(refused);
  const { body, headers, url } = answer.value;
  const digest = digestOf(body);
  const wanted = parseDigest(reference);
  if (wanted !== undefined && wanted !== digest) return fail(wrongDigest(url, wanted));
  return ok({ digest, mediaType: (headers['content-type'] ?? '').split(';', 1)[0] ?? '', bytes: body });
}

export async function resolveTag(
  call: Caller,
  repository: Repository,
  tag: string,
  options: CallOptions,
): Promise<Result<Digest>> {
  const path = `manifests/${tag}`;
  const head = await call({ method: 'HEAD', repository, path, accept, maxBytes: maxManifestBytes, options });
  if (!head.ok) return head;
  const { status, headers } = head.value;
  if (status === 404) return notFound(repository, tag);
  const refused = status === 405 ? undefined : problemOf(head.value);
  if (refused !== undefined) return fail(refused);
  const digest = status === 405 ? undefined : parseDigest(headers['docker-content-digest']);
  if (digest !== undefined) return ok(digest);
  // Some registries do not do HEAD, or say no digest: the body has it.
  const manifest = await getManifest(call, repository, tag, options);
  if (!manifest.ok) return manifest;
  return manifest.value === undefined ? notFound(repository, tag) : ok(manifest.value.digest);
}

function notFound({ registry, repository }: Repository, tag: string): Result<never> {
  return fail(failure('IMAGE_NOT_FOUND', `${registry}/${repository}:${tag} does not exist`));
}
