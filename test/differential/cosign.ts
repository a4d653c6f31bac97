/** The real cosign, offline, in a home of its own. */
import { spawn } from 'node:child_process';
import { findToolPrograms } from '../cluster/programs.ts';

export interface CosignRun {
  readonly code: number | null;
  readonly stderr: string;
}

export type Cosign = (args: readonly string[]) => Promise<CosignRun>;

const deadlineMs = 30_000;

/** Undefined, after one loud line, where there is no cosign; with CI set that is an error. */
export async function findCosign(): Promise<((home: string) => Cosign) | undefined> {
  const path = (await findToolPrograms())?.cosign;
  if (path !== undefined) return (home) => (args) => run(path, args, home);
  const message = 'cosign is neither installed nor can it be built through Go';
  if (process.env['CI'] !== undefined)
    throw new Error(`suites with the real cosign must run when CI is set: ${message}`);
  process.stderr.write(`SKIPPING ALL SUITES WITH THE REAL COSIGN: ${message}\n`);
  return undefined;
}

function run(path: string, args: readonly string[], home: string): Promise<CosignRun> {
  const env = { PATH: process.env['PATH'], HOME: home, COSIGN_PASSWORD: '', COSIGN_YES: 'true' };
  const child = spawn(path, args, { cwd: home, env, stdio: ['ignore', 'ignore', 'pipe'], timeout: deadlineMs });
  const said: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (code) => resolve({ code, stderr: Buffer.concat(said).toString() }));
  });
}

/** For what must work: signing, attesting, importing keys. */
export async function must(cosign: Cosign, args: readonly string[]): Promise<void> {
  const { code, stderr } = await cosign(args);
  if (code !== 0) throw new Error(`cosign ${args.join(' ')} ended with ${code}:\n${stderr}`);
}
