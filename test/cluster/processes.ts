import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

interface Running {
  readonly pid: number;
  /** True until the process has ended. */
  readonly alive: () => boolean;
  /** SIGTERM, and SIGKILL when it has not ended within ten seconds. */
  stop(): Promise<void>;
  /** From one moment to the next. */
  kill(): Promise<void>;
}

function start(command: string, args: readonly string[], logFile: string, detached: boolean): Running {
  const log = openSync(logFile, 'a');
  const child = spawn(command, args, { stdio: ['ignore', log, log], detached });
  closeSync(log);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} could not be started`);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const alive = (): boolean => child.exitCode === null && child.signalCode === null;
  const stop = async (): Promise<void> => {
    if (!alive()) return;
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(late);
  };
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    if (alive()) await ended;
  };
  return { pid, alive, stop, kill };
}

/** Programs that start one after the other and end in the opposite order; each writes NAME.log into `logs`. */
export class ProgramGroup {
  readonly #logs: string;
  readonly #detached: boolean;
  readonly #running: { readonly name: string; readonly program: Running }[] = [];

  /** Detached, in process groups of their own, programs are spared an interrupt at the terminal that is meant for us. */
  constructor(logs: string, { detached = true }: { readonly detached?: boolean } = {}) {
    this.#logs = logs;
    this.#detached = detached;
  }

  /** Waits until it is ready; fails early, with the end of its log, when the program dies. */
  async start(name: string, path: string, args: readonly string[], ready: () => Promise<boolean>): Promise<void> {
    const logFile = join(this.#logs, `${name}.log`);
    const program = start(path, args, logFile, this.#detached);
    this.#running.push({ name, program });
    if (await until(ready, 60_000, program.alive)) return;
    throw new Error(`${name} did not become ready:\n${lastLines(logFile)}`);
  }

  /** Of the last one of this name. */
  pid(name: string): number | undefined {
    return this.#running.findLast((running) => running.name === name)?.program.pid;
  }

  /** Those of this name; they can be started again. */
  async stopOne(name: string): Promise<void> {
    for (const { program } of this.#running.filter((running) => running.name === name)) await program.stop();
  }

  async stop(): Promise<void> {
    for (const { program } of this.#running.toReversed()) await program.stop();
  }

  /** As if the machine had stopped. */
  async kill(): Promise<void> {
    await Promise.all(this.#running.map(({ program }) => program.kill()));
  }
}

/** Whether `condition` became true in time. A condition that throws is not true yet. */
export async function until(
  condition: () => Promise<boolean>,
  milliseconds: number,
  goOn: () => boolean = () => true,
): Promise<boolean> {
  const end = Date.now() + milliseconds;
  while (Date.now() < end && goOn()) {
    if (await condition().catch(() => false)) return true;
    await sleep(100);
  }
  return false;
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').split('\n').slice(-20).join('\n');
}

/** Loopback ports nobody listens on. All are held until the last one is found, so that no two are the same. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject).listen(0, '127.0.0.1', () => {
            const address = server.address();
            resolve(typeof address === 'object' && address !== null ? address.port : 0);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Whether somebody listens on a port of the loopback address. */
export function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
