/**
 * Images of TaskRuns and PipelineRuns that are known already when the run is created: they are judged then, so that the
 * refusal meets whoever started it. It saves nobody anything: each Pod is judged again. docs/decisions/0010-tekton.md
 */
import type { EvidenceSource } from '../evidence/evidence-source.ts';
import { defined } from '../kernel/defined.ts';
import { failure, quoted } from '../kernel/failure.ts';
import { formatImageReference } from '../kernel/image-reference.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { actionRules } from '../policy/action-rules.ts';
import { violationOf, type Violation } from '../policy/verdict.ts';
import type { Clock } from '../ports/clock.ts';
import type { DecidedImage } from '../ports/decision-log.ts';
import type { TektonDefinitions } from '../ports/tekton-definitions.ts';
import { nameOf, type Definitions, type Reference } from '../tekton/reference.ts';
import { resolveRun, type Resolution, type Run, type Unresolved } from '../tekton/resolve-run.ts';
import type { RunImage, RunStep } from '../tekton/resolve-task.ts';
import { concurrently } from './concurrently.ts';
import { heldText } from './hold-run.ts';
import type { AdmissionRequest, Members } from './decode.ts';
import { maxImagesAtOnce, type Matter } from './matter.ts';
import type { Planner } from './planner.ts';
import { resolvedSubject, subjectLimit, type PlacedSubject } from './subjects.ts';
import { fateOfTag } from './tags.ts';

/** What is known of a run, each image with the subject that it is judged as. */
export interface ReadRun {
  readonly run: Run;
  readonly tasks: readonly (readonly JudgedStep[])[];
  /** Everything that it runs, as one text; absent while something is not known. */
  readonly held?: string;
  /** Of what is not known, when that is not left to the Pods. */
  readonly violations: readonly Violation[];
  readonly notices: readonly string[];
  readonly images: readonly DecidedImage[];
}

export interface JudgedStep extends RunStep {
  readonly subject: PlacedSubject;
}

/** `defer`: what is not known when a run is created is judged on its Pods only, with a warning. `refuse`: it is refused. */
export type OnUnresolvedImage = 'defer' | 'refuse';

export interface RunPorts {
  readonly evidence: EvidenceSource;
  readonly planner: Planner;
  readonly clock: Clock;
  /** Absent: there is no cluster to read them from. */
  readonly definitions?: TektonDefinitions;
  readonly onUnresolvedImage: OnUnresolvedImage;
}

/** Undefined: it is no run, or not a new one. Tekton lets nobody change what a run runs. */
export function runOf({ resource, operation, subResource, namespace, object }: AdmissionRequest): Run | undefined {
  if (resource.group !== 'tekton.dev' || operation !== 'CREATE' || subResource !== '') return undefined;
  const kind = kinds.get(resource.resource);
  return kind === undefined ? undefined : { kind, namespace, spec: asRecord(object?.['spec']) ?? {} };
}

const kinds: ReadonlyMap<string, Run['kind']> = new Map([
  ['taskruns', 'TaskRun'],
  ['pipelineruns', 'PipelineRun'],
]);

/** The matter with every image of the run that is known, and without those that are written in it with a `$(…)`. */
export async function readRun(ports: RunPorts, run: Run, matter: Matter): Promise<Result<Matter>> {
  const { tasks, unresolved } = await resolveWith(ports, run, matter.signal);
  const written = new Map(
    matter.subjects.flatMap((subject) => subject.fields.map((field) => [field, subject] as const)),
  );
  const images = tasks.flatMap(({ steps, sidecars }) => [...steps, ...sidecars]).filter(({ image }) => image !== '');
  const byText = fieldsByText(images.filter(({ field }) => !written.has(field)));
  const limit = subjectLimit(matter.subjects.length + byText.size);
  if (!limit.ok) return limit;
  const subjects = await concurrently([...byText], maxImagesAtOnce, async ([text, fields]) => ({
    text,
    subject: await pinned(ports, matter, resolvedSubject(text, [...fields])),
  }));
  const resolved = new Map(subjects.map(({ text, subject }) => [text, subject]));
  const subjectOf = ({ field, image }: RunImage): PlacedSubject | undefined =>
    written.get(field) ?? resolved.get(image);
  const judgedAs = (step: RunStep): readonly JudgedStep[] => {
    const subject = subjectOf(step);
    return subject === undefined ? [] : [{ ...step, subject }];
  };
  const running = new Set(images.map(subjectOf).filter((subject) => subject !== undefined));
  const known = await concurrently([...running], maxImagesAtOnce, (subject) => pinned(ports, matter, subject));
  const held = unresolved.length === 0 ? heldText(known.map(nameOfSubject)) : undefined;
  return ok({
    ...matter,
    subjects: [...matter.subjects, ...resolved.values()],
    deferred: matter.deferred.filter(({ path }) => !path.some((step) => readHere.has(step))),
    run: {
      run,
      tasks: tasks.map(({ steps }) => steps.flatMap(judgedAs)),
      ...defined('held', held),
      ...left(unresolved, ports.onUnresolvedImage),
    },
  });
}

function nameOfSubject({ image, text }: PlacedSubject): string {
  return image.ok ? formatImageReference(image.value) : text;
}

const readHere: ReadonlySet<string | number> = new Set(['steps', 'sidecars', 'stepTemplate']);

/** A pipeline, its tasks and their step actions; pipelines in pipelines may take more. */
const maxRounds = 5;

async function resolveWith(ports: RunPorts, run: Run, signal: AbortSignal): Promise<Resolution> {
  const known = new Map<string, Result<Members>>();
  const find: Definitions = (reference) => known.get(nameOf(reference));
  for (let round = 0; round < maxRounds; round += 1) {
    const resolution = resolveRun(run, find);
    if (resolution.wanted.length === 0) return resolution;
    await concurrently(resolution.wanted, maxImagesAtOnce, async (reference) => {
      known.set(nameOf(reference), await read(ports, reference, signal));
    });
  }
  return resolveRun(run, (reference) => find(reference) ?? fail(tooMany));
}

const tooMany = failure('IMAGE_UNRESOLVED', 'the run refers to more definitions than are looked into');
const noCluster = failure('IMAGE_UNRESOLVED', 'there is no cluster to read it from');

async function read({ definitions }: RunPorts, reference: Reference, signal: AbortSignal): Promise<Result<Members>> {
  return definitions === undefined ? fail(noCluster) : definitions.read(reference, signal);
}

function fieldsByText(images: readonly RunImage[]): ReadonlyMap<string, ReadonlySet<string>> {
  const byText = new Map<string, Set<string>>();
  for (const { image, field } of images) byText.set(image, (byText.get(image) ?? new Set()).add(field));
  return byText;
}

/** The run keeps its tag, so the digest that is judged is the one that the tag names now. The Pod is pinned. */
async function pinned(
  { evidence, planner, clock }: RunPorts,
  { snapshot, object, workload, signal }: Matter,
  subject: PlacedSubject,
): Promise<PlacedSubject> {
  if (!subject.image.ok || planner(snapshot, subject, subject.image.value, object).kind !== 'tag') return subject;
  const digest = await evidence.resolveTag(subject.image.value, workload, signal);
  if (!digest.ok) return subject;
  const image = { ...subject.image.value, digest: digest.value };
  const place = { image, namespace: object.namespace, now: clock.now() };
  // Policies that leave or refuse tags do that with those of runs as well.
  if (fateOfTag(actionRules(snapshot.actionPolicies, place), object) !== 'pin') return subject;
  // Under its own name: whatever is remembered by text must not take the tag for this digest.
  return { ...subject, text: formatImageReference(image), image: ok(image) };
}

function left(
  unresolved: readonly Unresolved[],
  onUnresolvedImage: OnUnresolvedImage,
): Pick<ReadRun, 'violations' | 'notices' | 'images'> {
  if (onUnresolvedImage === 'refuse') {
    const violations = unresolved.map(({ field, text, why }) =>
      violationOf(why, { fields: [field], image: quoted(text) }),
    );
    return { violations, notices: [], images: [] };
  }
  return {
    violations: [],
    notices: unresolved.map(notice),
    images: unresolved.map(({ field, text }) => ({ field, image: quoted(text), policies: [], deferred: true })),
  };
}

function notice({ field, text, why }: Unresolved): string {
  const image = text === '' ? '' : ` "${quoted(text, 100)}"`;
  return `${field}${image} is judged when its Pod is created: ${why.message}`;
}
