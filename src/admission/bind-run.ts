/**
 * Contracts and action policies laid on the steps of a run: on the Pod that Tekton will make of each task, as far as it is
 * known. A TaskRun takes what its schema can carry; the rest, and everything again, is laid on the Pod itself.
 */
import { inputsVariable } from '../contract/bind-inputs.ts';
import { failure } from '../kernel/failure.ts';
import { difference, type PatchOperation } from '../kernel/json-patch.ts';
import { asRecord } from '../kernel/strict-json.ts';
import type { ActionMode } from '../policy/action-policy.ts';
import { actionRules } from '../policy/action-rules.ts';
import { violationOf, type Violation } from '../policy/verdict.ts';
import { bindObject, type BoundObject, type PassedImage, type Purpose } from './bind-object.ts';
import type { Members } from './decode.ts';
import type { JudgePorts, Matter } from './matter.ts';
import type { JudgedStep, ReadRun } from './read-run.ts';

type Found = Omit<BoundObject, 'object'>;

/** Where a run is outside of contracts and policies. */
export async function checkRun(
  ports: JudgePorts,
  matter: Matter,
  read: ReadRun,
  passed: readonly PassedImage[],
): Promise<Found> {
  const found: Found[] = [];
  for (const steps of read.tasks) {
    const bound = await bindSteps(ports, matter, read, steps, passed, 'prove');
    found.push(concerning(bound, read, steps), await shellsOf(ports, matter, steps, passed));
  }
  return {
    violations: distinct(found.flatMap(({ violations }) => violations)),
    warnings: distinct(found.flatMap(({ warnings }) => warnings)),
    audited: distinct(found.flatMap(({ audited }) => audited)),
    contracts: new Map(found.flatMap(({ contracts }) => [...contracts])),
  };
}

/** One task in all combinations of a matrix says the same thing once. */
function distinct(violations: readonly Violation[]): readonly Violation[] {
  return [...new Map(violations.map((violation) => [JSON.stringify(violation), violation])).values()];
}

/** What contracts set in a TaskRun. TaskRuns of a PipelineRun come here by themselves. */
export async function runPatch(
  ports: JudgePorts,
  matter: Matter,
  read: ReadRun,
  passed: readonly PassedImage[],
): Promise<readonly PatchOperation[]> {
  const [steps] = read.tasks;
  if (read.run.kind !== 'TaskRun' || matter.object.version !== 'v1' || steps === undefined) return [];
  const { object } = await bindSteps(ports, matter, read, steps, passed, 'set');
  const metadata = { ...asRecord(matter.content['metadata']), ...asRecord(object['metadata']) };
  const spec = withBound(read.run.spec, asRecord(object['spec']) ?? {}, steps);
  return difference(matter.content, { ...matter.content, metadata, spec });
}

/** The run's Pod as a Pod, for those who know Pods. */
async function bindSteps(
  ports: JudgePorts,
  matter: Matter,
  { run }: ReadRun,
  steps: readonly JudgedStep[],
  passed: readonly PassedImage[],
  purpose: Purpose,
): Promise<BoundObject> {
  const { podTemplate, serviceAccountName } = podSettings(run.spec);
  const containers = steps.map(({ container }) => withEnvironment(container, podTemplate['env']));
  const account = serviceAccountName === undefined ? {} : { serviceAccountName };
  const annotations = asRecord(asRecord(matter.content['metadata'])?.['annotations']);
  const content = {
    metadata: annotations === undefined ? {} : { annotations },
    spec: { ...podTemplate, ...account, containers },
  };
  const placed = passed.flatMap((one) => {
    const { subject } = one;
    const places = steps.flatMap((step, index) =>
      step.subject === subject
        ? [{ path: ['spec', 'containers', index, 'image'], field: step.field, text: subject.text, deferred: false }]
        : [],
    );
    return places.length === 0 ? [] : [{ ...one, subject: { ...subject, places } }];
  });
  const place = { podSpec: ['spec'], metadata: ['metadata'], containersOnly: false };
  return bindObject(ports, { ...matter, content }, place, placed, purpose);
}

/** tekton.dev/v1 has them in taskRunTemplate for pipelines. */
function podSettings(spec: Members): { readonly podTemplate: Members; readonly serviceAccountName: unknown } {
  const template = asRecord(spec['taskRunTemplate']) ?? spec;
  return {
    podTemplate: asRecord(template['podTemplate']) ?? {},
    serviceAccountName: template['serviceAccountName'] ?? undefined,
  };
}

function withEnvironment(container: Members, env: unknown): Members {
  if (!Array.isArray(env)) return container;
  const own: readonly unknown[] = Array.isArray(container['env']) ? container['env'] : [];
  const names = new Set(own.map((entry) => asRecord(entry)?.['name']));
  const others = env.filter((entry: unknown) => !names.has(asRecord(entry)?.['name']));
  return { ...container, env: [...own, ...others] };
}

/** Without what is known on the Pod only, and in the words of the run. */
function concerning(bound: BoundObject, { run }: ReadRun, steps: readonly JudgedStep[]): Found {
  const concerns = (violation: Violation): readonly Violation[] => {
    const [field = ''] = violation.fields;
    const [, index, rest = ''] = /^spec\.containers\[(\d+)\](.*)$/.exec(field) ?? [];
    const step = index === undefined ? undefined : steps[Number(index)];
    if (isOpen(violation, run.kind, step, rest)) return [];
    if (step === undefined) return [{ ...violation, fields: [inRun(field)] }];
    return [{ ...violation, fields: [`${step.step}${rest.replace(/^\.resources\b/, '.computeResources')}`] }];
  };
  return {
    violations: bound.violations.flatMap(concerns),
    warnings: bound.warnings.flatMap(concerns),
    audited: bound.audited.flatMap(concerns),
    contracts: bound.contracts,
  };
}

/** Tekton's configuration, and a pipeline's settings for one of its tasks, may still change it. */
function isOpen(
  { code }: Violation,
  kind: ReadRun['run']['kind'],
  step: JudgedStep | undefined,
  rest: string,
): boolean {
  if (rest.startsWith('.env')) return step?.open.includes(inputsVariable) === true;
  if (code === 'POD_SECURITY_VIOLATION') return true;
  return kind === 'PipelineRun' && code !== 'NAMESPACE_NOT_ALLOWED' && code !== 'CONTRACT_MISSING';
}

function inRun(field: string): string {
  if (!field.startsWith('spec.') || field === 'spec.serviceAccountName') return field;
  return field.replace(/^spec\./, 'spec.podTemplate.');
}

/** A script that a shell has to run, in an image that has none. */
async function shellsOf(
  { evidence, clock }: JudgePorts,
  { snapshot, object, workload, signal }: Matter,
  steps: readonly JudgedStep[],
  passed: readonly PassedImage[],
): Promise<Found> {
  const found: Record<ActionMode, Violation[]> = { enforce: [], warn: [], audit: [] };
  for (const step of steps) {
    const image = step.needsShell ? passed.find(({ subject }) => subject === step.subject)?.image : undefined;
    if (image === undefined) continue;
    const rules = actionRules(snapshot.actionPolicies, { image, namespace: object.namespace, now: clock.now() });
    if (rules === undefined) continue;
    // Known already: the contract was read when it was laid on the steps.
    const contract = await evidence.contract(image, workload, signal);
    if (!contract.ok || contract.value?.shell !== false) continue;
    const where = { fields: [`${step.step}.script`], image: step.subject.text, policy: rules.policies.join(', ') };
    found[rules.mode].push(violationOf(noShell, where));
  }
  return { violations: found.enforce, warnings: found.warn, audited: found.audit, contracts: new Map() };
}

const noShell = failure(
  'CONTRACT_CONFLICT',
  'the image has no shell, as its contract says, so the script cannot run; write command and args instead',
);

function withBound(spec: Members, pod: Members, steps: readonly JudgedStep[]): Members {
  const token = pod['automountServiceAccountToken'];
  const account = pod['serviceAccountName'];
  return {
    ...withResources(spec, pod['containers'], steps),
    ...(account === undefined ? {} : { serviceAccountName: account }),
    ...(token === undefined
      ? {}
      : { podTemplate: { ...asRecord(spec['podTemplate']), automountServiceAccountToken: token } }),
  };
}

/** By step name. A run that has resources for all of its steps cannot have others for one: then the Pod alone gets them. */
function withResources(spec: Members, containers: unknown, steps: readonly JudgedStep[]): Members {
  if (spec['computeResources'] !== undefined || !Array.isArray(containers)) return spec;
  const known: readonly unknown[] = Array.isArray(spec['stepSpecs']) ? spec['stepSpecs'] : [];
  const before = new Map(known.map((entry) => [asRecord(entry)?.['name'], asRecord(entry) ?? {}]));
  const stepSpecs = new Map<unknown, Members>(before);
  for (const [index, { container }] of steps.entries()) {
    const { name, resources } = asRecord(containers[index]) ?? {};
    const isSame = difference(container['resources'], resources).length === 0;
    if (typeof name !== 'string' || resources === undefined || isSame) continue;
    stepSpecs.set(name, { ...before.get(name), name, computeResources: resources });
  }
  return stepSpecs.size === 0 ? spec : { ...spec, stepSpecs: [...stepSpecs.values()] };
}
