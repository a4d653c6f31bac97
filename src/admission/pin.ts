import { formatImageReference } from '../kernel/image-reference.ts';
import type { DecidedImage } from '../ports/decision-log.ts';
import { concurrently } from './concurrently.ts';
import { pointerOf } from './find-images.ts';
import { maxImagesAtOnce, type JudgePorts, type Matter } from './matter.ts';
import { judged, skip, type Outcome } from './outcome.ts';
import type { PlacedSubject } from './subjects.ts';
import { namedFields } from './wording.ts';

/** One operation of an RFC 6902 patch; pinning only ever replaces. */
export interface PatchOperation {
  readonly op: 'replace';
  readonly path: string;
  readonly value: string;
}

interface Pinned {
  readonly image: DecidedImage;
  readonly patch: readonly PatchOperation[];
}

/**
 * Tags become digests, and the tag stays for people to read. It is a convenience: it admits nothing, the validating
 * webhook proves everything again, and what cannot be resolved is left for it to explain. Images that no policy asks
 * anything about are left alone, without a request to any registry.
 */
export async function pinImages(ports: JudgePorts, matter: Matter): Promise<Outcome> {
  if (matter.leavesTagsToPods) return skip('deferred-to-pod');
  const results = await concurrently(matter.subjects, maxImagesAtOnce, (subject) => pinImage(ports, matter, subject));
  const pinned = results.filter((result) => result !== undefined);
  if (pinned.length === 0) return skip('nothing-pinned');
  const patch = pinned.flatMap((one) => one.patch).sort((a, b) => (a.path < b.path ? -1 : 1));
  return judged({ patch, images: pinned.map(({ image }) => image), snapshot: matter.snapshot.generation });
}

async function pinImage(
  { evidence, planner }: JudgePorts,
  { snapshot, object, workload, signal }: Matter,
  subject: PlacedSubject,
): Promise<Pinned | undefined> {
  if (!subject.image.ok) return undefined;
  const image = subject.image.value;
  if (planner(snapshot, subject, image, object).kind !== 'tag') return undefined;
  const digest = await evidence.resolveTag(image, workload, signal);
  if (!digest.ok) return undefined;
  // Fully qualified, as sigstore policy-controller writes it; container runtimes read index.docker.io as docker.io.
  const value = formatImageReference({ ...image, digest: digest.value });
  return {
    image: { field: namedFields(subject.fields), image: subject.text, digest: digest.value, policies: [] },
    patch: subject.places.map(({ path }) => ({ op: 'replace', path: pointerOf(path), value })),
  };
}
