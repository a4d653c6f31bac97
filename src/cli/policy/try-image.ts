/** One image under policies, on behalf of one object, as admission judges it. */
import { decode } from '../../admission/decode.ts';
import { judgeImages } from '../../admission/judge-images.ts';
import { judgedKind } from '../../admission/judged-kinds.ts';
import type { JudgePorts, Matter } from '../../admission/matter.ts';
import type { Outcome } from '../../admission/outcome.ts';
import { createPlanner } from '../../admission/planner.ts';
import { objectFacts, resolvedSubject, workloadOf, type PlacedSubject } from '../../admission/subjects.ts';
import { formatImageReference } from '../../kernel/image-reference.ts';
import { ok, type Result } from '../../kernel/result.ts';
import type { PolicySnapshot } from '../../policy/model.ts';
import { admissionReviewFor, type ManifestDocument } from '../manifest-documents.ts';
import type { Trial } from '../trial.ts';

/** What policies look at besides the image. */
export type TriedObject = Pick<Matter, 'object' | 'content' | 'workload'>;

export type TryImage = (snapshot: PolicySnapshot, image: string, object: TriedObject) => Promise<Outcome>;

/** Of an image, which has no field of its own. */
const fields = ['image'];
const deadlineMs = 60_000;

/** A Pod with this image and nothing else. */
export function podWith(image: string): ManifestDocument {
  const [apiVersion, kind, namespace, name] = ['v1', 'Pod', 'default', 'policy-test'];
  const object = { apiVersion, kind, metadata: { name, namespace }, spec: { containers: [{ name: 'image', image }] } };
  return { apiVersion, kind, namespace, name, object };
}

export function triedObject(document: ManifestDocument): Result<TriedObject> {
  const request = decode(admissionReviewFor(document, 'policy-test'));
  if (!request.ok) return request;
  const object = objectFacts(request.value);
  if (!object.ok) return object;
  const kind = judgedKind(request.value.resource);
  const nobody = { namespace: request.value.namespace, serviceAccount: 'default', pullSecrets: [] };
  const workload = kind === undefined ? nobody : workloadOf(request.value, kind);
  return ok({ object: object.value, content: request.value.object ?? {}, workload });
}

/** Contracts are left out: they are about an object with all of its images, which `review` has. */
export function createImageTrial({ evidence, clock }: Trial): TryImage {
  const ports: JudgePorts = { evidence, clock, planner: createPlanner() };
  return async (snapshot, image, object) => {
    const signal = AbortSignal.timeout(deadlineMs);
    const onlyImages = { ...snapshot, actionPolicies: [] };
    const matter = { ...object, snapshot: onlyImages, deferred: [], leavesTagsToPods: false, signal };
    const subject = await pinned(ports, resolvedSubject(image, fields), matter);
    return judgeImages(ports, { ...matter, subjects: [subject] });
  };
}

/** What the mutating phase does to a tag. One that cannot be resolved stays, and is refused with the reason. */
async function pinned(
  { planner, evidence }: JudgePorts,
  subject: PlacedSubject,
  { snapshot, object, workload, signal }: Omit<Matter, 'subjects'>,
): Promise<PlacedSubject> {
  if (!subject.image.ok) return subject;
  const image = subject.image.value;
  if (planner(snapshot, subject, image, object).kind !== 'tag') return subject;
  const digest = await evidence.resolveTag(image, workload, signal);
  if (!digest.ok) return subject;
  return resolvedSubject(formatImageReference({ ...image, digest: digest.value }), fields);
}
