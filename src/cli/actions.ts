/** `countersign actions list | show`: what was run, and what came of it. */
import type { Command } from 'commander';
import { defined } from '../kernel/defined.ts';
import { quoted } from '../kernel/failure.ts';
import type { ActionQuery, ActionRecord } from '../ports/action-history.ts';
import { printAction } from '../records/history/action-json.ts';
import { engines, statuses } from '../records/history/fields.ts';
import { openRecords, recordsFlags, type ReadableHistory, type RecordsFlags } from './audit-source.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { countOf, flag, outputFlag, timeOf } from './flags.ts';
import { coloured, print, table, type OutputFormat, type Terminal } from './terminal.ts';
import { settled, Undecided } from './undecided.ts';
import { UsageError } from './usage-error.ts';

interface ShowFlags extends RecordsFlags {
  readonly output: OutputFormat;
}

interface ListFlags extends ShowFlags {
  readonly status?: ActionRecord['status'];
  readonly engine?: ActionRecord['engine'];
  readonly type?: string;
  readonly workflow?: string;
  readonly inNamespace?: string;
  readonly since?: string;
  readonly limit: string;
}

type Exit = (code: ExitCode) => void;

const pageLimit = 1_000;

export function addActionsCommand(program: Command, terminal: Terminal, exit: Exit): void {
  const actions = program.command('actions').description('what workflows have run, and what came of it');
  const ends = (work: Promise<ExitCode>): Promise<void> => settled(terminal, exit, work);

  recordsFlags(actions.command('list').description('steps of workflows, oldest first'))
    .addOption(outputFlag())
    .addOption(flag('--status <status>', 'with this status').choices(statuses))
    .addOption(flag('--engine <engine>', 'that ran on it').choices(engines))
    .addOption(flag('--type <type>', 'of this action type, e.g. kubernetes/scale_deployment'))
    .addOption(flag('--workflow <name>', 'of workflows of this name'))
    .addOption(flag('--in-namespace <name>', 'of workflows in this namespace'))
    .addOption(flag('--since <time>', 'that began then or later, ISO 8601'))
    .addOption(flag('--limit <n>', 'the newest so many', '100'))
    .action((flags: ListFlags, command: Command) => ends(list(command, flags, terminal)));

  recordsFlags(actions.command('show <workflow>').description('all steps of one workflow in full, by UID or name'))
    .addOption(outputFlag())
    .action((workflow: string, flags: ShowFlags, command: Command) => ends(show(command, workflow, flags, terminal)));
}

async function list(command: Command, flags: ListFlags, terminal: Terminal): Promise<ExitCode> {
  const query = {
    ...defined('status', flags.status),
    ...defined('engine', flags.engine),
    ...defined('actionType', flags.type),
    ...defined('workflow', flags.workflow),
    ...defined('namespace', flags.inNamespace),
    ...defined('since', timeOf('--since', flags.since)?.toISOString()),
  };
  const wanted = countOf('--limit', flags.limit);
  const actions = await withHistory(command, flags, (history) => newest(history, query, wanted));
  print(terminal, flags.output, actions.map(printAction), () => describe(actions, terminal));
  return exitCodes.ok;
}

async function show(command: Command, workflow: string, flags: ShowFlags, terminal: Terminal): Promise<ExitCode> {
  const actions = await withHistory(command, flags, async (history) => {
    const ofUid = await newest(history, { workflowUid: workflow }, pageLimit);
    return ofUid.length > 0 ? ofUid : newest(history, { workflow }, pageLimit);
  });
  if (actions.length === 0) throw new UsageError(`no workflow with the UID or name "${workflow}" has run anything`);
  print(terminal, flags.output === 'text' ? 'yaml' : flags.output, actions.map(printAction), () => '');
  return exitCodes.ok;
}

async function withHistory<T>(
  command: Command,
  flags: RecordsFlags,
  work: (history: ReadableHistory) => Promise<T>,
): Promise<T> {
  const source = await openRecords(command, flags);
  try {
    return await work(source.history);
  } finally {
    await source.close();
  }
}

/** A page at a time; oldest first. */
async function newest(
  history: ReadableHistory,
  query: Omit<ActionQuery, 'limit' | 'after'>,
  wanted: number,
): Promise<readonly ActionRecord[]> {
  const found: ActionRecord[] = [];
  let after: string | undefined;
  do {
    const limit = Math.min(pageLimit, wanted - found.length);
    const page = await history.list({ ...query, limit, ...defined('after', after) });
    if (!page.ok) throw new Undecided(page.failure.message);
    found.push(...page.value.actions);
    after = page.value.next;
  } while (after !== undefined && found.length < wanted);
  return found.toReversed();
}

function describe(actions: readonly ActionRecord[], terminal: Terminal): string {
  const rows = actions.map((action) => {
    const { status, failureReason, failureMessage = '', outputs } = action;
    const colour = status === 'completed' ? 'green' : status === 'failed' ? 'red' : 'yellow';
    const came = failureReason === undefined ? JSON.stringify(outputs ?? {}) : `${failureReason}: ${failureMessage}`;
    // Much of it was written by whoever wrote the workflow.
    const [time, step, type, why] = [
      action.executedAt,
      `${action.namespace}/${action.workflowId}/${action.step}`,
      action.actionType,
      came,
    ].map((text) => quoted(text, 120));
    return [time ?? '', coloured(terminal, colour, status), step ?? '', type ?? '', action.engine, why ?? ''];
  });
  return table([['TIME', 'STATUS', 'STEP', 'TYPE', 'ENGINE', 'RESULT'], ...rows]);
}
