/** Variables of the environment, read once; what makes no sense is a failure and not a default. */
import { parseDuration, millisOf } from '../contract/duration.ts';
import { quoted } from '../kernel/failure.ts';
import { fail, ok } from '../kernel/result.ts';
import type { InitResult } from './command.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Empty is absent: a reference to an optional key of a Secret leaves the variable out, a template may leave it empty. */
export function textOf(env: Environment, name: string): string | undefined {
  const value = env[name];
  return value === undefined || value === '' ? undefined : value;
}

/** Of a Secret: often made with `echo`, which ends the line. */
export function secretOf(env: Environment, name: string): string | undefined {
  const value = env[name]?.replace(/[\r\n]+$/, '');
  return value === '' ? undefined : value;
}

export function isOn(env: Environment, name: string): boolean {
  return env[name] === 'true' || env[name] === '1';
}

export interface Bounds {
  readonly fallback: number;
  readonly min: number;
  readonly max: number;
}

export function wholeNumberOf(env: Environment, name: string, { fallback, min, max }: Bounds): InitResult<number> {
  const text = textOf(env, name);
  if (text === undefined) return ok(fallback);
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return ok(value);
  return fail(`${name} is "${quoted(text, 40)}"; it must be a whole number from ${min} to ${max}`);
}

/** A Go duration ("5s", "1m30s") in milliseconds. */
export function durationOf(
  env: Environment,
  names: readonly string[],
  { fallback, min, max }: Bounds,
): InitResult<number> {
  const name = names.find((candidate) => textOf(env, candidate) !== undefined);
  if (name === undefined) return ok(fallback);
  const text = textOf(env, name) ?? '';
  const nanos = parseDuration(text);
  const millis = nanos === undefined ? Number.NaN : millisOf(nanos);
  if (millis >= min && millis <= max) return ok(millis);
  return fail(
    `${name} is "${quoted(text, 40)}"; it must be a duration such as 5s, from ${min / 1_000} s to ${max / 1_000} s`,
  );
}

/** A decimal number as JSON has it (420), or octal with a 0 before it as chmod has it (0644). */
export function modeOf(env: Environment, name: string, fallback: number): InitResult<number> {
  const text = textOf(env, name);
  if (text === undefined) return ok(fallback);
  const mode = /^(?:0[0-7]{0,3}|[1-9]\d{0,2})$/.test(text)
    ? Number.parseInt(text, text.startsWith('0') ? 8 : 10)
    : Number.NaN;
  if (mode >= 0 && mode <= 0o777) return ok(mode);
  return fail(`${name} is "${quoted(text, 40)}"; it must be a mode such as 420 or 0644`);
}
