/** What scripts and CI rely on; the design's product.md gives them to every command alike. */
export const exitCodes = {
  /** All admitted, verified, intact. */
  ok: 0,
  refused: 1,
  /** Wrong flags, files or configuration. */
  usage: 2,
  /** It could not be decided: a registry was down, a deadline passed. */
  undecided: 3,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
