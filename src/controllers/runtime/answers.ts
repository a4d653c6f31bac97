/**
 * What an answer of the API server means for the round: go on, decide anew with a setback in mind, look again, or try again
 * later. The names of children are asked for, never taken: what is of somebody else is neither adopted nor changed.
 */
import { defined } from '../../kernel/defined.ts';
import { quoted } from '../../kernel/failure.ts';
import type { Kind, KubeObject, NewObject, ObjectPlace, OwnerReference } from '../../kernel/kube-object.ts';
import type { Result } from '../../kernel/result.ts';
import type { Created, Written } from '../../ports/cluster-objects.ts';

/** What came of creating something in this round already; the next decision takes it into account. */
export type Setback =
  | { readonly kind: 'taken'; readonly place: ObjectPlace; readonly owner: string }
  | { readonly kind: 'refused'; readonly place: ObjectPlace; readonly status: number; readonly message: string };

export interface ActDone {
  readonly kind: 'done';
}

export interface ActRetry {
  readonly kind: 'retry';
  readonly why: string;
}

export type ActWritten =
  | ActDone
  /** Somebody was faster: what there is now comes with the watch. */
  | { readonly kind: 'superseded' }
  | ActRetry;

export type ActCreated =
  /** Made now, or earlier for the same owner. */
  | { readonly kind: 'ours'; readonly object: KubeObject; readonly isNew: boolean }
  | { readonly kind: 'setback'; readonly setback: Setback }
  | ActRetry;

export const done: ActDone = { kind: 'done' };

/** `wanted` was to be a child of `parent`, by controller reference. */
export function created(parent: KubeObject, wanted: NewObject, kind: Kind, answer: Result<Created>): ActCreated {
  if (!answer.ok) return { kind: 'retry', why: answer.failure.message };
  const { name, namespace } = wanted.metadata;
  const place = { kind, name, ...defined('namespace', namespace) };
  if (answer.value.kind === 'refused') {
    const { status, message } = answer.value;
    return { kind: 'setback', setback: { kind: 'refused', place, status, message } };
  }
  const { object } = answer.value;
  const isNew = answer.value.kind === 'created';
  const owner = object.metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (isNew || owner?.uid === parent.metadata.uid) return { kind: 'ours', object, isNew };
  if (isPredecessor(parent, owner)) {
    return { kind: 'retry', why: `waits until ${kind.kind} ${name} of its predecessor is gone` };
  }
  return { kind: 'setback', setback: { kind: 'taken', place, owner: nameOf(owner) } };
}

/** Created anew under its old name: what belonged to the old one is about to go. */
function isPredecessor({ apiVersion, kind, metadata }: KubeObject, owner: OwnerReference | undefined): boolean {
  return owner?.apiVersion === apiVersion && owner.kind === kind && owner.name === metadata.name;
}

function nameOf(owner: OwnerReference | undefined): string {
  if (owner === undefined) return 'nobody we know of';
  return quoted(`${owner.kind} ${owner.name} (${owner.apiVersion})`, 400);
}

export function removed(answer: Result<'removed' | 'gone'>): ActDone | ActRetry {
  return answer.ok ? done : { kind: 'retry', why: answer.failure.message };
}

export function written(answer: Result<Written>): ActWritten {
  if (!answer.ok) return { kind: 'retry', why: answer.failure.message };
  switch (answer.value.kind) {
    case 'written':
      return done;
    case 'superseded':
      return { kind: 'superseded' };
    case 'refused':
      return { kind: 'retry', why: `the API server refused it (${answer.value.status}): ${answer.value.message}` };
  }
}
