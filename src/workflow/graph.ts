/** What steps wait for, looked at together. Everything here takes time proportional to steps and dependencies. */
import type { WorkflowProblem, WorkflowStep } from './model.ts';
import { quoted } from '../kernel/failure.ts';

type Step = Pick<WorkflowStep, 'name' | 'runAfter'>;

/** Whether every step can run at some time; the words are those of Kubernaut. */
export function checkGraph(steps: readonly Step[]): WorkflowProblem | undefined {
  const message = emptyProblem(steps) ?? duplicateProblem(steps) ?? unknownProblem(steps) ?? cycleProblem(steps);
  return message === undefined ? undefined : { reason: 'InvalidDependencyGraph', message };
}

function emptyProblem(steps: readonly Step[]): string | undefined {
  return steps.length === 0 ? 'spec.steps: is empty; give at least one step' : undefined;
}

function duplicateProblem(steps: readonly Step[]): string | undefined {
  const seen = new Set<string>();
  for (const { name } of steps) {
    if (seen.has(name)) return `duplicate step name: ${quoted(name)}; give each step a name of its own`;
    seen.add(name);
  }
  return undefined;
}

function unknownProblem(steps: readonly Step[]): string | undefined {
  const known = new Set(steps.map(({ name }) => name));
  const found = steps.flatMap(({ name, runAfter }) => {
    const missing = runAfter.find((parent) => !known.has(parent));
    return missing === undefined ? [] : [{ name, missing }];
  })[0];
  if (found === undefined) return undefined;
  return `invalid dependency: step ${quoted(found.name)} depends on non-existent step ${quoted(found.missing)}`;
}

/**
 * Kahn's algorithm from both ends: what is left when everything is taken away that waits for nothing, and everything that
 * nobody waits for, lies in a cycle or between two.
 */
function cycleProblem(steps: readonly Step[]): string | undefined {
  const edges = steps.flatMap(({ name, runAfter }) => runAfter.map((parent): Edge => [parent, name]));
  const stuck = left(new Set(steps.map(({ name }) => name)), edges);
  if (stuck.size === 0) return undefined;
  const among = edges.filter(([from, to]) => stuck.has(from) && stuck.has(to));
  const inCycle = left(
    stuck,
    among.map(([from, to]): Edge => [to, from]),
  );
  const named = steps.map(({ name }) => name).filter((name) => inCycle.has(name));
  return `dependency cycle detected: steps involved in cycle: [${named.map((name) => quoted(name)).join(' ')}]`;
}

type Edge = readonly [from: string, to: string];

/** The nodes that are not reached when one is taken after all that lead to it. */
function left(nodes: ReadonlySet<string>, edges: readonly Edge[]): ReadonlySet<string> {
  const waitsFor = new Map([...nodes].map((node) => [node, 0]));
  const next = new Map<string, string[]>();
  for (const [from, to] of edges) {
    waitsFor.set(to, (waitsFor.get(to) ?? 0) + 1);
    const known = next.get(from);
    if (known === undefined) next.set(from, [to]);
    else known.push(to);
  }
  const free = [...nodes].filter((node) => waitsFor.get(node) === 0);
  const rest = new Set(nodes);
  for (const node of free) {
    rest.delete(node);
    for (const to of next.get(node) ?? []) {
      const open = (waitsFor.get(to) ?? 0) - 1;
      waitsFor.set(to, open);
      // The list grows while it is walked through.
      if (open === 0) free.push(to);
    }
  }
  return rest;
}
