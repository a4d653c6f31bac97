/** One thing that has to be in order before requests may come; `problem` is a sentence, or undefined when it is. */
export interface ReadinessCheck {
  readonly name: string;
  problem(): string | undefined;
  /** What is wrong without keeping requests away. */
  warnings?(): readonly string[];
}

export interface Readiness {
  readonly ready: boolean;
  readonly problems: readonly { readonly check: string; readonly problem: string }[];
  readonly warnings: readonly string[];
}

export function assess(checks: readonly ReadinessCheck[]): Readiness {
  const problems = checks.flatMap((check) => {
    const problem = check.problem();
    return problem === undefined ? [] : [{ check: check.name, problem }];
  });
  const warnings = checks.flatMap((check) => check.warnings?.() ?? []);
  return { ready: problems.length === 0, problems, warnings };
}
