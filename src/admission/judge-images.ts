import { failure, quoted, type Failure } from '../kernel/failure.ts';
import type { ImageReference } from '../kernel/image-reference.ts';
import { judge } from '../policy/judge.ts';
import { planUnpinned } from '../policy/plan-unpinned.ts';
import type { Plan } from '../policy/plan.ts';
import { violationOf, type Evidence, type ImageVerdict } from '../policy/verdict.ts';
import type { DecidedImage } from '../ports/decision-log.ts';
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
  return judged({
    violations: verdicts.flatMap(({ violations }) => violations),
    warnings: verdicts.flatMap(({ warnings }) => warnings),
    notices: deferredNotices(deferred),
    images: [...decided, ...deferred.map(deferredImage)],
    snapshot: matter.snapshot.generation,
  });
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
  const verdict = (plan: Plan, evidence: Evidence): ImageVerdict => judge(plan, subject, snapshot.noMatch, evidence);
  switch (planned.kind) {
    case 'pinned':
      return verdict(planned.plan, await gather(ports, matter, planned.plan));
    case 'settled':
      return verdict(planUnpinned(snapshot, image, object, notPinned), noEvidence);
    case 'tag':
      return verdict(planUnpinned(snapshot, image, object, await whyUnpinned(ports, matter, image)), noEvidence);
  }
}

/** Whatever is not in the answer counts as not established: `judge` sees to that. */
async function gather({ evidence }: JudgePorts, { workload, signal }: Matter, plan: Plan): Promise<Evidence> {
  return plan.questions.length === 0 ? noEvidence : evidence.answer(plan.questions, workload, signal);
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
