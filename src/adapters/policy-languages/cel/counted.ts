/**
 * An expression whose loops are counted. The library writes all(), exists(), exists_one(), map() and filter() as folds;
 * each of their steps is made to call the environment, which counts, and what they collect grows in place.
 */
import type { parse } from '@bufbuild/cel';
import { appendFunction, stepFunction } from './environment.ts';

type Expr = ReturnType<typeof parse>['expr'];
type Fold = Extract<Expr['exprKind'], { readonly case: 'comprehensionExpr' }>['value'];
type Call = Extract<Expr['exprKind'], { readonly case: 'callExpr' }>['value'];

/** Changes the expression; says how many parts it has. */
export function countLoops(expression: Expr): number {
  const parts = 1 + partsOf(expression).reduce((total, part) => total + countLoops(part), 0);
  if (expression.exprKind.case === 'comprehensionExpr') countFold(expression, expression.exprKind.value, parts);
  return parts;
}

function countFold(expression: Expr, fold: Fold, parts: number): void {
  const { loopCondition, loopStep } = fold;
  if (loopCondition === undefined || loopStep === undefined) return;
  const cost = Math.ceil(parts / 4);
  fold.loopCondition = call(expression, stepFunction, [loopCondition, constant(expression, BigInt(cost))]);
  const isCollecting = fold.accuInit?.exprKind.case === 'listExpr';
  if (isCollecting) for (const found of additionsTo(fold.accuVar, loopStep)) found.function = appendFunction;
}

/** `@result + [x]` itself, or as one of the two outcomes of a condition: how the library collects. */
function additionsTo(name: string, step: Expr): readonly Call[] {
  if (step.exprKind.case !== 'callExpr') return [];
  const { value } = step.exprKind;
  if (value.function === '_?_:_') return value.args.slice(1).flatMap((outcome) => additionsTo(name, outcome));
  const collected = value.args[0]?.exprKind;
  const isAddition = value.function === '_+_' && collected?.case === 'identExpr' && collected.value.name === name;
  return isAddition ? [value] : [];
}

function partsOf({ exprKind: { case: kind, value } }: Expr): readonly Expr[] {
  switch (kind) {
    case undefined:
    case 'constExpr':
    case 'identExpr':
      return [];
    case 'selectExpr':
      return defined([value.operand]);
    case 'callExpr':
      return defined([value.target, ...value.args]);
    case 'listExpr':
      return value.elements;
    case 'structExpr':
      return defined(value.entries.flatMap((entry) => [entry.value, keyOf(entry.keyKind)]));
    case 'comprehensionExpr':
      return defined([value.iterRange, value.accuInit, value.loopCondition, value.loopStep, value.result]);
  }
}

type Entry = Extract<Expr['exprKind'], { readonly case: 'structExpr' }>['value']['entries'][number];

function keyOf(key: Entry['keyKind']): Expr | undefined {
  return key.case === 'mapKey' ? key.value : undefined;
}

function defined(parts: readonly (Expr | undefined)[]): readonly Expr[] {
  return parts.filter((part) => part !== undefined);
}

function call({ id }: Expr, name: string, args: Expr[]): Expr {
  const value = { $typeName: 'cel.expr.Expr.Call' as const, function: name, args };
  return { $typeName: 'cel.expr.Expr', id, exprKind: { case: 'callExpr', value } };
}

function constant({ id }: Expr, int: bigint): Expr {
  const constantKind = { case: 'int64Value' as const, value: int };
  const value = { $typeName: 'cel.expr.Constant' as const, constantKind };
  return { $typeName: 'cel.expr.Expr', id, exprKind: { case: 'constExpr', value } };
}
