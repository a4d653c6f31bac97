/**
 * What policies name and do not hold, each in its last good version. Pure.
 *
 * - Secrets are as in docs/decisions/0007-policies-last-good.md: deleted is gone, unreadable stays as it was.
 * - ConfigMaps and code at addresses stay as they were read, whatever becomes of them, until other code takes their place:
 *   code that vanishes demanded something, and nobody said that it is demanded no more.
 * - Keys of key services stay while their service cannot be asked; a key that is disabled or deleted there is gone.
 */
import { digestOf } from '../../kernel/digest.ts';
import { quoted } from '../../kernel/failure.ts';
import type { MaterialProblems } from '../../policy/compile.ts';
import { materialId, type MaterialRef } from '../../policy/wanted-materials.ts';
import type { PolicyProblem } from '../../ports/policies.ts';
import { gone, outage, type LookedUp } from '../materials/looked-up.ts';
import type { LastGood } from './last-good.ts';

export interface KeptMaterial {
  /** For sentences. */
  readonly title: string;
  /** Undefined: it cannot be had, and never could, or it is gone. */
  readonly text?: string;
  readonly problem?: string;
  /** Equal for the same text, or the same problem without one. */
  readonly content: string;
}

export type MaterialMemory = ReadonlyMap<string, KeptMaterial>;

type OtherRef = Exclude<MaterialRef, { readonly kind: 'secret' }>;

/** Of materials that are not named any more nothing is kept. */
export function nextMemory(
  before: MaterialMemory,
  refs: readonly MaterialRef[],
  good: Pick<LastGood, 'kept'>,
  looked: ReadonlyMap<string, LookedUp>,
): MaterialMemory {
  const others = refs.filter((ref) => ref.kind !== 'secret');
  return new Map(
    others.map((ref) => {
      const id = materialId(ref);
      const now = ref.kind === 'config-map' ? textIn(ref, good) : (looked.get(id) ?? nowhere);
      return [id, next(before.get(id), now, titleOf(ref))];
    }),
  );
}

const nowhere = gone('it is not looked up here');

function next(before: KeptMaterial | undefined, now: LookedUp, title: string): KeptMaterial {
  if (now.ok) {
    const content = before?.text === now.value ? before.content : digestOf(now.value);
    return { title, text: now.value, content };
  }
  const { problem, isGone } = now.failure;
  const isKept = !isGone && before?.text !== undefined;
  return isKept ? { ...before, problem } : { title, problem, content: `problem: ${problem}` };
}

function textIn(
  { name, key }: Extract<OtherRef, { readonly kind: 'config-map' }>,
  { kept }: Pick<LastGood, 'kept'>,
): LookedUp {
  const title = `configmap "${quoted(name, 253)}"`;
  const found = kept.get(`ConfigMap/${name}`)?.document;
  if (found?.kind !== 'config-map') return outage(`${title} is not there, or cannot be read`);
  if (found.data.size === 0) return outage(`${title} contains no data`);
  const [only, ...others] = found.data.values();
  const text = key === undefined && others.length === 0 ? only : found.data.get(key ?? '');
  // policy-controller takes an empty text for none.
  return text ? { ok: true, value: text } : outage(`${title} does not contain key ${quoted(key ?? '', 253)}`);
}

function titleOf(ref: OtherRef): string {
  switch (ref.kind) {
    case 'config-map':
      return `ConfigMap ${quoted(ref.name, 253)}`;
    case 'remote':
      return quoted(ref.url);
    case 'kms':
      return quoted(ref.uri);
  }
}

const stays = 'What was read before stays in force.';

/** Of what is in force all the same: the others are told by the policies that name them. */
export function memoryProblems(memory: MaterialMemory): readonly PolicyProblem[] {
  return [...memory.values()].flatMap(({ title, text, problem }) =>
    text === undefined || problem === undefined ? [] : [{ where: title, message: problem, consequence: stays }],
  );
}

/** What is wrong with materials that are in force in a version read before, among those. */
export function staleOf(
  refs: readonly MaterialRef[],
  memory: MaterialMemory,
  problems: readonly PolicyProblem[],
): MaterialProblems {
  const keys: string[] = [];
  const code: string[] = [];
  for (const ref of refs) {
    const id = materialId(ref);
    const kept = memory.get(id);
    const isKey = ref.kind === 'secret' || ref.kind === 'kms';
    if (kept?.text !== undefined && kept.problem !== undefined) (isKey ? keys : code).push(kept.problem);
    if (ref.kind === 'secret')
      keys.push(...problems.filter(({ of }) => of === id).map(({ where, message }) => `${where}: ${message}`));
  }
  return { keys, code };
}
