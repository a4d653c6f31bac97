/** How much of the past is kept; records beyond either limit go, the oldest first. Absent: everything. */
export interface Keep {
  readonly records?: number;
  readonly days?: number;
}

/** Records that one transaction removes at most: nobody waits long for it. */
export const removalStep = 5_000;

const dayMs = 24 * 60 * 60 * 1_000;

/** What is older goes, in milliseconds since 1970; `beyond` is the time of the newest record that there are too many of. */
export function cutoff(now: Date, keep: Keep, beyond: number | undefined): number | undefined {
  const limits = [
    ...(keep.days === undefined ? [] : [now.getTime() - keep.days * dayMs]),
    ...(beyond === undefined ? [] : [beyond + 1]),
  ];
  return limits.length === 0 ? undefined : Math.max(...limits);
}
