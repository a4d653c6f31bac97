/**
 * A TaskRun's Pod runs the images that were resolved when the run was created, and no others: a Task that is changed
 * afterwards, or a tag that is moved, brings none in, however well it is signed. What was resolved stands in an annotation
 * of the run, which Tekton copies to its Pod. It only narrows: nothing is believed because of it.
 */
import { failure } from '../kernel/failure.ts';
import { formatImageReference, parseImageReference } from '../kernel/image-reference.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { violationOf, type Violation } from '../policy/verdict.ts';
import type { AdmissionRequest, Members } from './decode.ts';
import type { Matter } from './matter.ts';

export const imagesAnnotation = 'countersign.dev/images';

/** The run with what was resolved of it; without, while something of it is not known. */
export function withHeldImages(content: Members, held: string | undefined): Members {
  const metadata = asRecord(content['metadata']) ?? {};
  const { [imagesAnnotation]: written, ...others } = asRecord(metadata['annotations']) ?? {};
  if (written === held) return content;
  const annotations = held === undefined ? others : { ...others, [imagesAnnotation]: held };
  return { ...content, metadata: { ...metadata, annotations } };
}

/** A new run that says something else of itself than what was resolved. */
export function heldRunViolations({ content, run }: Matter): readonly Violation[] {
  const written = imagesOf(content);
  return run === undefined || written === undefined || written === run.held ? [] : [at(heldToOthers)];
}

/** A new TaskRun that would be admitted and says nothing of itself: its Pod could have any image that passes by itself. */
export function unheldRunViolations({ content, run }: Matter): readonly Violation[] {
  const isFree = run?.run.kind === 'TaskRun' && run.held !== undefined && imagesOf(content) === undefined;
  return isFree ? [at(unheld)] : [];
}

const heldToOthers = failure(
  'RUN_MISMATCH',
  'it is not what the run resolves to; leave it out, it is written by the webhook',
);
const unheld = failure(
  'RUN_MISMATCH',
  "it is missing: Countersign's mutating webhook writes it, and must be registered for TaskRuns as the validating one is",
);

/** An update that would let the Pod of a run have other images. */
export function changesHeldImages({ operation, resource, object, oldObject }: AdmissionRequest): boolean {
  const isRun = resource.group === 'tekton.dev' && resource.resource === 'taskruns';
  return isRun && operation === 'UPDATE' && imagesOf(object) !== imagesOf(oldObject);
}

export const changedHeldImages = failure(
  'RUN_MISMATCH',
  `the annotation ${imagesAnnotation} says what was resolved when the run was created, and stays as it is; make a new run`,
);

/** Containers of a new Pod of a TaskRun with other images than the run was admitted with. */
export function heldPodViolations({ content, pod, object, subjects }: Matter): readonly Violation[] {
  const held = imagesOf(content);
  if (object.resource !== 'pods' || pod?.containersOnly !== false || held === undefined) return [];
  if (!isOfTaskRun(content)) return [];
  const allowed = new Set(listIn(held));
  const own = new Set(ownContainers(content).map((index) => `spec.containers[${index}].image`));
  return subjects.flatMap(({ fields, text, image }) => {
    const places = fields.filter((field) => own.has(field));
    if (places.length === 0 || !image.ok || allowed.has(formatImageReference(image.value))) return [];
    return [violationOf(otherImage, { fields: places, image: text })];
  });
}

const otherImage = failure(
  'RUN_MISMATCH',
  'it is another image than its TaskRun was admitted with: the task was changed, or a tag moved; make a new run',
);

function at(failed: ReturnType<typeof failure>): Violation {
  return violationOf(failed, { fields: [`metadata.annotations[${imagesAnnotation}]`], image: '' });
}

function imagesOf(object: unknown): unknown {
  return asRecord(asRecord(asRecord(object)?.['metadata'])?.['annotations'])?.[imagesAnnotation];
}

function listIn(held: unknown): readonly unknown[] {
  try {
    const list: unknown = JSON.parse(String(held));
    return Array.isArray(list) ? list : [];
  } catch {
    return [];
  }
}

function isOfTaskRun(content: Members): boolean {
  const owners = asRecord(content['metadata'])?.['ownerReferences'];
  return (
    Array.isArray(owners) &&
    owners.some((owner) => asRecord(owner)?.['controller'] === true && asRecord(owner)?.['kind'] === 'TaskRun')
  );
}

/** Steps and sidecars are of the run; everything else in its Pod is Tekton's, or of somebody who injects. */
function ownContainers(content: Members): readonly number[] {
  const containers = asRecord(content['spec'])?.['containers'];
  const names = Array.isArray(containers) ? containers.map((one: unknown) => asRecord(one)?.['name']) : [];
  return names.flatMap((name, index) => (typeof name === 'string' && isOwn(name) ? [index] : []));
}

/** Tekton reserves the one name for its own sidecar. */
function isOwn(name: string): boolean {
  return name.startsWith('step-') || (name.startsWith('sidecar-') && name !== 'sidecar-tekton-log-results');
}

/** One text for the same images in any order and way of writing. */
export function heldText(images: readonly string[]): string {
  const named = images.map((text) => {
    const image = parseImageReference(text);
    return image.ok ? formatImageReference(image.value) : text;
  });
  return JSON.stringify([...new Set(named)].sort());
}
