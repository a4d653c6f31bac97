/**
 * The inputs of an action as the JSON in its environment. Whoever writes a workflow writes them, and both the kubelet and
 * Tekton replace references in what they are given: what is written here means the same to the action afterwards.
 */
import { quoted } from '../kernel/failure.ts';
import type { Inputs } from './model.ts';

/** One environment variable is at most 128 KiB with its name: MAX_ARG_STRLEN of Linux. */
const maxInputsBytes = 120 * 1024;
const maxDepth = 32;
/** More do not fit into the bytes above. */
const maxValues = maxInputsBytes / 2;

/** For a container's `env`: the kubelet makes one `$` of two, and replaces $(NAME). kubernetes third_party/forked/golang/expansion */
export function inputsForJob(inputs: Inputs): string {
  return JSON.stringify(inputs).replaceAll('$', '$$$$');
}

/**
 * For a param: Tekton replaces $(params.x) wherever params are used, and the kubelet $(NAME) in what came of it. In JSON a
 * `$` stands in strings alone, so an escape means the same there; a `$` before anything else starts no reference, but the
 * kubelet breaks what is not ASCII after it. RFC 8259 §7, kubernetes third_party/forked/golang/expansion
 */
export function inputsForTekton(inputs: Inputs): string {
  return JSON.stringify(inputs).replace(/\$(?=[($]|\P{ASCII})/gu, '\\u0024');
}

/** What keeps a value from reaching an action as it was written. */
export function inputsProblem(inputs: Inputs): string | undefined {
  const seen = { values: 0 };
  const problem = valueProblem(inputs, 0, seen);
  if (problem !== undefined) return problem;
  const bytes = Buffer.byteLength(inputsForTekton(inputs));
  if (bytes <= maxInputsBytes) return undefined;
  return `has ${bytes} bytes as JSON, and one environment variable takes ${maxInputsBytes}; pass a reference to what is larger`;
}

function valueProblem(value: unknown, depth: number, seen: { values: number }): string | undefined {
  seen.values += 1;
  if (seen.values > maxValues) return `holds more than ${maxValues} values; pass a reference to what is larger`;
  if (typeof value === 'number') return numberProblem(value);
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return undefined;
  if (typeof value !== 'object') return 'holds something that is no JSON';
  if (depth === maxDepth) return `is nested deeper than ${maxDepth} levels; write what is deeper as a string`;
  for (const [key, item] of Object.entries(value)) {
    const problem = valueProblem(item, depth + 1, seen);
    if (problem !== undefined) return depth > 0 ? problem : `member "${quoted(key, 80)}" ${problem}`;
  }
  return undefined;
}

/** RFC 7493 §2.2 */
function numberProblem(value: number): string | undefined {
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return undefined;
  return `holds a number beyond ${Number.MAX_SAFE_INTEGER}, which JSON does not carry exactly; write it as a string`;
}
