/**
 * What is not judged: named exemptions, and updates that bring no new image. Whatever is not named here is judged, and a
 * kind that is not understood is refused. docs/decisions/0005-what-is-judged-again.md
 */
import { failure, type Failure } from '../kernel/failure.ts';
import { ok, type Result } from '../kernel/result.ts';
import { asRecord } from '../kernel/strict-json.ts';
import type { PodPlace } from './bind-object.ts';
import type { AdmissionRequest } from './decode.ts';
import { findImages, type ImageField } from './find-images.ts';
import type { JudgedKind } from './judged-kinds.ts';
import type { SkipReason } from './outcome.ts';

/** Subresources of judged kinds that cannot bring an image in: the API server takes nothing else from their objects. */
const withoutImages: ReadonlySet<string> = new Set(['status', 'scale', 'binding', 'eviction']);
const understood: ReadonlySet<string> = new Set(['', 'ephemeralcontainers', 'resize']);

export function exemptionOf(request: AdmissionRequest, kind: JudgedKind | undefined): SkipReason | undefined {
  if (request.operation === 'DELETE') return 'delete';
  if (request.operation === 'CONNECT') return 'connect';
  return kind !== undefined && withoutImages.has(request.subResource) ? 'subresource-without-images' : undefined;
}

export function isUnderstood(request: AdmissionRequest, kind: JudgedKind | undefined): kind is JudgedKind {
  return kind !== undefined && understood.has(request.subResource);
}

/** No image changes, but what the containers may use does. */
export function isResize({ subResource }: AdmissionRequest): boolean {
  return subResource === 'resize';
}

export function unsupported({ resource, subResource }: AdmissionRequest): Failure {
  const path = [resource.resource, subResource].filter((part) => part !== '').join('/');
  const version = [resource.group, resource.version].filter((part) => part !== '').join('/');
  return failure(
    'REQUEST_UNSUPPORTED',
    `where images are in ${path} of ${version} is not known, so it cannot be judged; take it out of the webhook's rules`,
  );
}

/** The image fields that this request has to answer for; none when an update leaves every one as it was. */
export function fieldsToJudge(request: AdmissionRequest, kind: JudgedKind): Result<readonly ImageField[]> {
  const found = findImages(kind.images, request.object);
  if (isResize(request)) return found;
  if (!found.ok || request.operation !== 'UPDATE') return found;
  const old = findImages(kind.images, request.oldObject);
  if (!old.ok) return found;
  // By field and not by name alone: a text without digest may mean another image in another place.
  const before = new Map(old.value.map(({ field, text }) => [field, text]));
  const changed = found.value.filter(({ field, text }) => before.get(field) !== text);
  return kind.runs || changed.length === 0 ? ok(changed) : found;
}

/** Where contracts are laid on an object: a template as a whole, a Pod that runs in its containers only. */
export function podPlace(request: AdmissionRequest, kind: JudgedKind): PodPlace | undefined {
  const { podSpec } = kind;
  if (podSpec === undefined || leavesTagsToPods(request, kind)) return undefined;
  const metadata = [...podSpec.slice(0, -1), 'metadata'];
  return { podSpec, metadata, containersOnly: kind.runs && request.operation === 'UPDATE' };
}

/**
 * Whether tags are left as they are, and to the Pods that come of them: a Deployment whose ReplicaSet came back with
 * other images than its own would not know it again and make one after the other.
 */
export function leavesTagsToPods({ object }: AdmissionRequest, kind: JudgedKind): boolean {
  const owners = asRecord(object?.['metadata'])?.['ownerReferences'];
  return (
    kind.isComparedByItsOwner &&
    Array.isArray(owners) &&
    owners.some((owner) => asRecord(owner)?.['controller'] === true)
  );
}
