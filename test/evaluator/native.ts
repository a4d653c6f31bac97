/** cosign's own evaluation of policy code, compiled natively, as a process that answers line by line. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ensureNativeEvaluator, hasGo, hasNativeEvaluator } from '../cluster/builds.ts';
import type { Case } from './cases.ts';

export interface NativeAnswer {
  readonly result: 'pass' | 'warn' | 'fail' | 'panic';
  readonly message: string;
  /** Of one evaluation. */
  readonly microseconds: number;
}

/** Undefined, after one loud line, where it is neither built nor can be; with CI set that is an error. */
export async function findNativeEvaluator(): Promise<string | undefined> {
  if (hasNativeEvaluator() || hasGo()) return join(await ensureNativeEvaluator(), 'evaluate');
  const message = "cosign's engines for CUE and Rego are not built, and there is no Go to build them with";
  if (process.env['CI'] !== undefined) throw new Error(`the comparison must run when CI is set: ${message}`);
  process.stderr.write(`SKIPPING THE COMPARISON OF POLICY CODE WITH COSIGN: ${message}\n`);
  return undefined;
}

/** The answers, in order. */
export async function evaluateNatively(
  program: string,
  cases: readonly Case[],
  times = 1,
): Promise<readonly NativeAnswer[]> {
  const child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'], env: {} });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  child.stdin.end(cases.map((asked) => `${JSON.stringify({ ...asked, times })}\n`).join(''));
  const answers: NativeAnswer[] = [];
  // native/main.go writes exactly these.
  for await (const line of createInterface(child.stdout)) answers.push(JSON.parse(line) as NativeAnswer);
  const status = await ended;
  if (status !== 0) throw new Error(`${program} ended with status ${status}`);
  return answers;
}
