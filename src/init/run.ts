/** Runs one of the commands as the process of a container: signals, exit code, and why it failed where kubelet looks for it. */
import { existsSync, writeFileSync } from 'node:fs';
import type { InitCommand, InitResult, Surroundings } from './command.ts';
import { mountPoints } from './mounts.ts';
import { isOn } from './settings.ts';

/** Each brings its own part of the program. */
const commands = {
  'git-init': async (): Promise<InitCommand> => (await import('./git/git-init.ts')).gitInit,
  'context-init': async (): Promise<InitCommand> => (await import('./context/context-init.ts')).contextInit,
  'url-fetch': async (): Promise<InitCommand> => (await import('./url/url-fetch.ts')).urlFetch,
} as const;

export type InitName = keyof typeof commands;

/** Of those that may be left out. */
const optional: Readonly<Record<InitName, string | undefined>> = {
  'git-init': 'GIT_OPTIONAL',
  'context-init': undefined,
  'url-fetch': 'URL_OPTIONAL',
};

/** Where kubelet takes the reason from: core/v1 Container terminationMessagePath. */
const reasonFile = '/dev/termination-log';

export function isInitName(name: string | undefined): name is InitName {
  return name !== undefined && Object.hasOwn(commands, name);
}

export async function runInit(name: InitName, env: Surroundings['env'], print: (text: string) => void): Promise<0 | 1> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  // The first process of a container ends on a signal only if it has asked for it.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, onSignal);
  // Agents may run as somebody else, and change what they are given.
  const mask = process.umask(0);
  const command = await commands[name]();
  const say = (line: string): void => print(`${line}\n`);
  const result = await settled(command({ env, say, signal: stop.signal, mountPoints }));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.off(signal, onSignal);
  process.umask(mask);
  if (result.ok) return 0;
  const variable = optional[name];
  if (variable !== undefined && isOn(env, variable) && !stop.signal.aborted) {
    say(`${name}: Warning: ${result.failure}. ${variable} is set, so the Task goes on without it.`);
    return 0;
  }
  say(`${name}: Error: ${result.failure}`);
  tellKubelet(result.failure);
  return 1;
}

/** Disks and networks fail with a code; a failure without one is a mistake of this program, and its place is worth knowing. */
async function settled(work: Promise<InitResult>): Promise<InitResult> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Error)) return { ok: false, failure: 'unknown error' };
    return { ok: false, failure: 'code' in error ? error.message : (error.stack ?? error.message) };
  }
}

function tellKubelet(reason: string): void {
  if (!existsSync(reasonFile)) return;
  try {
    writeFileSync(reasonFile, reason);
  } catch {
    // The log says it too.
  }
}
