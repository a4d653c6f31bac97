/**
 * A Pod that runs is given other resources (`pods/resize`). Its images stay, so that nothing is judged again but their
 * contracts: what was within them when the Pod was made has to stay there.
 */
import { kindOf, type Failure } from '../kernel/failure.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { parseDigest } from '../kernel/digest.ts';
import { possibleActionPolicies } from '../policy/plan-unpinned.ts';
import { violationOf, type Violation } from '../policy/verdict.ts';
import { bindObject, unbound, type PassedImage } from './bind-object.ts';
import { concurrently } from './concurrently.ts';
import { maxImagesAtOnce, type JudgePorts, type Matter } from './matter.ts';
import { judged, skip, type Outcome } from './outcome.ts';
import type { PlacedSubject } from './subjects.ts';

export async function checkResize(ports: JudgePorts, matter: Matter): Promise<Outcome> {
  const { pod, content, subjects, snapshot } = matter;
  const actions = subjects.filter((subject) => mayBeAction(matter, subject));
  if (pod === undefined || actions.length === 0) return skip('subresource-without-images');
  const found = await concurrently(actions, maxImagesAtOnce, (subject) => identified(ports, matter, subject));
  const unknown = found.flatMap((one, index) => (one.ok ? [] : unidentified(actions[index], one.failure)));
  const running = found.flatMap((one) => (one.ok ? [one.value] : []));
  const bound = await bindObject(ports, matter, pod, running, 'prove');
  return judged({
    violations: [...unknown, ...bound.violations, ...unbound(content, bound.object, pod)].filter(isOfResources),
    warnings: bound.warnings.filter(isOfResources),
    audited: bound.audited.filter(isOfResources),
    snapshot: snapshot.generation,
  });
}

function mayBeAction({ snapshot }: Matter, { image }: PlacedSubject): boolean {
  return image.ok && possibleActionPolicies(snapshot.actionPolicies, image.value).length > 0;
}

async function identified(
  { evidence }: JudgePorts,
  { workload, signal }: Matter,
  subject: PlacedSubject,
): Promise<Result<PassedImage>> {
  if (!subject.image.ok) return subject.image;
  const image = subject.image.value;
  const written = parseDigest(image.digest);
  const digest = written === undefined ? await evidence.resolveTag(image, workload, signal) : ok(written);
  return digest.ok ? ok({ subject, image: { ...image, digest: digest.value } }) : fail(digest.failure);
}

function unidentified(subject: PlacedSubject | undefined, failed: Failure): readonly Violation[] {
  return subject === undefined ? [] : [violationOf(failed, { fields: subject.fields, image: subject.text })];
}

/** Everything else of the Pod is as it was; what cannot be had could be about its resources. */
function isOfResources(violation: Violation): boolean {
  return kindOf(violation) !== 'violation' || violation.fields.some((field) => /\]\.resources\b/.test(field));
}
