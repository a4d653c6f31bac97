/** `countersign policy lint`: what is wrong with policies, in the words of admission, and what is probably not meant. */
import type { Command } from 'commander';
import { lintActionPolicy } from '../../policy/lint-action-policy.ts';
import { lintPolicy } from '../../policy/lint.ts';
import { parsePolicyDocuments, type PolicyDocument } from '../../policy/parse-documents.ts';
import { readText } from '../evidence.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { flag, repeatable } from '../flags.ts';
import { checkOutputFlag, printChecked, type CheckFormat } from '../policy-reports/formats.ts';
import type { CheckedThing, Place } from '../policy-reports/outcome.ts';
import { documentPlaces } from '../policy-reports/places.ts';
import { coloured, type Terminal } from '../terminal.ts';

/** What `--output json` prints for each document; fields may be added. */
export interface LintReport {
  readonly file: string;
  readonly kind: string;
  readonly name: string;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

interface Linted extends LintReport {
  readonly place: Place | undefined;
}

interface LintFlags {
  readonly file: readonly string[];
  readonly strict?: true;
  readonly output: CheckFormat;
}

export function addLintCommand(policy: Command, terminal: Terminal, exit: (code: ExitCode) => void): void {
  policy
    .command('lint')
    .description('tell what is wrong with policy files, and what is probably not meant')
    .addOption(repeatable('-f, --file <file>', 'policy file').makeOptionMandatory())
    .addOption(flag('--strict', 'warnings are errors'))
    .addOption(checkOutputFlag())
    .action((flags: LintFlags) => {
      const now = new Date();
      const linted = flags.file.flatMap((file) => lintFile(file, now));
      const strict = flags.strict === true;
      const reports = linted.map(({ place: _place, ...report }) => report);
      printChecked(terminal, flags.output, {
        name: 'policy lint',
        things: linted.map((report) => thingOf(report, strict)),
        value: reports,
        text: () => describe(reports, terminal),
      });
      exit(reports.some((report) => isBad(report, strict)) ? exitCodes.refused : exitCodes.ok);
    });
}

function lintFile(file: string, now: Date): readonly Linted[] {
  const text = readText(file, '--file');
  const places = documentPlaces(text, file);
  return parsePolicyDocuments(text, file).map((document, index) => ({
    ...lintDocument(document, now),
    place: places[index],
  }));
}

function isBad({ errors, warnings }: LintReport, strict: boolean): boolean {
  return errors.length > 0 || (strict && warnings.length > 0);
}

function thingOf(report: Linted, strict: boolean): CheckedThing {
  const { file, kind, name, warnings, place } = report;
  const errors = strict ? [...report.errors, ...warnings] : report.errors;
  const clear = warnings.length === 0 ? 'pass' : 'warn';
  return {
    group: file,
    name: `${kind} ${name}`.trim(),
    result: isBad(report, strict) ? 'fail' : clear,
    errors,
    warnings: strict ? [] : warnings,
    ...(place === undefined ? {} : { place }),
  };
}

export function lintDocument(document: PolicyDocument, now: Date): LintReport {
  const file = document.where;
  const fine = { file, name: 'name' in document ? document.name : '', errors: [], warnings: [] };
  switch (document.kind) {
    case 'policy':
      return { ...fine, kind: 'ClusterImagePolicy', warnings: lintPolicy(document.policy) };
    case 'action-policy':
      return { ...fine, kind: 'ActionPolicy', warnings: lintActionPolicy(document.policy, now) };
    case 'trust-root':
      // One that is fetched is ready once it was.
      return { ...fine, kind: 'TrustRoot', warnings: document.root.source === undefined ? document.root.notReady : [] };
    case 'secret':
      return { ...fine, kind: 'Secret' };
    case 'config-map':
      return { ...fine, kind: 'ConfigMap' };
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
