/** What a run refers to instead of holding it: a Task, a Pipeline or a StepAction that is in the cluster. */
import { failure, quoted } from '../kernel/failure.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { readParams, substitute, type Scope } from './params.ts';

export type DefinitionKind = 'Task' | 'Pipeline' | 'StepAction';

export interface Reference {
  readonly kind: DefinitionKind;
  readonly namespace: string;
  readonly name: string;
}

/** The spec of a definition, or why it is not known; undefined: it was not looked for yet. */
export type Definitions = (reference: Reference) => Result<Readonly<Record<string, unknown>>> | undefined;

/** `Task apps/build`; no two references have the same. */
export function nameOf({ kind, namespace, name }: Reference): string {
  return `${kind} ${namespace}/${name}`;
}

/** `taskRef`, `pipelineRef` or a step's `ref`, of something in `namespace`. */
export function readReference(kind: DefinitionKind, ref: unknown, scope: Scope, namespace: string): Result<Reference> {
  const { name, resolver, kind: written, bundle, params } = asRecord(ref) ?? {};
  if (isGiven(bundle)) return unresolved('a bundle is fetched only when the run starts');
  if (isGiven(resolver)) {
    if (resolver === 'cluster') return fromCluster(kind, params, scope);
    return unresolved(`what the resolver "${shown(resolver)}" finds is known only when the run starts`);
  }
  if (isGiven(written) && written !== kind) {
    return unresolved(`a ${shown(written)} is not known here`);
  }
  return named(kind, namespace, name, scope);
}

/** Tekton's cluster resolver; what is left out stands in its configuration. */
function fromCluster(kind: DefinitionKind, list: unknown, scope: Scope): Result<Reference> {
  const params = readParams(list);
  const wanted = params.get('kind') ?? kind;
  if (typeof wanted !== 'string' || wanted.toLowerCase() !== kind.toLowerCase()) {
    return unresolved(`the cluster resolver is asked for another kind than ${kind}`);
  }
  const namespace = params.get('namespace');
  if (typeof namespace !== 'string' || namespace === '') {
    return unresolved('the cluster resolver is not told a namespace; name one in its params');
  }
  const found = substitute(namespace, scope);
  return found.ok ? named(kind, found.value, params.get('name'), scope) : found;
}

function named(kind: DefinitionKind, namespace: string, name: unknown, scope: Scope): Result<Reference> {
  if (typeof name !== 'string' || name === '') return unresolved(`the ${kind} has no name`);
  const found = substitute(name, scope);
  if (!found.ok) return found;
  if (!isObjectName(found.value) || !isObjectName(namespace)) {
    return unresolved(`there can be no ${kind} of the name "${quoted(found.value, 64)}"`);
  }
  return ok({ kind, namespace, name: found.value });
}

function shown(value: unknown): string {
  return quoted(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''), 64);
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

/** RFC 1123 subdomain; nothing else can exist, and ".." would be another path. */
function isObjectName(name: string): boolean {
  return name.length <= 253 && /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(name);
}

function unresolved(message: string): Result<never> {
  return fail(failure('IMAGE_UNRESOLVED', message));
}
