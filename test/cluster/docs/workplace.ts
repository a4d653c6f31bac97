/** A folder in which the documents are followed: a checkout as far as they use it, and the programs that they name. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { clusterFacts, kubeconfig } from '../access.ts';
import { findHelm, findToolPrograms } from '../programs.ts';

export interface Ended {
  readonly exitCode: number;
  /** Both streams. */
  readonly output: string;
}

export interface Workplace {
  write(path: string, text: string): void;
  /** A file of the checkout, as the reader would have changed it. */
  edit(path: string, change: (text: string) => string): void;
  run(commands: string): Promise<Ended>;
  close(): void;
}

const repository = join(import.meta.dirname, '../../..');
const deadlineMs = 180_000;

export async function makeWorkplace(env: Readonly<Record<string, string>>): Promise<Workplace> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-docs-'));
  // The chart reads its neighbours through symbolic links.
  for (const name of ['manifests', 'policies']) {
    cpSync(join(repository, name), join(folder, name), { recursive: true, verbatimSymlinks: true });
  }
  const bin = join(folder, '.bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'countersign'), `#!/bin/sh\nexec '${process.execPath}' '${repository}/src/main.ts' "$@"\n`);
  chmodSync(join(bin, 'countersign'), 0o755);
  const found = [clusterFacts().kubectl, await findHelm(), (await findToolPrograms())?.cosign];
  const programs = [bin, ...found.flatMap((program) => (program === undefined ? [] : [dirname(program)]))];
  const settings = {
    ...process.env,
    PATH: [...programs, process.env['PATH']].join(delimiter),
    HOME: folder,
    KUBECONFIG: kubeconfig,
    ...env,
  };
  return {
    write(path, text) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    },
    edit(path, change) {
      writeFileSync(join(folder, path), change(readFileSync(join(folder, path), 'utf8')));
    },
    run: (commands) => runBash(commands, folder, settings),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function runBash(commands: string, cwd: string, env: NodeJS.ProcessEnv): Promise<Ended> {
  const said: Buffer[] = [];
  // A group of its own: what a failed block has left in the background ends with it.
  const child = spawn('bash', ['--norc', '-euo', 'pipefail', '-c', commands], {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => said.push(chunk));
  const closed = once(child, 'close');
  const timer = setTimeout(() => endGroup(child.pid), deadlineMs);
  await once(child, 'exit');
  clearTimeout(timer);
  endGroup(child.pid);
  await closed;
  return { exitCode: child.exitCode ?? -1, output: Buffer.concat(said).toString('utf8') };
}

function endGroup(group: number | undefined): void {
  try {
    if (group !== undefined) process.kill(-group, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}
