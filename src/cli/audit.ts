/** `countersign audit list | show | export | verify`: what was decided, and whether the record of it is complete. */
import { statSync } from 'node:fs';
import type { Command } from 'commander';
import type { DecisionFilter } from '../adapters/decision-log/read-decisions.ts';
import { defined } from '../kernel/defined.ts';
import { quoted } from '../kernel/failure.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { verdicts } from '../records/parse-decision.ts';
import { exportedLines, readSource, type LogRecord } from './audit-read.ts';
import { openSource, sourceFlags, type AuditSource, type SourceFlags } from './audit-source.ts';
import { describeVerification, verifyExport, verifySource } from './audit-verify.ts';
import { addScanCommand } from './audit-scan.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { countOf, flag, outputFlag, timeOf } from './flags.ts';
import { coloured, print, table, type OutputFormat, type Terminal } from './terminal.ts';
import { settled } from './undecided.ts';
import { UsageError } from './usage-error.ts';

interface ListFlags extends SourceFlags {
  readonly output: OutputFormat;
  readonly verdict?: string;
  readonly inNamespace?: string;
  readonly policy?: string;
  readonly code?: string;
  readonly image?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit: string;
}

interface ShowFlags extends SourceFlags {
  readonly output: OutputFormat;
}

interface VerifyFlags extends SourceFlags {
  readonly output: OutputFormat;
  readonly exported?: string;
  readonly head?: string;
}

type Exit = (code: ExitCode) => void;

export function addAuditCommand(program: Command, terminal: Terminal, exit: Exit): void {
  const audit = program.command('audit').description('what was decided, and whether the record of it is complete');
  const ends = (work: Promise<ExitCode>): Promise<void> => settled(terminal, exit, work);

  addScanCommand(audit, terminal, exit);

  sourceFlags(audit.command('list').description('decisions, oldest first'))
    .addOption(outputFlag())
    .addOption(flag('--verdict <verdict>', 'with this verdict').choices(verdicts))
    .addOption(flag('--in-namespace <name>', 'of objects in this namespace'))
    .addOption(flag('--policy <name>', 'that this policy had a part in'))
    .addOption(flag('--code <code>', 'with this reason, e.g. SIGNATURE_MISSING'))
    .addOption(flag('--image <text>', "with this text in an image's name or digest"))
    .addOption(flag('--since <time>', 'ISO 8601, inclusive'))
    .addOption(flag('--until <time>', 'ISO 8601, exclusive'))
    .addOption(flag('--limit <n>', 'the newest so many', '100'))
    .action((flags: ListFlags, command: Command) => ends(list(command, flags, terminal)));

  sourceFlags(audit.command('show <id>').description('one decision in full, by uid or correlation id'))
    .addOption(outputFlag())
    .action((id: string, flags: ShowFlags, command: Command) => ends(show(command, id, flags, terminal)));

  sourceFlags(audit.command('export').description('all decisions as they were written, JSON lines')).action(
    (flags: SourceFlags, command: Command) => ends(exportAll(command, flags, terminal)),
  );

  sourceFlags(audit.command('verify').description('check that no decision was changed, removed or added'))
    .addOption(outputFlag())
    .addOption(flag('--exported <file>', 'check what audit export wrote'))
    .addOption(flag('--head <hash>', 'hash of a record noted earlier: it must still be there'))
    .action((flags: VerifyFlags, command: Command) => ends(verify(command, flags, terminal)));
}

async function list(command: Command, flags: ListFlags, terminal: Terminal): Promise<ExitCode> {
  const filter = filterOf(flags);
  const records = await withSource(command, flags, (source) => readSource(source, filter, terminal));
  print(terminal, flags.output, records, () => describeList(records, terminal));
  return exitCodes.ok;
}

async function show(command: Command, id: string, flags: ShowFlags, terminal: Terminal): Promise<ExitCode> {
  const records = await withSource(command, flags, (source) => readSource(source, { id }, terminal));
  if (records.length === 0) throw new UsageError(`no decision has the uid or correlation id "${id}"`);
  print(terminal, flags.output === 'text' ? 'yaml' : flags.output, records, () => '');
  return exitCodes.ok;
}

async function exportAll(command: Command, flags: SourceFlags, terminal: Terminal): Promise<ExitCode> {
  await withSource(command, flags, async (source) => {
    for await (const line of exportedLines(source)) terminal.out(`${line}\n`);
  });
  return exitCodes.ok;
}

async function verify(command: Command, flags: VerifyFlags, terminal: Terminal): Promise<ExitCode> {
  const head = hashOf(flags.head);
  const verified =
    flags.exported === undefined
      ? await withSource(command, flags, (source) => verifySource(source, head))
      : await verifyExport(fileOf(flags.exported), head);
  print(terminal, flags.output, verified, () => describeVerification(verified, terminal));
  return verified.verdict === 'intact' ? exitCodes.ok : exitCodes.refused;
}

async function withSource<T>(
  command: Command,
  flags: SourceFlags,
  work: (source: AuditSource) => Promise<T>,
): Promise<T> {
  const source = await openSource(command, flags);
  try {
    return await work(source);
  } finally {
    if (source.kind === 'records') await source.close();
  }
}

function fileOf(file: string): string {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() === true) return file;
  throw new UsageError(`--exported: there is no file ${file}`);
}

function hashOf(text: string | undefined): string | undefined {
  if (text === undefined || /^[0-9a-f]{64}$/.test(text)) return text;
  throw new UsageError(`--head: "${text}" is not the hash of a record, 64 hexadecimal digits`);
}

function filterOf(flags: ListFlags): DecisionFilter {
  return {
    ...defined('verdict', flags.verdict),
    ...defined('namespace', flags.inNamespace),
    ...defined('policy', flags.policy),
    ...defined('code', flags.code),
    ...defined('image', flags.image),
    ...defined('since', timeOf('--since', flags.since)),
    ...defined('until', timeOf('--until', flags.until)),
    limit: countOf('--limit', flags.limit),
  };
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
      text(record['correlationId']),
      first === undefined ? text(record['skipped']) : `${text(first['code'])}: ${text(first['message'])}`,
    ];
  });
  return table([['TIME', 'VERDICT', 'PHASE', 'OBJECT', 'REQUEST', 'REASON'], ...rows]);
}
