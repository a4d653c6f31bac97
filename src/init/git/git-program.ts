/** Runs git, without a shell, in a group of processes of its own that ends with it or with the deadline. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { quoted } from '../../kernel/failure.ts';

export interface Ended {
  /** Undefined: it was ended by a signal. */
  readonly code: number | undefined;
  /** Without the newline at its end. */
  readonly output: string;
}

export type Git = (...args: readonly string[]) => Promise<Ended>;

export interface GitProgram {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly signal: AbortSignal;
  /** What git complains about, and what the server has to say. */
  readonly say: (line: string) => void;
}

const maxLines = 200;

export function gitProgram({ env, cwd, signal, say }: GitProgram): Git {
  return async (...args) => {
    signal.throwIfAborted();
    const child = spawn('git', args, { env, cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const onAbort = (): void => killGroup(child);
    signal.addEventListener('abort', onAbort);
    try {
      const ended = endOf(child);
      const [code, output] = await Promise.all([ended, text(child.stdout), retell(child, say)]);
      signal.throwIfAborted();
      return { code, output: output.replace(/\n$/, '') };
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  };
}

function endOf(child: ChildProcess): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? undefined));
  });
}

/** A server may have much to say, and not all of it is text. */
async function retell(
  child: ReturnType<typeof spawn> & { readonly stderr: NodeJS.ReadableStream },
  say: (line: string) => void,
): Promise<void> {
  let lines = 0;
  for await (const line of createInterface({ input: child.stderr })) {
    lines += 1;
    if (lines <= maxLines && line.trim() !== '') say(`  git: ${quoted(line, 400)}`);
  }
}

/** git has helpers of its own: transports, ssh, those of submodules. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
