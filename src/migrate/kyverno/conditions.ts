/**
 * `conditions` over predicates as CEL, as far as the two certainly mean the same or CEL is stricter. Kyverno compares texts
 * that look like numbers, durations or quantities by their worth: where that could turn a refusal, nothing is translated.
 */
import { asRecord } from '../../kernel/strict-json.ts';
import { wildcardExpression } from '../globs.ts';
import { listAt, memberOf, textAt } from '../read-json.ts';

export type Translation = { readonly ok: true; readonly cel: string } | { readonly ok: false; readonly why: string };

const no = (why: string): Translation => ({ ok: false, why });

/** A list of any/all blocks, all of which must hold. */
export function conditionsAsCel(conditions: unknown): Translation {
  if (!Array.isArray(conditions)) return no('conditions is no list');
  return joined(conditions.map(blockAsCel), '&&');
}

function blockAsCel(block: unknown): Translation {
  const record = asRecord(block);
  if (record === undefined) return no('a condition is no object');
  if (Object.hasOwn(record, 'key')) return conditionAsCel(record);
  if (Object.keys(record).some((member) => member !== 'any' && member !== 'all'))
    return no('a condition is not understood');
  const parts = (['any', 'all'] as const).flatMap((member): Translation[] => {
    if (!Object.hasOwn(record, member)) return [];
    const list = listAt(record, member) ?? [];
    return [
      list.length === 0 ? no(`${member} is empty`) : joined(list.map(conditionAsCel), member === 'any' ? '||' : '&&'),
    ];
  });
  return joined(parts, '&&');
}

function joined(parts: readonly Translation[], by: '&&' | '||'): Translation {
  const texts: string[] = [];
  for (const part of parts) {
    if (!part.ok) return part;
    texts.push(`(${part.cel})`);
  }
  return texts.length === 0 ? no('there is nothing in it') : { ok: true, cel: texts.join(` ${by} `) };
}

const path = /^\{\{\s*([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\s*\}\}$/;

function conditionAsCel(condition: unknown): Translation {
  const key = textAt(condition, 'key');
  const [, field] = path.exec(key ?? '') ?? [];
  if (field === undefined) return no(`the key ${JSON.stringify(key ?? null)} is no plain path`);
  const steps = field.split('.').map((step) => `[${JSON.stringify(step)}]`);
  const operator = (textAt(condition, 'operator') ?? '').toLowerCase();
  const translate = operators.get(operator);
  if (translate === undefined) return no(`the operator ${JSON.stringify(operator)}`);
  return translate(`predicate${steps.join('')}`, memberOf(condition, 'value'));
}

const operators: ReadonlyMap<string, (subject: string, value: unknown) => Translation> = new Map([
  ['equals', equalsAsCel],
  ['equal', equalsAsCel],
  ['notequals', notEqualsAsCel],
  ['notequal', notEqualsAsCel],
  ['in', inAsCel],
  ['anyin', inAsCel],
]);

function notEqualsAsCel(subject: string, value: unknown): Translation {
  if (!isPlainWord(value)) return no('NotEquals of such a value');
  return { ok: true, cel: `${subject} != ${JSON.stringify(value)}` };
}

function equalsAsCel(subject: string, value: unknown): Translation {
  if (typeof value === 'boolean') return { ok: true, cel: `${subject} == ${String(value)}` };
  if (typeof value === 'number' && Number.isSafeInteger(value)) return { ok: true, cel: `${subject} == ${value}` };
  if (typeof value !== 'string' || isVariable(value)) return no('a value that is no plain text, number or boolean');
  if (/[*?]/.test(value)) return { ok: true, cel: `${subject}.matches(${JSON.stringify(wildcardExpression(value))})` };
  return { ok: true, cel: `${subject} == ${JSON.stringify(value)}` };
}

/** A key that is a list itself is an error in CEL, and so refused. */
function inAsCel(subject: string, value: unknown): Translation {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const isPlain =
    list.length > 0 && list.every((item) => typeof item === 'string' && !/[*?]/.test(item) && !isVariable(item));
  return isPlain
    ? { ok: true, cel: `${subject} in ${JSON.stringify(list)}` }
    : no('a list with other than plain texts');
}

/** Cannot be worth the same as another text. */
function isPlainWord(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z][A-Za-z_:/. -]*$/.test(value) && !/^(?:inf|infinity|nan)$/i.test(value);
}

function isVariable(text: string): boolean {
  return text.includes('{{') || text.includes('$(');
}
