/** What became of a manifest, field by field: for people. */
import { fieldOf, type Path } from '../admission/find-images.ts';
import { quoted } from '../kernel/failure.ts';
import { difference } from '../kernel/json-patch.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { coloured, type Terminal } from './terminal.ts';

export interface Change {
  readonly field: string;
  /** Absent: it was not there. */
  readonly before?: unknown;
  /** Absent: it is taken out. */
  readonly after?: unknown;
}

export function changesOf(before: unknown, after: unknown, path: Path = []): readonly Change[] {
  if (difference(before, after).length === 0) return [];
  const inner = membersOf(before, after);
  if (inner !== undefined) return inner.flatMap(([step, old, value]) => changesOf(old, value, [...path, step]));
  return [
    { field: fieldOf(path), ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) },
  ];
}

type Member = readonly [step: string | number, before: unknown, after: unknown];

/** Of two objects, or two lists, or one that was not there; undefined for all that is shown in one piece. */
function membersOf(before: unknown, after: unknown): readonly Member[] | undefined {
  const [old, value] = [asRecord(before ?? {}), asRecord(after)];
  if (old !== undefined && value !== undefined) {
    const names = [...new Set([...Object.keys(old), ...Object.keys(value)])];
    return names.length === 0 ? undefined : names.map((name) => [name, old[name], value[name]]);
  }
  if (!Array.isArray(before) || !Array.isArray(after)) return undefined;
  const [items, others]: readonly (readonly unknown[])[] = [before, after];
  const length = Math.max(before.length, after.length);
  return Array.from({ length }, (_, index) => [index, items?.[index], others?.[index]]);
}

/** One line each: `+` for what was set, `-` for what was taken out, `~` for what was replaced. */
export function describeChange({ field, before, after }: Change, terminal: Terminal): string {
  if (before === undefined) return `  ${coloured(terminal, 'green', '+')} ${field}: ${shown(after)}`;
  if (after === undefined) return `  ${coloured(terminal, 'red', '-')} ${field}: ${shown(before)}`;
  return `  ${coloured(terminal, 'yellow', '~')} ${field}: ${shown(before)} → ${shown(after)}`;
}

function shown(value: unknown): string {
  return quoted(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''), 1_000);
}
