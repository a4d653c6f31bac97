/** Rendered objects, read without believing what they look like. */
import { asRecord } from '../../src/kernel/strict-json.ts';

export type Members = Readonly<Record<string, unknown>>;

/** The value at a path; undefined where the path ends. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((found, step) => {
    return typeof step === 'number' ? listAt(found)[step] : asRecord(found)?.[step];
  }, value);
}

/** The list at a path; empty when there is none. */
export function listAt(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const found = path.length === 0 ? value : at(value, ...path);
  return Array.isArray(found) ? found : [];
}

export function membersAt(value: unknown, ...path: readonly (string | number)[]): Members {
  return asRecord(at(value, ...path)) ?? {};
}
