/** Go durations ("300ms", "-1.5h", "2h45m") as whole nanoseconds. time.ParseDuration, with its rounding of fractions */

const units: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n, // U+00B5
  μs: 1_000n, // U+03BC
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

const part = /(\d*)(?:\.(\d*))?([^\d.]+)/y;
/** Longer than any duration that fits in 64 bits and was written by a person. */
const maxCharacters = 128;
const bound = 1n << 63n;

/** Undefined for what is no duration, and for what does not fit in 64 bits. */
export function parseDuration(text: string): bigint | undefined {
  if (text.length > maxCharacters) return undefined;
  const isNegative = text.startsWith('-');
  const unsigned = text.replace(/^[+-]/, '');
  if (unsigned === '0') return 0n;
  const total = unsigned === '' ? undefined : sumOfParts(unsigned);
  if (total === undefined || total > bound) return undefined;
  if (isNegative) return -total;
  return total === bound ? undefined : total;
}

function sumOfParts(text: string): bigint | undefined {
  let total = 0n;
  let at = 0;
  while (at < text.length) {
    part.lastIndex = at;
    const match = part.exec(text);
    const nanos = match === null ? undefined : nanosOf(match);
    if (nanos === undefined) return undefined;
    total += nanos;
    at = part.lastIndex;
  }
  return total;
}

function nanosOf([, whole = '', fraction = '', name = '']: RegExpExecArray): bigint | undefined {
  const unit = Object.hasOwn(units, name) ? units[name] : undefined;
  if (unit === undefined || (whole === '' && fraction === '')) return undefined;
  // Go stops to count digits of the fraction where 64 bits end, and multiplies as floating point.
  const { digits, scale } = leadingFraction(fraction);
  return BigInt(whole) * unit + BigInt(Math.trunc(Number(digits) * (Number(unit) / scale)));
}

function leadingFraction(text: string): { readonly digits: bigint; readonly scale: number } {
  let digits = 0n;
  let scale = 1;
  for (const digit of text) {
    const next = digits * 10n + BigInt(digit);
    if (digits > (bound - 1n) / 10n || next > bound) break;
    digits = next;
    scale *= 10;
  }
  return { digits, scale };
}

const nanosPerMilli = 1_000_000;

/** Exact below a hundred days, and to a microsecond beyond. */
export function millisOf(nanos: bigint): number {
  return Number(nanos) / nanosPerMilli;
}

/** Text that is parsed to the same number of milliseconds. */
export function durationText(millis: number): string {
  return Number.isInteger(millis) ? `${millis}ms` : `${Math.round(millis * nanosPerMilli)}ns`;
}
