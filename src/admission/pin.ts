import type { Digest } from '../kernel/digest.ts';
import { formatImageReference, type ImageReference } from '../kernel/image-reference.ts';
import { difference, type PatchOperation } from '../kernel/json-patch.ts';
import { actionRules } from '../policy/action-rules.ts';
import type { DecidedImage } from '../ports/decision-log.ts';
import { bindObject } from './bind-object.ts';
import { runPatch } from './bind-run.ts';
import { concurrently } from './concurrently.ts';
import { pointerOf } from './find-images.ts';
import { withHeldImages } from './hold-run.ts';
import { doubtOf, judgePinned } from './judge-images.ts';
import { maxImagesAtOnce, type JudgePorts, type Matter } from './matter.ts';
import { judged, skip, type Outcome } from './outcome.ts';
import type { PlacedSubject } from './subjects.ts';
import { fateOfTag } from './tags.ts';
import { namedFields } from './wording.ts';

/** An image with the digest that it has, or that its tag names now. */
interface Pinned {
  readonly subject: PlacedSubject;
  readonly image: ImageReference & { readonly digest: Digest };
  /** How it is to be written, where that is another way than it was. */
  readonly value?: string;
  readonly left?: true;
}

/**
 * Tags become digests, and the tag stays for people to read; then contracts are laid on the Pod. It is a convenience: it
 * admits nothing, the validating webhook proves everything again, and what cannot be done is left for it to explain.
 * Images that no policy asks anything about are left alone, without a request to any registry.
 */
export async function pinImages(ports: JudgePorts, matter: Matter): Promise<Outcome> {
  if (matter.leavesTagsToPods) return skip('deferred-to-pod');
  const found = await concurrently(matter.subjects, maxImagesAtOnce, (subject) => pinImage(ports, matter, subject));
  const images = found.filter((image) => image !== undefined);
  const pins = images.flatMap(pinsOf).sort((a, b) => (a.path < b.path ? -1 : 1));
  const patch = [...pins, ...(await bindingPatch(ports, matter, images))];
  if (patch.length === 0) return skip('nothing-pinned');
  return judged({ patch, images: images.flatMap(decidedImage), snapshot: matter.snapshot.generation });
}

async function pinImage(
  { evidence, planner, clock }: JudgePorts,
  { snapshot, object, workload, signal }: Matter,
  subject: PlacedSubject,
): Promise<Pinned | undefined> {
  if (!subject.image.ok) return undefined;
  const image = subject.image.value;
  const planned = planner(snapshot, subject, image, object);
  if (planned.kind === 'settled') return undefined;
  if (planned.kind === 'pinned') return { subject, image: { ...image, digest: planned.digest } };
  const digest = await evidence.resolveTag(image, workload, signal);
  if (!digest.ok) return undefined;
  const pinned = { ...image, digest: digest.value };
  const place = { image: pinned, namespace: object.namespace, now: clock.now() };
  const fate = fateOfTag(actionRules(snapshot.actionPolicies, place), object);
  if (fate === 'refuse') return undefined;
  if (fate === 'leave') return { subject, image: pinned, left: true };
  // Fully qualified, as sigstore policy-controller writes it; container runtimes read index.docker.io as docker.io.
  return { subject, image: pinned, value: formatImageReference(pinned) };
}

function pinsOf({ subject, value }: Pinned): readonly PatchOperation[] {
  if (value === undefined) return [];
  return subject.places.map(({ path }) => ({ op: 'replace', path: pointerOf(path), value }));
}

function decidedImage({ subject, image, value }: Pinned): readonly DecidedImage[] {
  if (value === undefined) return [];
  return [{ field: namedFields(subject.fields), image: subject.text, digest: image.digest, policies: [] }];
}

/** What contracts set: only those of images that pass, since nobody vouches for the others. */
async function bindingPatch(
  ports: JudgePorts,
  matter: Matter,
  images: readonly Pinned[],
): Promise<readonly PatchOperation[]> {
  const { content, pod, run, snapshot } = matter;
  const holding = run?.run.kind === 'TaskRun' ? withHeldImages(content, run.held) : content;
  const hold = difference(content, holding);
  if ((pod === undefined && run === undefined) || snapshot.actionPolicies.length === 0) return hold;
  const verdicts = await concurrently(images, maxImagesAtOnce, (one) =>
    judgePinned(ports, matter, one.subject, one.image),
  );
  const passed = images.flatMap((image, index) => {
    const verdict = verdicts[index];
    return verdict?.violations.length === 0 ? [{ ...image, ...doubtOf(verdict) }] : [];
  });
  if (run !== undefined) return [...hold, ...(await runPatch(ports, { ...matter, content: holding }, run, passed))];
  if (pod === undefined) return [];
  const bound = await bindObject(ports, matter, pod, passed, 'set');
  // What will be refused stays as it is, so that the reason is ours and not the API server's for some half of it.
  return bound.violations.length > 0 ? [] : difference(content, bound.object);
}
