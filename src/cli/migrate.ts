/** `countersign migrate`: configuration of other admission programs, as policies for this one. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { quoted } from '../kernel/failure.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { migrate } from '../migrate/migrate.ts';
import type { Migration, Note, SourceObject, Written } from '../migrate/model.ts';
import { objectsIn } from '../migrate/source-objects.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { flag, repeatable } from './flags.ts';
import { coloured, type Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

interface MigrateFlags {
  readonly file?: readonly string[];
  readonly kubeconfig?: string;
  readonly to?: string;
  readonly withSecrets?: true;
  readonly output: 'text' | 'json';
}

export function addMigrateCommand(program: Command, terminal: Terminal, exit: (code: ExitCode) => void): void {
  program
    .command('migrate')
    .description('turn policies of policy-controller, Connaisseur, Kyverno and Ratify into ours')
    .addOption(
      repeatable('-f, --file <path>', 'YAML file or folder with manifests or Helm values; - for standard input'),
    )
    .addOption(flag('--kubeconfig <file>', 'cluster to read them from'))
    .addOption(flag('--to <folder>', 'write a file per object there, instead of printing them'))
    .addOption(flag('--with-secrets', 'also copy Secrets that policies name, as far as they were read'))
    .addOption(flag('-o, --output <format>', 'text or json', 'text').choices(['text', 'json']))
    .action(async (flags: MigrateFlags) => {
      const objects = [...(flags.file ?? []).flatMap(readPath), ...(await fromCluster(flags))];
      const migration = migrate(objects, { withSecrets: flags.withSecrets === true });
      if (migration === undefined)
        throw new UsageError(
          'there is no policy of policy-controller, Connaisseur, Kyverno or Ratify in what was read',
        );
      print(migration, flags, terminal);
      exit(migration.notes.some(({ level }) => level === 'lost') ? exitCodes.refused : exitCodes.ok);
    });
}

async function fromCluster({ kubeconfig, file, withSecrets }: MigrateFlags): Promise<readonly SourceObject[]> {
  if (kubeconfig === undefined) {
    if (file === undefined) throw new UsageError('name what to read: --file or --kubeconfig');
    return [];
  }
  const { clusterSources } = await import('./migrate-cluster.ts');
  const read = await clusterSources(kubeconfig, withSecrets === true);
  if (!read.ok) throw new UsageError(read.failure.message);
  return read.value;
}

const maxFiles = 2_000;

function readPath(path: string): readonly SourceObject[] {
  if (path === '-') return readFile(path);
  let files: readonly string[];
  try {
    files = statSync(path).isDirectory() ? yamlFilesIn(path) : [path];
  } catch (error) {
    throw new UsageError(`--file: ${path} cannot be read: ${error instanceof Error ? error.message : 'unknown error'}`);
  }
  if (files.length > maxFiles) throw new UsageError(`--file: ${path} has more than ${maxFiles} files`);
  return files.flatMap(readFile);
}

function yamlFilesIn(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => /\.(?:ya?ml|json)$/.test(name))
    .sort()
    .map((name) => join(folder, name));
}

function readFile(file: string): readonly SourceObject[] {
  const name = file === '-' ? 'standard input' : file;
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new UsageError(`--file: ${name} cannot be read: ${error instanceof Error ? error.message : 'unknown error'}`);
  }
  const read = objectsIn(text, name);
  if (!read.ok) throw new UsageError(`--file: ${read.failure}`);
  return read.value;
}

function print(migration: Migration, { to, output }: MigrateFlags, terminal: Terminal): void {
  if (to !== undefined) writeFolder(migration, to);
  if (output === 'json') {
    const { objects, notes, commands } = migration;
    terminal.out(`${JSON.stringify({ objects: objects.map(({ object }) => object), notes, commands }, null, 2)}\n`);
    return;
  }
  if (to === undefined) terminal.out(documentsOf(migration));
  else terminal.out(`${migration.objects.length} objects are in ${to}, notes in ${join(to, notesFile)}\n`);
  terminal.err(summary(migration, terminal));
}

const notesFile = 'NOTES.txt';

function writeFolder(migration: Migration, folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    for (const written of migration.objects)
      // Nothing that is there is overwritten: it may have been worked on.
      writeFileSync(join(folder, fileName(written)), documentOf(written, migration.notes), { flag: 'wx', mode: 0o600 });
    writeFileSync(join(folder, notesFile), notesText(migration), { flag: 'wx' });
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unknown error';
    throw new UsageError(`--to: ${folder} cannot be written, name a new folder: ${why}`);
  }
}

function fileName({ object }: Written): string {
  const name = asRecord(object['metadata'])?.['name'];
  const kind = typeof object['kind'] === 'string' ? object['kind'].toLowerCase() : 'object';
  return `${kind}-${typeof name === 'string' ? name : 'unnamed'}.yaml`;
}

/** Every object under the notes about what it was made from; notes about nothing that is written, and commands, at the end. */
function documentsOf({ objects, notes, commands }: Migration): string {
  const sources = new Set(objects.map(({ source }) => source));
  const rest = notes.filter(({ source }) => !sources.has(source));
  const end = [...rest.flatMap(noteLines), ...commandLines(commands)];
  const documents = objects.map((written) => documentOf(written, notes)).join('---\n');
  return end.length === 0 ? documents : `${documents}---\n${end.join('\n')}\n`;
}

function documentOf({ source, object }: Written, notes: readonly Note[]): string {
  const about = notes.filter((note) => note.source === source);
  const head = [`# from ${source}`, ...about.flatMap(noteLines)];
  return `${head.join('\n')}\n${stringify(object, { aliasDuplicateObjects: false, lineWidth: 0 })}`;
}

/** A comment, whatever is in the texts. */
function noteLines({ level, source, message, wayOut }: Note): readonly string[] {
  const lines = [`# ${level}: ${source}: ${message}`, ...(wayOut === '' ? [] : [`#   way out: ${wayOut}`])];
  return lines.map((line) => quoted(line, 4_000));
}

function commandLines(commands: readonly string[]): readonly string[] {
  return commands.length === 0 ? [] : ['# Namespaces opt in:', ...commands.map((command) => `#   ${command}`)];
}

function notesText({ notes, commands }: Migration): string {
  return `${[...notes.flatMap(noteLines), ...commandLines(commands)].join('\n')}\n`;
}

function summary({ objects, notes }: Migration, terminal: Terminal): string {
  const count = (level: Note['level']): number => notes.filter((note) => note.level === level).length;
  const lost = count('lost');
  const text = `${objects.length} objects, ${count('warning')} warnings, ${lost} lost\n`;
  return lost === 0 ? text : coloured(terminal, 'red', text);
}
