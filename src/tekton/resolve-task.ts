import type { Failure } from '../kernel/failure.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { readDefaults, readParams, substitute, substituteValue, withDefaults, type Scope } from './params.ts';
import type { DefinitionKind } from './reference.ts';

export type Members = Readonly<Record<string, unknown>>;

/** One task of a run: what will be one Pod. */
export interface RunTask {
  readonly steps: readonly RunStep[];
  readonly sidecars: readonly RunImage[];
}

export interface RunImage {
  /** Where the image is written, e.g. `spec.taskSpec.steps[0].image`, `Task apps/build spec.steps[0].image` */
  readonly field: string;
  /** With every parameter in its place. */
  readonly image: string;
}

export interface RunStep extends RunImage {
  /** e.g. `spec.taskSpec.steps[0]` */
  readonly step: string;
  /** What its container in the Pod will be made of, without what is not known yet. */
  readonly container: Members;
  /** Names in its environment whose values are known only later. */
  readonly open: readonly string[];
  /** It has a script that a shell has to run. */
  readonly needsShell: boolean;
}

/** A task at its place in a run. */
export interface TaskInRun {
  readonly spec: Members;
  readonly field: string;
  readonly scope: Scope;
  /** The run, or the task of a pipeline, that it is run by. */
  readonly owner: Members;
  readonly namespace: string;
}

interface Surroundings {
  readonly find: (
    kind: DefinitionKind,
    ref: unknown,
    field: string,
    scope: Scope,
  ) => { readonly spec: Members; readonly field: string } | undefined;
  readonly leave: (field: string, why: Failure, text?: string) => undefined;
}

export function readTask(task: TaskInRun, surroundings: Surroundings): RunTask {
  const { spec, field, scope } = task;
  const steps = members(spec['steps']).flatMap((step, index) => {
    const found = readStep(task, surroundings, step, `${field}.steps[${index}]`);
    return found === undefined ? [] : [found];
  });
  const sidecars = members(spec['sidecars']).flatMap((sidecar, index) => {
    const found = readImage(sidecar, `${field}.sidecars[${index}].image`, scope, surroundings);
    return found === undefined ? [] : [found];
  });
  return { steps, sidecars };
}

function readImage({ image }: Members, field: string, scope: Scope, { leave }: Surroundings): RunImage | undefined {
  const written = typeof image === 'string' ? image : '';
  const text = substitute(written, scope);
  return text.ok ? { field, image: text.value } : leave(field, text.failure, written);
}

function readStep(task: TaskInRun, around: Surroundings, step: Members, field: string): RunStep | undefined {
  const whole = isGiven(step['ref']) ? fromStepAction(task, around, step, field) : fromTemplate(task, step, field);
  if (whole === undefined) return undefined;
  const read = readImage(whole.members, whole.imageField, whole.scope, around);
  if (read === undefined) return undefined;
  const environment = readEnvironment(whole.members['env'], whole.scope);
  const { name } = step;
  const container = {
    ...(typeof name === 'string' && name !== '' ? { name } : {}),
    image: read.image,
    ...securityOf(whole.members),
    ...environment.env,
    ...resourcesOf(task.owner, whole.members, name),
  };
  return { ...read, step: field, container, open: environment.open, needsShell: needsShell(whole.members) };
}

/** A step with everything that it has from elsewhere. */
interface WholeStep {
  readonly members: Members;
  readonly imageField: string;
  readonly scope: Scope;
}

function fromTemplate({ spec, field, scope }: TaskInRun, step: Members, at: string): WholeStep {
  const template = asRecord(spec['stepTemplate']) ?? {};
  const { image } = step;
  const isOwn = !isGiven(template['image']) || isGiven(image);
  const env = [
    ...members(template['env']).filter(({ name }) => !names(step['env']).has(name)),
    ...members(step['env']),
  ];
  const merged = { ...template, ...step, ...(isOwn ? {} : { image: template['image'] }), env };
  return { members: merged, imageField: isOwn ? `${at}.image` : `${field}.stepTemplate.image`, scope };
}

/** A step action sees its own parameters only, and a step template says nothing about it. */
function fromStepAction(
  { scope }: TaskInRun,
  { find }: Surroundings,
  step: Members,
  at: string,
): WholeStep | undefined {
  const action = find('StepAction', step['ref'], `${at}.ref`, scope);
  if (action === undefined) return undefined;
  const given = [...readParams(step['params'])].map(([name, value]) => [name, substituteValue(value, scope)] as const);
  const params = withDefaults(new Map(given), readDefaults(action.spec['params']));
  const { computeResources, resources } = step;
  const { securityContext } = action.spec;
  const merged = { ...step, ...action.spec, securityContext, computeResources, resources };
  return { members: merged, imageField: `${action.field}.image`, scope: [params] };
}

function readEnvironment(list: unknown, scope: Scope): { readonly env: Members; readonly open: readonly string[] } {
  const open: string[] = [];
  const env = members(list).flatMap((entry) => {
    const { name, value } = entry;
    if (typeof value !== 'string') return [entry];
    const text = substitute(value, scope);
    if (text.ok) return [{ ...entry, value: text.value }];
    open.push(typeof name === 'string' ? name : '');
    return [];
  });
  return { env: env.length === 0 ? {} : { env }, open };
}

/** v1 calls them computeResources, v1beta1 resources; what the run says about the step of that name wins. */
function resourcesOf(owner: Members, { computeResources, resources }: Members, name: unknown): Members {
  const own = asRecord(computeResources) ?? asRecord(resources) ?? {};
  const specified = members(owner['stepSpecs']).find((spec) => isGiven(name) && spec['name'] === name);
  const over = asRecord(specified?.['computeResources']) ?? {};
  const merged = Object.fromEntries(
    ['requests', 'limits'].flatMap((list) => {
      const values = { ...asRecord(own[list]), ...asRecord(over[list]) };
      return Object.keys(values).length === 0 ? [] : [[list, values] as const];
    }),
  );
  return Object.keys(merged).length === 0 ? {} : { resources: merged };
}

function securityOf({ securityContext }: Members): Members {
  return isGiven(securityContext) ? { securityContext } : {};
}

/** Without a first line of its own a script is run by /bin/sh. pipeline docs/tasks.md §running-scripts-within-steps */
function needsShell({ script }: Members): boolean {
  if (typeof script !== 'string' || script === '') return false;
  const interpreter = /^#!\s*(?:\S*\/env\s+(?:-\S+\s+)*)?(\S+)/.exec(script)?.[1];
  return interpreter === undefined || /(?:^|\/)(?:sh|bash|ash|dash|ksh|zsh|busybox)$/.test(interpreter);
}

function members(list: unknown): readonly Members[] {
  return Array.isArray(list) ? list.map((item: unknown) => asRecord(item) ?? {}) : [];
}

function names(list: unknown): ReadonlySet<unknown> {
  return new Set(members(list).map(({ name }) => name));
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}
