/**
 * The result of an action: the last JSON object that it has printed on lines of its own, whatever stands before and after
 * it. A log is written by whoever wrote the action, and may be anything at all: reading it takes time in proportion to its
 * length, and what comes of it is small.
 */
import type { ActionContract } from '../contract/model.ts';
import { typeProblem } from '../contract/read-value.ts';
import { quoted } from '../kernel/failure.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { valueAt } from './json-in-text.ts';

export type Outputs = Readonly<Record<string, unknown>>;

/** As much as an object of the cluster can well carry for each of many steps. */
export const maxOutputsBytes = 16 * 1024;

/** Undefined: there is none. One that is too large is replaced by its size. */
export function lastJsonObject(log: string): Outputs | undefined {
  const found = lastObject(log);
  if (found === undefined) return undefined;
  const bytes = Buffer.byteLength(JSON.stringify(found));
  return bytes > maxOutputsBytes ? { truncated: true, bytes } : found;
}

/** Lists are read as well, so that nothing inside of them is taken for a result. */
function lastObject(log: string): Outputs | undefined {
  let last: Outputs | undefined;
  let at = 0;
  while (at < log.length) {
    const start = skipBlanks(log, at);
    const value = log[start] === '{' || log[start] === '[' ? valueAt(log, start) : undefined;
    const after = value === undefined ? start : skipBlanks(log, value.end);
    if (value !== undefined && isLineEnd(log, after)) last = asRecord(value.value) ?? last;
    at = nextLine(log, after);
  }
  return last;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ' || text[at] === '\t') at += 1;
  return at;
}

function isLineEnd(text: string, at: number): boolean {
  return at >= text.length || text[at] === '\n' || text[at] === '\r';
}

function nextLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end === -1 ? text.length : end + 1;
}

const maxProblems = 8;

/** What the contract says otherwise; it spoils nothing, since the action has run. */
export function outputProblems({ outputs }: Pick<ActionContract, 'outputs'>, given: Outputs): readonly string[] {
  if (given['truncated'] === true) return [];
  return outputs
    .flatMap(({ name, type }) => {
      const problem = Object.hasOwn(given, name) ? typeProblem(type, given[name]) : undefined;
      return problem === undefined ? [] : [`output ${quoted(name, 64)}: ${problem}`];
    })
    .slice(0, maxProblems);
}
