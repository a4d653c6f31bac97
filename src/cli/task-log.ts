/** The log of one Task on a terminal, as it is or as it grows. */
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import type { ApiTaskObjects } from '../adapters/kubernetes/api-task-objects.ts';
import type { TaskView } from '../agents/task-view.ts';
import { defined } from '../kernel/defined.ts';
import type { AgentTasks, LoggingContainer, TaskLog } from '../ports/agent-tasks.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';
import { known, Undecided } from './undecided.ts';

export interface LogSource {
  readonly tasks: Pick<AgentTasks, 'find' | 'findLog'>;
  readonly objects: Pick<ApiTaskObjects, 'log'>;
  readonly signal: AbortSignal;
}

export interface ShownLog {
  /** Undefined: all. */
  readonly tailLines: number | undefined;
  readonly isFollowed: boolean;
  readonly isRaw: boolean;
}

const maxBytes = 16 * 1024 * 1024;
/** Between looks at what grows: a connection that is held open ends when nothing is printed for minutes. */
const pauseMs = 1_000;

export async function printLog(
  source: LogSource,
  task: TaskView,
  shown: ShownLog,
  terminal: Terminal,
): Promise<ExitCode> {
  const log = shown.isFollowed
    ? await begun(source, task, terminal)
    : known(await source.tasks.findLog(task, source.signal));
  switch (log.kind) {
    case 'none':
      throw new Undecided(`there is no log of ${task.namespace}/${task.name}. ${log.why}`);
    case 'kept':
      terminal.err(`Its Pod is gone; this was kept in ConfigMap ${log.from.namespace}/${log.from.name}:\n`);
      terminal.out(safe(lastLines(log.text, shown.tailLines), shown));
      return exitCodes.ok;
    case 'container':
      if (log.isFailedInit)
        terminal.err(`The agent has never begun: init container ${log.from.container} has failed. Its log:\n`);
      if (shown.isFollowed && !log.isFailedInit) await follow(source, task, log.from, shown, terminal);
      else await printOnce(source, log.from, shown, terminal);
      return exitCodes.ok;
  }
}

async function printOnce(
  { objects, signal }: LogSource,
  from: LoggingContainer,
  shown: ShownLog,
  terminal: Terminal,
): Promise<void> {
  const text = known(await objects.log(from, defined('tailLines', shown.tailLines), maxBytes, signal));
  if (text === undefined)
    throw new Undecided(`the log of Pod ${from.namespace}/${from.name} is gone, or not there yet`);
  terminal.out(safe(text, shown));
}

/** Waits until there is one, or never will be. */
async function begun({ tasks, signal }: LogSource, task: TaskView, terminal: Terminal): Promise<TaskLog> {
  let told = '';
  for (let now: TaskView | undefined = task; ;) {
    const log = known(await tasks.findLog(now, signal));
    if (log.kind !== 'none' || isOver(now)) return log;
    if (log.why !== told) terminal.err(`${log.why}\n`);
    told = log.why;
    await sleep(pauseMs);
    now = known(await tasks.find(task, signal));
    if (now?.uid !== task.uid) return { kind: 'none', why: 'It was deleted.' };
  }
}

async function follow(
  { tasks, objects, signal }: LogSource,
  task: TaskView,
  from: LoggingContainer,
  shown: ShownLog,
  terminal: Terminal,
): Promise<void> {
  let since: string | undefined;
  for (let isLast = false; ;) {
    const range = since === undefined ? defined('tailLines', shown.tailLines) : { since };
    const text = known(await objects.log(from, { ...range, timestamps: true }, maxBytes, signal)) ?? '';
    const lines = newLines(text, since);
    terminal.out(safe(lines.text, shown));
    since = lines.last ?? since;
    if (isLast) return;
    await sleep(pauseMs);
    // What it prints until then is read once more.
    const now = known(await tasks.find(task, signal));
    isLast = now?.uid !== task.uid || isOver(now);
  }
}

/** Each line begins with its time, of equal length in all of them; those that were there before are left out. */
function newLines(text: string, since = ''): { readonly text: string; readonly last?: string } {
  const lines = text.split('\n').filter((line) => line !== '' && timeOf(line) > since);
  const last = lines.at(-1);
  return {
    text: lines.map((line) => `${line.slice(timeOf(line).length + 1)}\n`).join(''),
    ...defined('last', last === undefined ? undefined : timeOf(last)),
  };
}

function timeOf(line: string): string {
  const end = line.indexOf(' ');
  return end === -1 ? line : line.slice(0, end);
}

function isOver({ phase }: TaskView): boolean {
  return phase === 'Completed' || phase === 'Failed';
}

function lastLines(text: string, count: number | undefined): string {
  if (count === undefined) return text;
  return text
    .split(/(?<=\n)/)
    .slice(-count)
    .join('');
}

/** An agent prints what others wrote: nothing of it may steer the terminal, or hide. */
function safe(text: string, { isRaw }: ShownLog): string {
  return isRaw
    ? text
    : stripVTControlCharacters(text).replaceAll(/[^\P{Cc}\t\n]|[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu, '');
}
