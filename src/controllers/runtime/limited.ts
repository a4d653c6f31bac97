/** A signal that ends with this one, and after so many milliseconds in any case. */
export function limited(signal: AbortSignal, ms: number): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(ms)]);
}
