/** The combinations of parameters that a task with a matrix is run with. pipeline docs/matrix.md */
import { failure } from '../kernel/failure.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { readParams, substitute, substituteList, type Params, type Scope } from './params.ts';

/** Tekton's own default for `default-max-matrix-combinations-count`. */
const maxCombinations = 256;

type Combination = ReadonlyMap<string, string>;

export function combinations(matrix: unknown, scope: Scope): Result<readonly Params[]> {
  const { params, include } = asRecord(matrix) ?? {};
  const listed = fanOut(params, scope);
  if (!listed.ok) return listed;
  const included = readIncludes(include, scope);
  if (!included.ok) return included;
  if (listed.value.length === 0) return ok(included.value);
  const widened = listed.value.map((combination) => widen(combination, included.value));
  return ok([...widened, ...included.value.filter((one) => isNew(one, widened))]);
}

function fanOut(params: unknown, scope: Scope): Result<readonly Combination[]> {
  let found: readonly Combination[] = [];
  for (const [name, value] of readParams(params)) {
    const items = substituteList(value, scope);
    if (!items.ok) return items;
    const bases = found.length === 0 ? [new Map<string, string>()] : found;
    if (bases.length * items.value.length > maxCombinations) return tooMany();
    found = items.value.flatMap((item) => bases.map((base) => new Map([...base, [name, item]])));
  }
  return ok(found);
}

function readIncludes(include: unknown, scope: Scope): Result<readonly Combination[]> {
  const entries: readonly unknown[] = Array.isArray(include) ? include : [];
  if (entries.length > maxCombinations) return tooMany();
  const found: Combination[] = [];
  for (const entry of entries) {
    const combination = new Map<string, string>();
    for (const [name, value] of readParams(asRecord(entry)?.['params'])) {
      const text = substitute(typeof value === 'string' ? value : '', scope);
      if (!text.ok) return text;
      combination.set(name, text.value);
    }
    found.push(combination);
  }
  return ok(found);
}

/** What is included applies to the combinations that it does not contradict. */
function widen(combination: Combination, included: readonly Combination[]): Combination {
  return included.reduce((base, one) => (agrees(base, one) ? new Map([...base, ...one]) : base), combination);
}

function agrees(base: Combination, one: Combination): boolean {
  return [...one].every(([name, value]) => !base.has(name) || base.get(name) === value);
}

function isNew(one: Combination, all: readonly Combination[]): boolean {
  return one.size > 0 && !all.some((base) => [...one].some(([name, value]) => base.get(name) === value));
}

function tooMany(): Result<never> {
  return fail(failure('IMAGE_UNRESOLVED', `the matrix has more than ${maxCombinations} combinations`));
}
