/** What was measured, as a table for people and JSON for programs. */
export interface Row {
  readonly what: string;
  readonly ours: string;
  readonly beside: string;
  /** Absent: only told. */
  readonly target?: Target;
}

export interface Target {
  readonly demanded: string;
  readonly reached: string;
  /** `unknown`: the machine was too busy to tell. */
  readonly isMet: boolean | 'unknown';
}

export interface Section {
  readonly name: string;
  readonly rows: readonly Row[];
  /** Everything measured, for the JSON file. */
  readonly figures: object;
}

export function missed(sections: readonly Section[]): readonly Row[] {
  return sections.flatMap(({ rows }) => rows).filter(({ target }) => target?.isMet === false);
}

export function table(sections: readonly Section[]): string {
  const header = ['', 'Countersign', 'beside it', 'reached', 'target', ''];
  const lines = sections.flatMap(({ rows }) => rows).map(cells);
  const all = [header, ...lines];
  const widths = header.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0)));
  return all.map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')).join('\n');
}

function cells({ what, ours, beside, target }: Row): readonly string[] {
  return [what, ours, beside, target?.reached ?? '', target?.demanded ?? '', target === undefined ? '' : mark(target)];
}

function mark({ isMet }: Target): string {
  if (isMet === 'unknown') return 'MACHINE TOO BUSY TO TELL';
  return isMet ? 'ok' : 'MISSED';
}

export function atLeast(ratio: number, share: number): Target {
  return { demanded: `>= ${percent(share)}`, reached: percent(ratio), isMet: ratio >= share };
}

export function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(0)} %`;
}

export function perSecond(value: number): string {
  return `${Math.round(value).toLocaleString('en')}/s`;
}

export function milliseconds(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 1)} ms`;
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
}
