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
  const nanos = nanosOf(match);
  if (nanos === undefined) return undefined;
  return { text, nanos: text.startsWith('-') ? -nanos : nanos };
}

function nanosOf([, , whole = '', fraction = '', suffix = '', exponent = '0']: RegExpExecArray): bigint | undefined {
  if (whole === '' && fraction === '') return undefined;
  const factor = binary[suffix];
  const digits = BigInt(whole + fraction) * 2n ** (factor ?? 0n);
  const nanos = scaled(digits, Number(exponent) + (decimal[suffix] ?? 0) - fraction.length + 9);
  if (factor !== undefined) return nanos > largestBinary ? largestBinary : nanos;
  return nanos > largest ? undefined : nanos;
}

function scaled(digits: bigint, power: number): bigint {
  return power >= 0 ? digits * 10n ** BigInt(power) : roundedUp(digits, 10n ** BigInt(-power));
}

function roundedUp(value: bigint, divisor: bigint): bigint {
  return (value + divisor - 1n) / divisor;
}

/** Negative when a is less than b. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  return a.nanos < b.nanos ? -1 : Number(a.nanos > b.nanos);
}
