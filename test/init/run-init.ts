/** Runs a command as a container does: a process of its own with the environment that is given, and nothing else. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export interface Ended {
  readonly code: unknown;
  readonly out: string;
}

const main = fileURLToPath(new URL('../../src/init/main.ts', import.meta.url));

export type Environment = Readonly<Record<string, string>>;

export function startInit(
  name: string,
  env: Environment,
): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const child = spawn(process.execPath, [main, name], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = Promise.all([once(child, 'close'), text(child.stdout)]).then(([[code], out]) => ({ code, out }));
  return { child, ended };
}

export async function runInit(name: string, env: Environment): Promise<Ended> {
  return startInit(name, env).ended;
}
