/** `countersign policy lint`: what is wrong with policies, in the words of admission, and what is probably not meant. */
import type { Command } from 'commander';
import { lintActionPolicy } from '../policy/lint-action-policy.ts';
import { lintPolicy } from '../policy/lint.ts';
import { parsePolicyDocuments, type PolicyDocument } from '../policy/parse-documents.ts';
import { readText } from './evidence.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { outputFlag, repeatable } from './flags.ts';
import { coloured, print, type OutputFormat, type Terminal } from './terminal.ts';

interface LintReport {
  readonly file: string;
  readonly kind: string;
  readonly name: string;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

export function addPolicyCommand(program: Command, terminal: Terminal, exit: (code: ExitCode) => void): void {
  const policy = program.command('policy').description('check policies');
  policy
    .command('lint')
    .description('tell what is wrong with policy files, and what is probably not meant')
    .addOption(repeatable('-f, --file <file>', 'policy file').makeOptionMandatory())
    .addOption(outputFlag())
    .action((flags: { readonly file: readonly string[]; readonly output: OutputFormat }) => {
      const now = new Date();
      const reports = flags.file.flatMap((file) =>
        parsePolicyDocuments(readText(file, '--file'), file).map((document) => lint(document, now)),
      );
      print(terminal, flags.output, reports, () => describe(reports, terminal));
      exit(reports.some(({ errors }) => errors.length > 0) ? exitCodes.refused : exitCodes.ok);
    });
}

function lint(document: PolicyDocument, now: Date): LintReport {
  const file = document.where;
  switch (document.kind) {
    case 'policy':
      return {
        file,
        kind: 'ClusterImagePolicy',
        name: document.name,
        errors: [],
        warnings: lintPolicy(document.policy),
      };
    case 'action-policy':
      return {
        file,
        kind: 'ActionPolicy',
        name: document.name,
        errors: [],
        warnings: lintActionPolicy(document.policy, now),
      };
    case 'trust-root':
      return { file, kind: 'TrustRoot', name: document.name, errors: [], warnings: document.root.notReady };
    case 'secret':
      return { file, kind: 'Secret', name: document.name, errors: [], warnings: [] };
    case 'problem': {
      const [kind = '', name = ''] = (document.of ?? '').split('/', 2);
      return { file, kind, name, errors: document.messages, warnings: [] };
    }
  }
}

function describe(reports: readonly LintReport[], terminal: Terminal): string {
  const lines = reports.flatMap(({ file, kind, name, errors, warnings }) => [
    `${file}: ${kind} ${name}${errors.length + warnings.length === 0 ? ': fine' : ''}`,
    ...errors.map((text) => `  ${coloured(terminal, 'red', 'error')} ${text.replaceAll('\n', '\n    ')}`),
    ...warnings.map((text) => `  ${coloured(terminal, 'yellow', 'warning')} ${text}`),
  ]);
  return `${lines.join('\n')}\n`;
}
