import { defined } from '../kernel/defined.ts';
import { quoted, type Failure } from '../kernel/failure.ts';
import type { ImageReference } from '../kernel/image-reference.ts';
import type { ActionMode, ActionRules } from '../policy/action-policy.ts';
import { actionRules } from '../policy/action-rules.ts';
import { judge } from '../policy/judge.ts';
import { planUnpinned, possibleActionPolicies } from '../policy/plan-unpinned.ts';
import { plan } from '../policy/plan.ts';
import { violationOf, type Evidence, type ImageVerdict, type Violation } from '../policy/verdict.ts';
import type { DecidedImage } from '../ports/decision-log.ts';
import { bindObject, unbound, type BoundObject, type PassedImage } from './bind-object.ts';
import { checkRun } from './bind-run.ts';
import { concurrently } from './concurrently.ts';
import { heldPodViolations, heldRunViolations, unheldRunViolations } from './hold-run.ts';
import { judgePlan } from './judge-plan.ts';
import { maxImagesAtOnce, type JudgePorts, type Matter } from './matter.ts';
import { judged, type Outcome } from './outcome.ts';
import { deferredNotices, type PlacedSubject } from './subjects.ts';
import { digestDemanded, fateOfTag, notPinned } from './tags.ts';
import { namedFields } from './wording.ts';

const noEvidence: Evidence = new Map();

/** Plan, gather and judge, for every image of the final object, whatever anybody did or said before. */
export async function judgeImages(ports: JudgePorts, matter: Matter): Promise<Outcome> {
  const later = matter.subjects.filter((subject) => isLeftToPods(ports, matter, subject));
  const subjects = matter.subjects.filter((subject) => !later.includes(subject));
  const verdicts = await concurrently(subjects, maxImagesAtOnce, (subject) => judgeImage(ports, matter, subject));
  const deferred = [...matter.deferred, ...later.flatMap(({ places }) => places)];
  const passed = verdicts.flatMap((verdict) =>
    verdict.passed === undefined || verdict.violations.length > 0 ? [] : [verdict.passed],
  );
  const bound = await boundPod(ports, matter, passed);
  const decided = subjects.map((subject, index) => decidedImage(subject, verdicts[index], bound.contracts));
  const { run } = matter;
  const violations = [
    ...verdicts.flatMap((verdict) => verdict.violations),
    ...bound.violations,
    ...(run?.violations ?? []),
    ...heldRunViolations(matter),
    ...heldPodViolations(matter),
  ];
  return judged({
    violations: violations.length > 0 ? violations : unheldRunViolations(matter),
    warnings: [...verdicts.flatMap(({ warnings }) => warnings), ...bound.warnings],
    audited: [...verdicts.flatMap(({ audited }) => audited ?? []), ...bound.audited],
    notices: [...deferredNotices(deferred), ...(run?.notices ?? [])],
    images: [...decided, ...deferred.map(deferredImage), ...(run?.images ?? [])],
    snapshot: matter.snapshot.generation,
  });
}

type BoundPod = Pick<BoundObject, 'violations' | 'warnings' | 'audited'> & Partial<Pick<BoundObject, 'contracts'>>;

const nothingBound: BoundPod = { violations: [], warnings: [], audited: [] };

/** Contracts on the object as it is: what is outside of them, and what nobody has set. */
async function boundPod(ports: JudgePorts, matter: Matter, passed: readonly PassedImage[]): Promise<BoundPod> {
  const { pod, run, snapshot, content } = matter;
  if (snapshot.actionPolicies.length === 0) return nothingBound;
  if (run !== undefined) return checkRun(ports, matter, run, passed);
  if (pod === undefined) return nothingBound;
  const bound = await bindObject(ports, matter, pod, passed, 'prove');
  // The mutating phase sets nothing in what will be refused.
  return bound.violations.length > 0 ? bound : { ...bound, violations: unbound(content, bound.object, pod) };
}

function isLeftToPods({ planner }: JudgePorts, matter: Matter, subject: PlacedSubject): boolean {
  if (!matter.leavesTagsToPods || !subject.image.ok) return false;
  return planner(matter.snapshot, subject, subject.image.value, matter.object).kind === 'tag';
}

interface JudgedImage extends ImageVerdict {
  readonly audited?: readonly Violation[];
  /** Its digest, unless there is none to go by. */
  readonly passed?: PassedImage;
}

async function judgeImage(ports: JudgePorts, matter: Matter, subject: PlacedSubject): Promise<JudgedImage> {
  if (!subject.image.ok) return unreadable(subject, subject.image.failure);
  const image = subject.image.value;
  const planned = ports.planner(matter.snapshot, subject, image, matter.object);
  switch (planned.kind) {
    case 'pinned': {
      const pinned = { ...image, digest: planned.digest };
      const { verdict } = await judgePlan(ports, matter, planned.plan, pinned, subject, matter.snapshot.noMatch);
      return { ...verdict, passed: { subject, image: pinned, ...doubtOf(verdict) } };
    }
    case 'settled':
      return judgeUnpinned(matter, subject, image, notPinned);
    case 'tag':
      return judgeTag(ports, matter, subject, image);
  }
}

function judgeUnpinned(
  { snapshot, object }: Matter,
  subject: PlacedSubject,
  image: ImageReference,
  why: Failure,
): ImageVerdict {
  return judge(planUnpinned(snapshot, image, object, why), subject, snapshot.noMatch, noEvidence);
}

/** The mutating webhook leaves a tag alone when it cannot resolve it, or may not; the same attempt here says why. */
async function judgeTag(
  ports: JudgePorts,
  matter: Matter,
  subject: PlacedSubject,
  image: ImageReference,
): Promise<JudgedImage> {
  const { snapshot, object, workload, signal } = matter;
  const digest = await ports.evidence.resolveTag(image, workload, signal);
  if (!digest.ok) {
    const demands = possibleActionPolicies(snapshot.actionPolicies, image);
    return withDemands(judgeUnpinned(matter, subject, image, digest.failure), subject, demands, digest.failure);
  }
  const passed = { subject, image: { ...image, digest: digest.value }, left: true } as const;
  const place = { image: passed.image, namespace: object.namespace, now: ports.clock.now() };
  const rules = actionRules(snapshot.actionPolicies, place);
  switch (fateOfTag(rules, object)) {
    case 'leave': {
      const verdict = await judgePinned(ports, matter, subject, passed.image);
      return { ...verdict, passed: { ...passed, ...doubtOf(verdict) } };
    }
    case 'refuse':
      return withDemands({ policies: [], violations: [], warnings: [] }, subject, demandsOf(rules), digestDemanded);
    case 'pin': {
      const verdict = judgeUnpinned(matter, subject, image, notPinned);
      return {
        ...withDemands(verdict, subject, demandsOf(rules), notPinned),
        passed: { ...passed, ...doubtOf(verdict) },
      };
    }
  }
}

/** Where a policy only warns of an image's signatures, or there is none, they are not proven. */
export function doubtOf({ warnings }: ImageVerdict): Pick<PassedImage, 'unproven'> {
  return warnings.length === 0 ? {} : { unproven: true };
}

interface Demand {
  readonly name: string;
  readonly mode: ActionMode;
}

function demandsOf(rules: ActionRules | undefined): readonly Demand[] {
  return rules?.digests.require === true ? [{ name: rules.policies.join(', '), mode: rules.mode }] : [];
}

/** What action policies say of an image whose digest is not known, where nobody else refuses it for that. */
function withDemands(
  verdict: ImageVerdict,
  { fields, text }: PlacedSubject,
  demands: readonly Demand[],
  why: Failure,
): JudgedImage {
  if (verdict.violations.length > 0) return verdict;
  const of = (wanted: ActionMode): readonly Violation[] =>
    demands
      .filter(({ mode }) => mode === wanted)
      .map(({ name }) => violationOf(why, { fields, image: text, policy: name }));
  return {
    policies: verdict.policies,
    violations: of('enforce'),
    warnings: [...verdict.warnings, ...of('warn')],
    audited: of('audit'),
  };
}

/** The verdict about an image under the digest that its tag names, before the object is written so. */
export async function judgePinned(
  ports: JudgePorts,
  matter: Matter,
  subject: PlacedSubject,
  image: PassedImage['image'],
): Promise<ImageVerdict> {
  const planned = plan(matter.snapshot, image, matter.object);
  const { verdict } = await judgePlan(ports, matter, planned, image, subject, matter.snapshot.noMatch);
  return verdict;
}

function unreadable({ fields, text }: PlacedSubject, failed: Failure): ImageVerdict {
  return { policies: [], violations: [violationOf(failed, { fields, image: quoted(text) })], warnings: [] };
}

function decidedImage(
  { fields, text, image }: PlacedSubject,
  verdict: JudgedImage | undefined,
  contracts: BoundObject['contracts'] | undefined,
): DecidedImage {
  const digest = verdict?.passed?.image.digest ?? (image.ok ? image.value.digest : undefined);
  return {
    field: namedFields(fields),
    image: quoted(text),
    ...defined('digest', digest),
    policies: verdict?.policies ?? [],
    ...defined('contract', contracts?.get(text)),
  };
}

function deferredImage({ field, text }: Matter['deferred'][number]): DecidedImage {
  return { field, image: quoted(text), policies: [], deferred: true };
}
