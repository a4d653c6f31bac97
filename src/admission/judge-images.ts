import { parseDigest } from '../kernel/digest.ts';
import { failure, quoted, type Failure } from '../kernel/failure.ts';
import type { ImageReference } from '../kernel/image-reference.ts';
import { judge } from '../policy/judge.ts';
import { planUnpinned } from '../policy/plan-unpinned.ts';
import { plan, type Plan } from '../policy/plan.ts';
import { violationOf, type Evidence, type ImageVerdict } from '../policy/verdict.ts';
import type { DecidedImage } from '../ports/decision-log.ts';
import { bindObject, unbound, type BoundObject, type PassedImage } from './bind-object.ts';
import { concurrently } from './concurrently.ts';
import { maxImagesAtOnce, type JudgePorts, type Matter } from './matter.ts';
import { judged, type Outcome } from './outcome.ts';
import { deferredNotices, type PlacedSubject } from './subjects.ts';
import { namedFields } from './wording.ts';

const noEvidence: Evidence = new Map();

/** Plan, gather and judge, for every image of the final object, whatever anybody did or said before. */
export async function judgeImages(ports: JudgePorts, matter: Matter): Promise<Outcome> {
  const later = matter.subjects.filter((subject) => isLeftToPods(ports, matter, subject));
  const subjects = matter.subjects.filter((subject) => !later.includes(subject));
  const verdicts = await concurrently(subjects, maxImagesAtOnce, (subject) => judgeImage(ports, matter, subject));
  const decided = subjects.map((subject, index) => decidedImage(subject, verdicts[index]));
  const deferred = [...matter.deferred, ...later.flatMap(({ places }) => places)];
  const passed = subjects.flatMap((subject, index) =>
    verdicts[index]?.violations.length === 0 ? pinnedImage(subject) : [],
  );
  const bound = await boundPod(ports, matter, passed);
  return judged({
    violations: [...verdicts.flatMap(({ violations }) => violations), ...bound.violations],
    warnings: [...verdicts.flatMap(({ warnings }) => warnings), ...bound.warnings],
    audited: bound.audited,
    notices: deferredNotices(deferred),
    images: [...decided, ...deferred.map(deferredImage)],
    snapshot: matter.snapshot.generation,
  });
}

const nothingBound = { violations: [], warnings: [], audited: [] };

/** Contracts on the object as it is: what is outside of them, and what nobody has set. */
async function boundPod(
  ports: JudgePorts,
  matter: Matter,
  passed: readonly PassedImage[],
): Promise<Pick<BoundObject, 'violations' | 'warnings' | 'audited'>> {
  const { pod, snapshot, content } = matter;
  if (pod === undefined || snapshot.actionPolicies.length === 0) return nothingBound;
  const bound = await bindObject(ports, matter, pod, passed);
  return { ...bound, violations: [...bound.violations, ...unbound(content, bound.object)] };
}

function pinnedImage(subject: PlacedSubject): readonly PassedImage[] {
  if (!subject.image.ok) return [];
  const digest = parseDigest(subject.image.value.digest);
  return digest === undefined ? [] : [{ subject, image: { ...subject.image.value, digest } }];
}

function isLeftToPods({ planner }: JudgePorts, matter: Matter, subject: PlacedSubject): boolean {
  if (!matter.leavesTagsToPods || !subject.image.ok) return false;
  return planner(matter.snapshot, subject, subject.image.value, matter.object).kind === 'tag';
}

async function judgeImage(ports: JudgePorts, matter: Matter, subject: PlacedSubject): Promise<ImageVerdict> {
  const { snapshot, object } = matter;
  if (!subject.image.ok) return unreadable(subject, subject.image.failure);
  const image = subject.image.value;
  const planned = ports.planner(snapshot, subject, image, object);
  const verdict = (asked: Plan, evidence: Evidence): ImageVerdict => judge(asked, subject, snapshot.noMatch, evidence);
  switch (planned.kind) {
    case 'pinned':
      return verdict(planned.plan, await gather(ports, matter, planned.plan));
    case 'settled':
      return verdict(planUnpinned(snapshot, image, object, notPinned), noEvidence);
    case 'tag':
      return verdict(planUnpinned(snapshot, image, object, await whyUnpinned(ports, matter, image)), noEvidence);
  }
}

/** The verdict about an image under the digest that its tag names, before the object is written so. */
export async function judgePinned(
  ports: JudgePorts,
  matter: Matter,
  subject: PlacedSubject,
  image: PassedImage['image'],
): Promise<ImageVerdict> {
  const planned = plan(matter.snapshot, image, matter.object);
  return judge(planned, subject, matter.snapshot.noMatch, await gather(ports, matter, planned));
}

/** Whatever is not in the answer counts as not established: `judge` sees to that. */
async function gather({ evidence }: JudgePorts, { workload, signal }: Matter, { questions }: Plan): Promise<Evidence> {
  return questions.length === 0 ? noEvidence : evidence.answer(questions, workload, signal);
}

const notPinned = failure(
  'IMAGE_NOT_PINNED',
  'the image is named by a tag and not by a digest, because the mutating webhook did not run; write registry/repository@sha256:… or mend the webhook',
);

/** The mutating webhook leaves a tag alone when it cannot resolve it; the same attempt here says why. */
async function whyUnpinned(
  { evidence }: JudgePorts,
  { workload, signal }: Matter,
  image: ImageReference,
): Promise<Failure> {
  const resolved = await evidence.resolveTag(image, workload, signal);
  return resolved.ok ? notPinned : resolved.failure;
}

function unreadable({ fields, text }: PlacedSubject, failed: Failure): ImageVerdict {
  return { policies: [], violations: [violationOf(failed, { fields, image: quoted(text) })], warnings: [] };
}

function decidedImage({ fields, text, image }: PlacedSubject, verdict: ImageVerdict | undefined): DecidedImage {
  const digest = image.ok ? image.value.digest : undefined;
  const decided = { field: namedFields(fields), image: quoted(text), policies: verdict?.policies ?? [] };
  return digest === undefined ? decided : { ...decided, digest };
}

function deferredImage({ field, text }: Matter['deferred'][number]): DecidedImage {
  return { field, image: quoted(text), policies: [], deferred: true };
}
