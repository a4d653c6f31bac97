import { stripVTControlCharacters } from 'node:util';
import { stringify } from 'yaml';

/** What a command may do to the outside; tests hand in a small object. */
export interface Terminal {
  out(text: string): void;
  /** Progress and complaints. */
  err(text: string): void;
  /** Colour only on a terminal, and never with NO_COLOR. */
  readonly colour: boolean;
}

export type OutputFormat = 'text' | 'json' | 'yaml';

/** One value in the format that was asked for; `text` is made only when it is. */
export function print(terminal: Terminal, format: OutputFormat, value: unknown, text: () => string): void {
  switch (format) {
    case 'json':
      terminal.out(`${JSON.stringify(value, null, 2)}\n`);
      return;
    case 'yaml':
      terminal.out(stringify(value, { aliasDuplicateObjects: false }));
      return;
    case 'text':
      terminal.out(text());
      return;
  }
}

const paint = { red: 31, green: 32, yellow: 33, dim: 2 } as const;

export function coloured(terminal: Terminal, colour: keyof typeof paint, text: string): string {
  return terminal.colour ? `\u001b[${paint[colour]}m${text}\u001b[0m` : text;
}

/** Rows in columns as wide as their widest cell; colour codes do not count. */
export function table(rows: readonly (readonly string[])[]): string {
  const width = (cell: string): number => stripVTControlCharacters(cell).length;
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => width(row[column] ?? ''))));
  const line = (row: readonly string[]): string => {
    return row
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell)))
      .join('  ')
      .trimEnd();
  };
  return `${rows.map(line).join('\n')}\n`;
}
