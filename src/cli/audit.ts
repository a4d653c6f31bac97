/** `countersign audit list | show | verify`: what was decided, and whether the record of it is complete. */
import { statSync } from 'node:fs';
import type { Command } from 'commander';
import { decisionLogFiles } from '../adapters/decision-log/lines.ts';
import { readDecisions, type DecisionFilter } from '../adapters/decision-log/read-decisions.ts';
import { verifyDecisionLog, type Verification } from '../adapters/decision-log/verify-decision-log.ts';
import { defined } from '../kernel/defined.ts';
import { quoted } from '../kernel/failure.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { flag, outputFlag } from './flags.ts';
import { coloured, print, table, type OutputFormat, type Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

type LogRecord = Readonly<Record<string, unknown>>;

interface LogFlags {
  readonly decisionLog: string;
  readonly output: OutputFormat;
}

interface ListFlags extends LogFlags {
  readonly verdict?: string;
  readonly inNamespace?: string;
  readonly policy?: string;
  readonly code?: string;
  readonly image?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit: string;
}

interface VerifyFlags extends LogFlags {
  readonly head?: string;
}

const verdicts = ['admit', 'warn', 'refuse', 'unavailable', 'error', 'skip'];

type Exit = (code: ExitCode) => void;

export function addAuditCommand(program: Command, terminal: Terminal, exit: Exit): void {
  const audit = program.command('audit').description('read the decision log and check that it is complete');
  const withLog = (command: Command): Command => {
    return command
      .addOption(flag('--decision-log <file>', 'the decision log', 'countersign-decisions.jsonl'))
      .addOption(outputFlag());
  };
  withLog(audit.command('list').description('decisions, oldest first'))
    .addOption(flag('--verdict <verdict>', 'with this verdict').choices(verdicts))
    .addOption(flag('--in-namespace <name>', 'of objects in this namespace'))
    .addOption(flag('--policy <name>', 'that this policy had a part in'))
    .addOption(flag('--code <code>', 'with this reason, e.g. SIGNATURE_MISSING'))
    .addOption(flag('--image <text>', "with this text in an image's name or digest"))
    .addOption(flag('--since <time>', 'ISO 8601, inclusive'))
    .addOption(flag('--until <time>', 'ISO 8601, exclusive'))
    .addOption(flag('--limit <n>', 'the newest so many', '100'))
    .action(async (flags: ListFlags) => {
      const records = await read(flags.decisionLog, filterOf(flags), terminal);
      print(terminal, flags.output, records, () => describeList(records, terminal));
      exit(exitCodes.ok);
    });
  withLog(audit.command('show <id>').description('one decision in full, by uid or correlation id')).action(
    async (id: string, flags: LogFlags) => {
      const records = await read(flags.decisionLog, { id }, terminal);
      if (records.length === 0) throw new UsageError(`no decision has the uid or correlation id "${id}"`);
      print(terminal, flags.output === 'text' ? 'yaml' : flags.output, records, () => '');
      exit(exitCodes.ok);
    },
  );
  withLog(audit.command('verify').description('check that no decision was changed, removed or added'))
    .addOption(flag('--head <hash>', 'hash of a record noted earlier: it must still be there'))
    .action(async (flags: VerifyFlags) => {
      const verified = await verifyDecisionLog(await filesOf(flags.decisionLog), hashOf(flags.head));
      print(terminal, flags.output, verified, () => describeVerification(verified, terminal));
      exit(verified.verdict === 'intact' ? exitCodes.ok : exitCodes.refused);
    });
}

function describeVerification(verified: Verification, terminal: Terminal): string {
  const { verdict, records, head, firstBroken, remarks } = verified;
  const last = head === undefined ? '' : `, the last with hash ${head.hash}`;
  const lines = [
    `${coloured(terminal, verdict === 'intact' ? 'green' : 'red', verdict)}  ${records} records${last}`,
    ...(firstBroken === undefined ? [] : [`  ${firstBroken.file}:${firstBroken.line}: ${firstBroken.why}`]),
    ...remarks.map(({ file, line, text }) => `  ${file}:${line}: ${quoted(text, 1024)}`),
  ];
  return `${lines.join('\n')}\n`;
}

async function filesOf(log: string): Promise<readonly string[]> {
  const files = await decisionLogFiles(log);
  const found = statSync(files.at(-1) ?? log, { throwIfNoEntry: false });
  if (found?.isFile() !== true) throw new UsageError(`--decision-log: there is no file ${log}`);
  return files;
}

function hashOf(text: string | undefined): string | undefined {
  if (text === undefined || /^[0-9a-f]{64}$/.test(text)) return text;
  throw new UsageError(`--head: "${text}" is not the hash of a record, 64 hexadecimal digits`);
}

function filterOf(flags: ListFlags): DecisionFilter {
  const limit = Number(flags.limit);
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new UsageError(`--limit: "${flags.limit}" is not a number of records`);
  return {
    ...defined('verdict', flags.verdict),
    ...defined('namespace', flags.inNamespace),
    ...defined('policy', flags.policy),
    ...defined('code', flags.code),
    ...defined('image', flags.image),
    ...defined('since', time('--since', flags.since)),
    ...defined('until', time('--until', flags.until)),
    limit,
  };
}

function time(name: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const date = new Date(text);
  if (!/^\d{4}-\d\d-\d\d(?:T|$)/.test(text) || Number.isNaN(date.getTime()))
    throw new UsageError(`${name}: "${text}" is not a time such as 2030-01-31T12:00:00Z`);
  return date;
}

async function read(log: string, filter: DecisionFilter, terminal: Terminal): Promise<readonly LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const found of readDecisions(await filesOf(log), filter)) {
    if (found.kind === 'decision') records.push(found.record);
    else terminal.err(`${found.file}:${found.line}: not a decision: ${found.why}\n`);
  }
  return records;
}

function describeList(records: readonly LogRecord[], terminal: Terminal): string {
  // Much of it was written by whoever sent the request.
  const text = (value: unknown): string => (typeof value === 'string' ? quoted(value, 120) : '');
  const rows = records.map((record) => {
    const reasons: readonly unknown[] = Array.isArray(record['reasons']) ? record['reasons'] : [];
    const first = asRecord(reasons[0]);
    const verdict = text(record['verdict']);
    const colour = verdict === 'admit' || verdict === 'skip' ? 'green' : verdict === 'warn' ? 'yellow' : 'red';
    return [
      text(record['time']),
      coloured(terminal, colour, verdict),
      text(record['phase']),
      `${text(record['kind'])} ${text(record['namespace'])}/${text(record['name'])}`,
      first === undefined ? text(record['skipped']) : `${text(first['code'])}: ${text(first['message'])}`,
    ];
  });
  return table([['TIME', 'VERDICT', 'PHASE', 'OBJECT', 'REASON'], ...rows]);
}
