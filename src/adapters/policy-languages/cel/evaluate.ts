/**
 * Policy code in CEL (https://cel.dev). It sees the JSON as `input` and each member of it whose name is an identifier by
 * that name, and says true or false, or gives the reasons for a refusal: text, or a list of texts; none is a pass.
 */
import { isCelError, isCelList, isCelMap, parse, plan, type CelInput, type CelValue } from '@bufbuild/cel';
import type { Evaluation } from '../../../policy/evaluation.ts';
import { evaluated, type Report, type Task } from '../messages.ts';
import { Budget, BudgetSpent } from './budget.ts';
import { countLoops } from './counted.ts';
import { countingEnvironment } from './environment.ts';
import { celFromJson } from './input.ts';

type Verdict = { readonly reasons: readonly string[] } | { readonly problem: string };

const maxText = 32_768;
const maxNesting = 48;
const maxParts = 10_000;
/** Of the input: each becomes an object of some hundred bytes. */
const maxMembers = 400_000;
/** Of the language: they cannot be names of variables. */
const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

export function evaluateCel({ name, policy, input }: Task): Report {
  const problem = tooMuch(policy) ?? tooMany(input);
  if (problem !== undefined) return { kind: 'limit', problem, isSpent: false };
  const budget = new Budget();
  try {
    const verdict = verdictOf(policy, input, budget);
    if (budget.isSpent) return spent;
    return evaluated(evaluationOf(name, verdict), process.memoryUsage().heapUsed);
  } catch (error) {
    if (error instanceof BudgetSpent) return spent;
    if (error instanceof RangeError) return { kind: 'limit', problem: 'it nests too deeply', isSpent: true };
    throw error;
  }
}

const spent: Report = { kind: 'limit', problem: 'it needs too many steps', isSpent: false };

function tooMuch(text: string): string | undefined {
  if (text.length > maxText) return `an expression in CEL has at most ${maxText} characters`;
  let [open, deepest] = [0, 0];
  for (const character of text) {
    if ('([{'.includes(character)) deepest = Math.max(deepest, (open += 1));
    else if (')]}'.includes(character)) open -= 1;
  }
  return deepest > maxNesting ? `an expression in CEL has at most ${maxNesting} brackets in one another` : undefined;
}

/** Counted before anything is read; what is inside of text counts as well. */
function tooMany(input: string): string | undefined {
  let members = 0;
  for (const separator of [',', '[', '{'])
    for (let at = input.indexOf(separator); at >= 0 && members <= maxMembers; at = input.indexOf(separator, at + 1))
      members += 1;
  return members > maxMembers ? `what CEL is asked about has at most ${maxMembers} members` : undefined;
}

function verdictOf(policy: string, input: string, budget: Budget): Verdict {
  const json = celFromJson(input);
  if (!json.ok) return { problem: `the input cannot be read: ${json.problem}` };
  const expression = parsed(policy);
  if ('problem' in expression) return expression;
  if (countLoops(expression.expr) > maxParts) return { problem: `an expression has at most ${maxParts} parts` };
  const result = plan(countingEnvironment(budget), expression.expr)(variables(json.value));
  return isCelError(result) ? { problem: result.message } : reasonsOf(result);
}

type Parsed = ReturnType<typeof parse>;

function parsed(policy: string): Parsed | { readonly problem: string } {
  try {
    return parse(policy);
  } catch (error) {
    if (error instanceof RangeError) throw error;
    return { problem: `it does not compile: ${error instanceof Error ? error.message : 'unknown error'}` };
  }
}

/** Without a prototype: `constructor` and the like are no variables. */
function variables(input: CelInput): Record<string, CelInput> {
  // What is made here has the members that are put into it, and nothing else.
  const found = Object.create(null) as Record<string, CelInput>;
  if (isCelMap(input)) {
    for (const [key, value] of input) {
      if (typeof key === 'string' && /^[a-zA-Z_]\w*$/.test(key) && !reserved.has(key)) found[key] = value;
    }
  }
  found['input'] = input;
  return found;
}

function reasonsOf(result: CelValue): Verdict {
  if (result === true) return { reasons: [] };
  if (result === false) return { problem: 'the expression is false' };
  if (typeof result === 'string') return { reasons: result === '' ? [] : [result] };
  const members = isCelList(result) ? [...result] : [null];
  const texts = members.filter((member) => typeof member === 'string');
  if (texts.length === members.length) return { reasons: texts };
  return { problem: 'the expression must give true or false, text, or a list of texts' };
}

function evaluationOf(name: string, verdict: Verdict): Evaluation {
  const reason = 'problem' in verdict ? verdict.problem : verdict.reasons.join('; ');
  if (reason === '' && 'reasons' in verdict && verdict.reasons.length === 0) return { result: 'pass', message: '' };
  return { result: 'fail', message: `failed evaluating cel policy for ${name}: ${reason}` };
}
