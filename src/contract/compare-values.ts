/** The part of comparing contracts that is about inputs and outputs. */
import { stableJson } from '../kernel/stable-json.ts';
import type { CompatibilityRule, Incompatibility } from './compare-contracts.ts';
import type { InputSpec, OutputSpec } from './model.ts';

export function compareInputs(before: readonly InputSpec[], after: readonly InputSpec[]): readonly Incompatibility[] {
  const kept = before.flatMap((old) => {
    const path = `spec.inputs.${old.name}`;
    const own = after.find(({ name }) => name === old.name);
    if (own === undefined) return [broken('input-removed', path, 'is gone; callers that pass it are refused')];
    if (own.type !== old.type) return [broken('input-retyped', path, `is of type ${own.type}, was ${old.type}`)];
    return compareInput(old, own, path);
  });
  const added = after
    .filter(({ name, required }) => required && !before.some((old) => old.name === name))
    .map(({ name }) => broken('input-required', `spec.inputs.${name}`, 'is new and required; give it a default'));
  return [...kept, ...added];
}

function broken(rule: CompatibilityRule, path: string, message: string): Incompatibility {
  return { rule, path, message };
}

function compareInput(old: InputSpec, own: InputSpec, path: string): readonly Incompatibility[] {
  const required =
    own.required && !old.required ? [broken('input-required', path, 'is required and was not; give it a default')] : [];
  const narrowed = [narrowedEnum(old, own), narrowedPattern(old, own), ...narrowedBounds(old, own)];
  return [
    ...required,
    ...narrowed
      .filter((message) => message !== undefined)
      .map((message) => broken('input-narrowed', path, `${message}; values that were accepted are refused`)),
  ];
}

function narrowedEnum(old: InputSpec, own: InputSpec): string | undefined {
  if (own.enum === undefined) return undefined;
  if (old.enum === undefined) return 'has a list of allowed values now';
  const allowed = new Set(own.enum.map(stableJson));
  const gone = old.enum.find((value) => !allowed.has(stableJson(value)));
  return gone === undefined ? undefined : `no longer takes ${JSON.stringify(gone)}`;
}

/** Whether one expression holds another is not decided: every other one counts as narrower. */
function narrowedPattern(old: InputSpec, own: InputSpec): string | undefined {
  if (own.pattern === undefined || own.pattern.source === old.pattern?.source) return undefined;
  return `has ${old.pattern === undefined ? 'a' : 'another'} pattern now`;
}

function narrowedBounds(old: InputSpec, own: InputSpec): readonly (string | undefined)[] {
  const { minimum = -Infinity, maximum = Infinity, maxLength = Infinity } = old;
  return [
    own.minimum !== undefined && own.minimum > minimum ? 'has a higher minimum' : undefined,
    own.maximum !== undefined && own.maximum < maximum ? 'has a lower maximum' : undefined,
    own.maxLength !== undefined && own.maxLength < maxLength ? 'has a lower maxLength' : undefined,
  ];
}

export function compareOutputs(
  before: readonly OutputSpec[],
  after: readonly OutputSpec[],
): readonly Incompatibility[] {
  return before.flatMap((old) => {
    const path = `spec.outputs.${old.name}`;
    const own = after.find(({ name }) => name === old.name);
    if (own === undefined) return [broken('output-removed', path, 'is gone; steps that read it fail')];
    return own.type === old.type ? [] : [broken('output-retyped', path, `is of type ${own.type}, was ${old.type}`)];
  });
}
