/** Kubernetes quantities ("500m", "128Mi", "1e3"), exact. apimachinery pkg/api/resource/quantity.go */
export interface Quantity {
  /** As written. */
  readonly text: string;
  /** Billionths, rounded up as Kubernetes does with what is finer. */
  readonly nanos: bigint;
}

const pattern = /^([+-]?)(\d{1,40})?(?:\.(\d{0,40}))?(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,3}))?$/;

const decimal: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const binary: Readonly<Record<string, bigint>> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n };
/** What Kubernetes makes of larger binary quantities. */
const largestBinary = (2n ** 63n - 1n) * 10n ** 9n;
/** A thousand exa. Kubernetes has no limit here; nobody means more. */
const largest = 10n ** 30n;

/**
 * Undefined for what is no quantity, and for what is too large to be meant. A text without a digit is none either, though
 * Kubernetes takes "m" or "." for zero.
 */
export function parseQuantity(text: string): Quantity | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = '', suffix = '', exponent = '0'] = match;
  if (whole === '' && fraction === '') return undefined;
  const power = Number(exponent) + (decimal[suffix] ?? 0) - fraction.length + 9;
  const digits = BigInt(whole + fraction) * (1n << (binary[suffix] ?? 0n));
  const nanos = power >= 0 ? digits * 10n ** BigInt(Math.min(power, 60)) : roundedUp(digits, 10n ** BigInt(-power));
  if (nanos > largest && !(suffix in binary)) return undefined;
  const capped = suffix in binary && nanos > largestBinary ? largestBinary : nanos;
  return { text, nanos: sign === '-' ? -capped : capped };
}

function roundedUp(value: bigint, divisor: bigint): bigint {
  return (value + divisor - 1n) / divisor;
}

/** Negative when a is less than b. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  return a.nanos < b.nanos ? -1 : Number(a.nanos > b.nanos);
}
