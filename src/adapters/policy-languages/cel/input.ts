/** JSON text as values of CEL. */
import { celList, celMap, celUint, type CelInput, type CelList, type CelMap } from '@bufbuild/cel';
import { parseStrictJson } from '../../../kernel/strict-json.ts';

export type CelJson =
  { readonly ok: true; readonly value: CelInput } | { readonly ok: false; readonly problem: string };

const maxDepth = 256;
const [minInt, maxInt, maxUint] = [-(2n ** 63n), 2n ** 63n - 1n, 2n ** 64n - 1n];

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;
// ES2026: the third argument tells how a number is written. The types know two.
const parse = JSON.parse as (text: string, reviver: Reviver) => unknown;

class NumberTooLarge extends Error {
  override readonly name = 'NumberTooLarge';
}

/** Whole numbers become int (or uint), never a double that has lost digits; keys that occur twice are refused. */
export function celFromJson(text: string): CelJson {
  const strict = parseStrictJson(text, maxDepth);
  if (!strict.ok) return strict;
  try {
    return { ok: true, value: parse(text, revived) as CelInput };
  } catch (error) {
    if (!(error instanceof NumberTooLarge)) throw error;
    return { ok: false, problem: `the number ${error.message} does not fit into 64 bits` };
  }
}

function revived(_key: string, value: unknown, { source }: { readonly source?: string }): unknown {
  if (typeof value === 'number') return numberOf(value, source ?? '');
  if (Array.isArray(value)) return listOf(value);
  if (isPlain(value)) return mapOf(value);
  return value;
}

/** JSON.parse calls for members first: they are values of CEL already. */
function listOf(members: readonly unknown[]): CelList {
  return celList(members as readonly CelInput[]);
}

function mapOf(object: object): CelMap {
  return celMap(new Map(Object.entries(object) as readonly (readonly [string, CelInput])[]));
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function numberOf(value: number, source: string): CelInput {
  if (!/^-?\d+$/.test(source)) return value;
  if (source.length > 20) throw new NumberTooLarge(source.slice(0, 40));
  const whole = BigInt(source);
  if (whole >= minInt && whole <= maxInt) return whole;
  if (whole > 0n && whole <= maxUint) return celUint(whole);
  throw new NumberTooLarge(source.slice(0, 40));
}
