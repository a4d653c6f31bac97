/** `countersign contract show|lint|diff`: what an action image says about itself, and whether a new version keeps its word. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import type { RegistryFlags } from '../config.ts';
import { compareContracts, type Incompatibility } from '../contract/compare-contracts.ts';
import { lintContract } from '../contract/lint-contract.ts';
import type { ActionContract } from '../contract/model.ts';
import { parseContract } from '../contract/parse-contract.ts';
import { printContract } from '../contract/print-contract.ts';
import { kindOf, quoted } from '../kernel/failure.ts';
import type { Result } from '../kernel/result.ts';
import { contractFromImage, isFile } from './contract-from-image.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { outputFlag, registryFlags } from './flags.ts';
import { coloured, print, type OutputFormat, type Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

type Exit = (code: ExitCode) => void;
interface Flags {
  readonly output: OutputFormat;
}

export function addContractCommand(program: Command, terminal: Terminal, exit: Exit): void {
  const contract = program.command('contract').description('read, check and compare action contracts');
  registryFlags(contract.command('show'))
    .description('show a contract with every default written out')
    .argument('<file|image>', 'contract file, - for standard input; or an image, whose signatures are not looked at')
    .addOption(outputFlag())
    .action(async (place: string, flags: Flags & RegistryFlags) => {
      exit(isFile(place) ? show(place, flags.output, terminal) : await showImage(place, flags, terminal));
    });
  contract
    .command('lint')
    .description('tell what is wrong with contract files, and what is probably not meant')
    .argument('<file...>', 'contract files')
    .addOption(outputFlag())
    .action((files: readonly string[], { output }: Flags) => exit(lint(files, output, terminal)));
  contract
    .command('diff')
    .description('tell which compatibility rules a new version of a contract breaks')
    .argument('<old>', 'contract file of the version in use')
    .argument('<new>', 'contract file of the new version')
    .addOption(outputFlag())
    .action((before: string, after: string, { output }: Flags) => exit(diff(before, after, output, terminal)));
}

interface Report {
  readonly file: string;
  readonly name: string;
  readonly version: string;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

function readContract(file: string): Result<ActionContract, readonly string[]> {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${error instanceof Error ? error.message : 'unknown error'}`);
  }
  return parseContract(bytes);
}

function show(file: string, output: OutputFormat, terminal: Terminal): ExitCode {
  const read = readContract(file);
  if (!read.ok) return complain([reportOf(file, read)], output, terminal);
  printShown(read.value, output, terminal);
  return exitCodes.ok;
}

async function showImage(text: string, flags: Flags & RegistryFlags, terminal: Terminal): Promise<ExitCode> {
  const read = await contractFromImage(text, flags, terminal);
  if (!read.ok) {
    terminal.err(`${text}: ${read.failure.code}: ${read.failure.message}\n`);
    return kindOf(read.failure) === 'violation' ? exitCodes.refused : exitCodes.undecided;
  }
  const { image, found } = read.value;
  terminal.err(found === undefined ? `${image}: there is no contract in it\n` : `${image}: ${found.place}\n`);
  if (found === undefined) return exitCodes.refused;
  printShown(found.contract, flags.output, terminal);
  return exitCodes.ok;
}

function printShown(contract: ActionContract, output: OutputFormat, terminal: Terminal): void {
  const document = printContract(contract);
  print(terminal, output, document, () => stringify(document, { aliasDuplicateObjects: false }));
}

function lint(files: readonly string[], output: OutputFormat, terminal: Terminal): ExitCode {
  const reports = files.map((file) => reportOf(file, readContract(file)));
  print(terminal, output, reports, () => describe(reports, terminal));
  return reports.some(({ errors }) => errors.length > 0) ? exitCodes.refused : exitCodes.ok;
}

function reportOf(file: string, read: Result<ActionContract, readonly string[]>): Report {
  if (!read.ok) return { file, name: '', version: '', errors: read.failure, warnings: [] };
  const { name, version } = read.value;
  return { file, name, version: version.text, errors: [], warnings: lintContract(read.value) };
}

function complain(reports: readonly Report[], output: OutputFormat, terminal: Terminal): ExitCode {
  print(terminal, output, reports, () => describe(reports, terminal));
  return exitCodes.refused;
}

function describe(reports: readonly Report[], terminal: Terminal): string {
  const lines = reports.flatMap(({ file, name, version, errors, warnings }) => [
    `${file}: ${name === '' ? 'no valid contract' : `${name} ${version}`}${errors.length + warnings.length === 0 ? ': fine' : ''}`,
    ...errors.map((text) => `  ${coloured(terminal, 'red', 'error')} ${text.replaceAll('\n', '\n    ')}`),
    ...warnings.map((text) => `  ${coloured(terminal, 'yellow', 'warning')} ${text}`),
  ]);
  return `${lines.join('\n')}\n`;
}

/** A contract that is not valid is an answer of its own: nothing is compared with it. */
function diff(before: string, after: string, output: OutputFormat, terminal: Terminal): ExitCode {
  const [old, own] = [readContract(before), readContract(after)];
  if (!old.ok || !own.ok) {
    return complain(
      [reportOf(before, old), reportOf(after, own)].filter(({ errors }) => errors.length > 0),
      output,
      terminal,
    );
  }
  const broken = compareContracts(old.value, own.value);
  const title = `${old.value.name} ${old.value.version.text} to ${own.value.version.text}`;
  print(terminal, output, broken, () => describeDiff(title, broken, terminal));
  return broken.length === 0 ? exitCodes.ok : exitCodes.refused;
}

function describeDiff(title: string, broken: readonly Incompatibility[], terminal: Terminal): string {
  if (broken.length === 0) return `${title}: compatible\n`;
  const lines = broken.map(
    ({ rule, path, message }) => `  ${coloured(terminal, 'red', rule)} ${path} ${quoted(message, 500)}`,
  );
  return `${title}: not compatible\n${lines.join('\n')}\n`;
}
