/** One command line in this process, and what it said. */
import { runProgram } from '../../src/cli/program.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function run(...args: readonly string[]): Promise<Ran> {
  let out = '';
  let err = '';
  const terminal = {
    out: (text: string): void => void (out += text),
    err: (text: string): void => void (err += text),
    colour: false,
  };
  const code = await runProgram(args, terminal);
  return { code, out, err };
}

/** What `--output json` printed. */
export function json({ out }: Ran): unknown {
  return JSON.parse(out);
}
