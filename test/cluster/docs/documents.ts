/** What a document tells its reader to do: the fenced blocks in their order, and the remarks for the test before them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Step =
  | { readonly kind: 'file'; readonly where: string; readonly path: string; readonly text: string }
  | {
      readonly kind: 'command';
      readonly where: string;
      readonly text: string;
      readonly exitCode: number;
      /** Lines of the block of output that follows it. */
      readonly output: readonly string[];
    }
  | { readonly kind: 'left-out'; readonly where: string; readonly reason: string };

const block = /(?:^<!-- (?<remark>[^\n]+) -->\n\n?)?^(?<indent> *)```(?<language>\w*)\n(?<text>.*?)^ *```$/gms;

export function stepsOf(name: string): readonly Step[] {
  const document = readFileSync(join(import.meta.dirname, '../../../docs', name), 'utf8');
  const steps: Step[] = [];
  for (const { index, groups = {} } of document.matchAll(block)) {
    const { remark = '', indent = '', language = '', text = '' } = groups;
    const where = `docs/${name}:${document.slice(0, index).split('\n').length}`;
    const plain = text.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
    if (language === 'sh') steps.push(commandOf(where, plain, remark));
    else if (language === 'text') addOutput(steps, where, plain);
    else if (remark.startsWith('file: ')) {
      steps.push({ kind: 'file', where, path: remark.slice('file: '.length), text: plain });
    }
  }
  return steps;
}

const leftOut = 'not run in the test';

function commandOf(where: string, text: string, remark: string): Step {
  if (remark.startsWith(leftOut)) {
    const reason = remark.slice(leftOut.length).replace(/^:? */, '');
    if (reason === '') throw new Error(`${where}: say why it is ${leftOut}`);
    return { kind: 'left-out', where, reason };
  }
  const [, code = '0'] = /^ends with (\d+)$/.exec(remark) ?? [];
  return { kind: 'command', where, text, exitCode: Number(code), output: [] };
}

function addOutput(steps: Step[], where: string, text: string): void {
  const last = steps.pop();
  if (last === undefined) throw new Error(`${where}: there is no command before this output`);
  const output = text.split('\n').filter((line) => line.trim() !== '');
  steps.push(last.kind === 'command' ? { ...last, output } : last);
}

/** Whether a line of `output` has everything that stands in `expected` between its `…`, in order. */
export function hasLine(output: string, expected: string): boolean {
  const parts = expected.split('…').map((part) => escaped(part.trim()).replaceAll(/ +/g, '\\s+'));
  return new RegExp(parts.join('.*')).test(output);
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}
