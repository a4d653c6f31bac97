/**
 * The functions of CEL, each of which is paid for. Three are our own: regular expressions by RE2 within the limits of the
 * kernel, size() of text without a copy of it, and the steps of loops (`counted.ts` puts them into an expression).
 */
import {
  celEnv,
  celFunc,
  celList,
  celMethod,
  isCelList,
  CelScalar,
  listType,
  type CelEnv,
  type CelInput,
  type CelList,
  type CelValue,
} from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import { compilePattern, type Pattern } from '../../../kernel/pattern.ts';
import type { Budget } from './budget.ts';

/** Names that no expression can write. */
export const stepFunction = '@step';
export const appendFunction = '@append';

const { BOOL, DYN, INT, STRING } = CelScalar;
const list = listType(DYN);
/** They read their arguments to the last member. */
const wholeReaders = new Set(['_==_', '_!=_', '@in', 'join', 'format']);

interface Callable {
  call(id: number, target: CelValue | undefined, args: readonly CelValue[]): unknown;
}

export function countingEnvironment(budget: Budget): CelEnv {
  const size = (text: string): bigint => {
    let characters = 0n;
    for (const _ of text) characters += 1n;
    return characters;
  };
  const env = celEnv({
    funcs: [
      ...strings,
      celFunc('size', [STRING], INT, size),
      celMethod('size', STRING, [], INT, function () {
        return size(this);
      }),
      celMethod('matches', STRING, [STRING], BOOL, matcher(budget)),
      celFunc('matches', [STRING, STRING], BOOL, (text, pattern) => matcher(budget).call(text, pattern)),
      celFunc(stepFunction, [BOOL, INT], BOOL, (goesOn) => goesOn),
      celFunc(appendFunction, [list, list], list, appender()),
    ],
  });
  // The planner takes functions from here by name, once for each expression.
  const funcs = {
    find(name: string): Callable | undefined {
      const found = env.funcs.find(name) as Callable | undefined;
      return found === undefined ? undefined : paid(name, found, budget);
    },
  };
  return Object.create(env, { funcs: { value: funcs } }) as CelEnv;
}

function paid(name: string, callable: Callable, budget: Budget): Callable {
  return {
    call(id, target, args) {
      budget.charge(1 + extra(name, target, args));
      for (const arg of target === undefined ? args : [target, ...args]) {
        if (wholeReaders.has(name)) budget.chargeWhole(arg);
        else budget.chargeSurface(arg);
      }
      const result = callable.call(id, target, args);
      budget.chargeSurface(result);
      // A list that is longer than what it was made of, as often as its parts are joined with themselves.
      if (name === '_+_' && isCelList(result)) budget.charge(result.size);
      return result;
    },
  };
}

/** What has to be paid before, since the call itself would make too much. */
function extra(name: string, target: CelValue | undefined, args: readonly CelValue[]): number {
  // A step of a loop costs what its expression holds: counted.ts gives the number.
  if (name === stepFunction) return Number(args[1] ?? 0);
  if (name === 'split') return lengthOf(target);
  if (name === 'replace') return (lengthOf(target) / 64) * (1 + lengthOf(args[1]));
  if (name === 'join' && isCelList(target)) return (target.size / 64) * lengthOf(args[0]);
  return 0;
}

function lengthOf(value: CelValue | undefined): number {
  return typeof value === 'string' ? value.length : 0;
}

function matcher(budget: Budget): (this: string, pattern: string) => boolean {
  const compiled = new Map<string, Pattern>();
  return function (source) {
    const pattern = compiled.get(source) ?? compile(source, budget);
    compiled.set(source, pattern);
    // RE2 is linear in the text times the size of the program.
    budget.chargeText(this.length * Math.max(1, pattern.size / 8));
    return pattern.matches(this);
  };
}

function compile(source: string, budget: Budget): Pattern {
  budget.chargeText(source.length * 64);
  const compiled = compilePattern(source);
  if (!compiled.ok) throw new Error(compiled.problem);
  budget.charge(compiled.value.size);
  return compiled.value;
}

/** What map() and filter() collect: the list of a loop that runs is in nobody else's hands, so it may grow in place. */
function appender(): (collected: CelList, members: CelList) => CelList {
  const growing = new WeakMap<CelList, CelInput[]>();
  return (collected, members) => {
    const known = growing.get(collected);
    const items = known ?? [...collected];
    items.push(...members);
    if (known !== undefined) return collected;
    const made = celList(items);
    growing.set(made, items);
    return made;
  };
}
