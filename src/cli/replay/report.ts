/** What `replay` prints, as it comes: a log of a million requests is not kept to its end. */
import { quoted } from '../../kernel/failure.ts';
import { describeChange } from '../changes.ts';
import { coloured, type Terminal } from '../terminal.ts';
import type { Replayed, ReplayResult } from './compare.ts';

export interface ReplaySummary extends Record<ReplayResult, number> {
  requests: number;
  /** Lines and files that are none. */
  broken: number;
  /** Whatever somebody did not hand out. */
  unreachable: number;
}

export interface ReplayReport {
  told(replayed: Replayed): void;
  end(summary: ReplaySummary): void;
}

export function replayReport(terminal: Terminal, format: 'text' | 'json'): ReplayReport {
  return format === 'json' ? asJson(terminal) : asText(terminal);
}

/** One object, written piece by piece. */
function asJson(terminal: Terminal): ReplayReport {
  let before = '{"requests":[\n';
  return {
    told: (replayed) => {
      terminal.out(`${before}${JSON.stringify(replayed)}`);
      before = ',\n';
    },
    end: (summary) => {
      terminal.out(`${before === ',\n' ? '' : before}\n],"summary":${JSON.stringify(summary)}}\n`);
    },
  };
}

const colours = {
  'newly-refused': 'red',
  'newly-admitted': 'green',
  changed: 'yellow',
  undecided: 'yellow',
  same: 'dim',
} as const;

function asText(terminal: Terminal): ReplayReport {
  return {
    told: (replayed) => terminal.out(describe(replayed, terminal)),
    end: (summary) => {
      const counts = Object.entries(summary).filter(([kind, count]) => count > 0 && kind !== 'requests');
      const told = counts.map(([kind, count]) => `${count} ${kind}`).join(', ');
      terminal.out(`${summary.requests} requests${told === '' ? '' : `: ${told}`}\n`);
    },
  };
}

function describe(replayed: Replayed, terminal: Terminal): string {
  const { where, kind, namespace, name, result, reasons, warnings, changes } = replayed;
  const title = quoted(`${kind} ${namespace}/${name}`, 512);
  const lines = [
    `${coloured(terminal, colours[result], result)}  ${title}${where === title ? '' : ` (${quoted(where, 512)})`}`,
  ];
  for (const { code, message, field, image } of reasons) {
    const about = [field, image].filter((part) => part !== undefined).join(' ');
    lines.push(`  ${code}${about === '' ? '' : ` ${about}`}: ${message.replaceAll('\n', '\n    ')}`);
  }
  lines.push(...changes.map((change) => describeChange(change, terminal)));
  lines.push(...warnings.map((text) => `  ${coloured(terminal, 'yellow', 'warning')} ${text}`));
  return `${lines.join('\n')}\n`;
}
