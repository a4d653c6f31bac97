/** `countersign policy explain`: what policies demand, in sentences, and what is probably not meant. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { listFiles } from '../../adapters/policies/list-files.ts';
import { describePolicy, policySentences, type DescribedPolicy } from '../../policy/describe-policy.ts';
import { parsePolicyDocuments, type PolicyDocument } from '../../policy/parse-documents.ts';
import { readText } from '../evidence.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { outputFlag, repeatable } from '../flags.ts';
import { coloured, print, type OutputFormat, type Terminal } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';
import { lintDocument, type LintReport } from './lint.ts';

/** What `--output json` has for each policy; fields may be added. */
interface ExplainedPolicyFile extends LintReport {
  readonly sentences: readonly string[];
  /** Of a ClusterImagePolicy that can be read. */
  readonly demands?: DescribedPolicy;
}

interface ExplainFlags {
  readonly policies?: readonly string[];
  readonly output: OutputFormat;
}

export function addPolicyExplainCommand(policy: Command, terminal: Terminal, exit: (code: ExitCode) => void): void {
  policy
    .command('explain <file-or-name>')
    .description('tell what policies demand, in plain sentences')
    .addOption(repeatable('--policies <path>', 'file or folder that a policy of that name is in'))
    .addOption(outputFlag())
    .action(async (what: string, flags: ExplainFlags) => {
      const now = new Date();
      const explained = (await documentsFor(what, flags)).flatMap((document) => explainDocument(document, now));
      if (explained.length === 0) throw new UsageError(`there is no ClusterImagePolicy in ${what}`);
      print(terminal, flags.output, explained, () => explained.map((one) => describe(one, terminal)).join('\n'));
      exit(explained.some(({ errors }) => errors.length > 0) ? exitCodes.refused : exitCodes.ok);
    });
}

async function documentsFor(what: string, { policies }: ExplainFlags): Promise<readonly PolicyDocument[]> {
  if (policies === undefined) {
    if (existsSync(what)) return documentsIn([what]);
    throw new UsageError(`there is no file ${what}; for a policy of that name give --policies`);
  }
  const found = (await documentsIn(policies)).filter((document) => nameOf(document) === what);
  if (found.length > 0) return found;
  throw new UsageError(`there is no ClusterImagePolicy ${what} in ${policies.join(', ')}`);
}

function nameOf(document: PolicyDocument): string | undefined {
  if (document.kind === 'policy') return document.name;
  return document.kind === 'problem' ? document.of?.replace(/^ClusterImagePolicy\//, '') : undefined;
}

async function documentsIn(paths: readonly string[]): Promise<readonly PolicyDocument[]> {
  const { files, unreadable } = await listFiles(paths);
  const [first] = unreadable;
  if (first !== undefined) throw new UsageError(`${first.path}: ${first.message}`);
  return files.flatMap((file) => parsePolicyDocuments(readText(file, '--policies'), file));
}

/** Of what policies name, the policies tell. */
function explainDocument(document: PolicyDocument, now: Date): readonly ExplainedPolicyFile[] {
  if (document.kind === 'problem') return [{ ...lintDocument(document, now), sentences: [] }];
  if (document.kind !== 'policy') return [];
  const { policy } = document;
  return [{ ...lintDocument(document, now), sentences: policySentences(policy), demands: describePolicy(policy) }];
}

function describe({ file, kind, name, sentences, errors, warnings }: ExplainedPolicyFile, terminal: Terminal): string {
  const lines = [
    `${kind} ${name} (${file})`,
    ...sentences,
    ...errors.map((text) => `${coloured(terminal, 'red', 'error')} ${text}`),
    ...warnings.map((text) => `${coloured(terminal, 'yellow', 'warning')} ${text}`),
  ];
  return lines.map((line, index) => `${index === 0 ? '' : '  '}${line}\n`).join('');
}
