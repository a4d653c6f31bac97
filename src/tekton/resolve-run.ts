/**
 * Which images the steps of a TaskRun or a PipelineRun will run, as far as that is known when it is created. It is asked
 * again with more definitions until it wants none. Nothing is guessed: what is not known is said, with the reason, and is
 * judged when its Pod is made, as everything that is said here is judged again then. docs/decisions/0010-tekton.md
 */
import { failure, type Failure } from '../kernel/failure.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { combinations } from './matrix.ts';
import {
  readDefaults,
  readParams,
  substituteValue,
  withDefaults,
  withTaskDefaults,
  type Params,
  type Scope,
} from './params.ts';
import { nameOf, readReference, type DefinitionKind, type Definitions, type Reference } from './reference.ts';
import { readTask, type Members, type RunTask, type TaskInRun } from './resolve-task.ts';

export interface Run {
  readonly kind: 'TaskRun' | 'PipelineRun';
  readonly namespace: string;
  readonly spec: Members;
}

/** Something whose image is not known yet. */
export interface Unresolved {
  /** e.g. `spec.taskRef`, `Task apps/build spec.steps[0].image` */
  readonly field: string;
  /** The image as it is written; empty for what is not an image itself. */
  readonly text: string;
  readonly why: Failure;
}

export interface Resolution {
  readonly tasks: readonly RunTask[];
  readonly unresolved: readonly Unresolved[];
  /** To be looked up before it is resolved again; never more than fifty at a time. */
  readonly wanted: readonly Reference[];
}

export function resolveRun(run: Run, definitions: Definitions): Resolution {
  const resolver = new RunResolver(run.namespace, definitions);
  const { spec } = run;
  const given = readParams(spec['params']);
  if (run.kind === 'TaskRun') resolver.task(spec, 'spec', { own: given, combination: new Map() }, []);
  else resolver.pipeline(spec, 'spec', given, []);
  return resolver.resolution();
}

/**
 * How much is looked into: characters of definitions, counted each time that they are run, since matrices and nested
 * pipelines multiply them. Enough for a task of 4,000 characters in most of the 256 combinations of a matrix.
 */
const maxSize = 1_000_000;
/** What even an empty task or pipeline counts. */
const minSize = 1_000;
/** Pipelines in pipelines. */
const maxDepth = 16;
const maxWanted = 50;
const maxUnresolved = 100;

/** Parameters that a task is given, and those of the combination of its matrix. */
interface Given {
  readonly own: Params;
  readonly combination: Params;
}

class RunResolver {
  readonly #namespace: string;
  readonly #definitions: Definitions;
  readonly #tasks: RunTask[] = [];
  readonly #unresolved = new Map<string, Unresolved>();
  readonly #sizes = new Map<Members, number>();
  readonly #wanted = new Map<string, Reference>();
  #size = 0;
  #depth = 0;

  constructor(namespace: string, definitions: Definitions) {
    this.#namespace = namespace;
    this.#definitions = definitions;
  }

  resolution(): Resolution {
    return { tasks: this.#tasks, unresolved: [...this.#unresolved.values()], wanted: [...this.#wanted.values()] };
  }

  /** `owner` has a taskSpec or a taskRef: a TaskRun, or a task of a pipeline. */
  task(owner: Members, field: string, { own, combination }: Given, outer: Scope): void {
    const found = this.#definition('Task', owner, field, 'task', seenByReference(own, outer));
    if (found === undefined) return;
    if (!this.#hasRoomFor(found.spec)) return;
    const params = withTaskDefaults(new Map([...own, ...combination]), readDefaults(found.spec['params']));
    // What a pipeline knows reaches into the tasks that it holds itself, and comes before their matrix and defaults.
    const scope = found.isOwn && outer.length > 0 ? [own, ...outer, params] : [params];
    const task: TaskInRun = { ...found, scope, owner, namespace: this.#namespace };
    this.#tasks.push(
      readTask(task, { find: (...asked) => this.#find(...asked), leave: (...it) => this.#leave(...it) }),
    );
  }

  /** `owner` has a pipelineSpec or a pipelineRef. */
  pipeline(owner: Members, field: string, given: Params, outer: Scope): void {
    const found = this.#definition('Pipeline', owner, field, 'pipeline', seenByReference(given, outer));
    if (found === undefined) return;
    if (!this.#hasRoomFor(found.spec)) return;
    if (this.#depth >= maxDepth) return this.#leave('spec', tooLarge);
    this.#depth += 1;
    const params = withDefaults(given, readDefaults(found.spec['params']));
    const scope = found.isOwn ? [params, ...outer] : [params];
    for (const list of ['tasks', 'finally']) {
      const tasks = found.spec[list];
      if (!Array.isArray(tasks)) continue;
      for (const [index, item] of tasks.entries()) {
        this.#pipelineTask(asRecord(item) ?? {}, `${found.field}.${list}[${index}]`, scope);
      }
    }
    this.#depth -= 1;
  }

  #pipelineTask(task: Members, field: string, scope: Scope): void {
    if (isCustom(task) || !this.#hasRoomFor(task)) return;
    const own = new Map(
      [...readParams(task['params'])].map(([name, it]) => [name, substituteValue(it, scope)] as const),
    );
    for (const combination of this.#combinations(task['matrix'], field, scope)) {
      const isPipeline = isThere(task['pipelineSpec']) || isThere(task['pipelineRef']);
      if (isPipeline) this.pipeline(task, field, new Map([...own, ...combination]), scope);
      else this.task(task, field, { own, combination }, scope);
    }
  }

  #combinations(matrix: unknown, field: string, scope: Scope): readonly Params[] {
    if (!isThere(matrix)) return [new Map()];
    const found = combinations(matrix, scope);
    if (found.ok) return found.value;
    this.#leave(`${field}.matrix`, found.failure);
    return [];
  }

  /** What is embedded, or what is referred to; undefined when it is not known, and that is noted. */
  #definition(
    kind: DefinitionKind,
    owner: Members,
    field: string,
    name: 'task' | 'pipeline',
    scope: Scope,
  ): { readonly spec: Members; readonly field: string; readonly isOwn: boolean } | undefined {
    const embedded = asRecord(owner[`${name}Spec`]);
    if (embedded !== undefined && !isThere(owner[`${name}Ref`])) {
      return { spec: embedded, field: `${field}.${name}Spec`, isOwn: true };
    }
    const found = this.#find(kind, owner[`${name}Ref`], `${field}.${name}Ref`, scope);
    return found === undefined ? undefined : { ...found, isOwn: false };
  }

  #find(
    kind: DefinitionKind,
    ref: unknown,
    field: string,
    scope: Scope,
  ): { readonly spec: Members; readonly field: string } | undefined {
    const reference = readReference(kind, ref, scope, this.#namespace);
    if (!reference.ok) return this.#leave(field, reference.failure);
    const found = this.#definitions(reference.value);
    if (found?.ok === true) return { spec: found.value, field: `${nameOf(reference.value)} spec` };
    if (found !== undefined) return this.#leave(field, found.failure);
    if (this.#wanted.size < maxWanted) this.#wanted.set(nameOf(reference.value), reference.value);
    return undefined;
  }

  #hasRoomFor(definition: Members): boolean {
    const known = this.#sizes.get(definition) ?? JSON.stringify(definition).length;
    this.#sizes.set(definition, known);
    this.#size += Math.max(known, minSize);
    if (this.#size > maxSize) this.#leave('spec', tooLarge);
    return this.#size <= maxSize;
  }

  /** Said once, however often it is run. */
  #leave(field: string, why: Failure, text = ''): undefined {
    const isFull = this.#unresolved.size >= maxUnresolved;
    const left = isFull ? { field: 'spec', text: '', why: tooLarge } : { field, text, why };
    this.#unresolved.set(`${left.field} ${left.why.message}`, left);
  }
}

const tooLarge = failure('IMAGE_UNRESOLVED', 'the run has more tasks than are looked into');

/** A reference in a run sees the run's parameters; one in a pipeline sees the pipeline's, and not those of its task. */
function seenByReference(given: Params, outer: Scope): Scope {
  return outer.length === 0 ? [given] : outer;
}

/** A task of another API, which makes no Pods by itself. */
function isCustom({ taskSpec, taskRef }: Members): boolean {
  return [taskSpec, taskRef].some((it) => {
    const version = asRecord(it)?.['apiVersion'];
    return typeof version === 'string' && version !== '' && !version.startsWith('tekton.dev/');
  });
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null;
}
