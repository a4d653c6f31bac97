/** The formats of commands that check policies: those of every command, and two of CI systems. */
import type { Option } from 'commander';
import { flag } from '../flags.ts';
import { print, type OutputFormat, type Terminal } from '../terminal.ts';
import { githubAnnotations } from './github.ts';
import { junit } from './junit.ts';
import type { CheckedThing } from './outcome.ts';

export type CheckFormat = OutputFormat | 'junit' | 'github';

export function checkOutputFlag(): Option {
  return flag('-o, --output <format>', 'text, json, yaml, junit or github', 'text').choices([
    'text',
    'json',
    'yaml',
    'junit',
    'github',
  ]);
}

export interface Checked {
  /** Of the JUnit report. */
  readonly name: string;
  readonly things: readonly CheckedThing[];
  /** What JSON and YAML have. */
  readonly value: unknown;
  readonly text: () => string;
}

export function printChecked(terminal: Terminal, format: CheckFormat, checked: Checked): void {
  switch (format) {
    case 'junit':
      terminal.out(junit(checked.name, checked.things));
      return;
    case 'github':
      terminal.out(githubAnnotations(checked.things));
      return;
    case 'text':
    case 'json':
    case 'yaml':
      print(terminal, format, checked.value, checked.text);
      return;
  }
}
