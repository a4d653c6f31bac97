/**
 * `countersign explain IMAGE`: which policies match, which do not and why. Asks the registry for a tag's digest, and for
 * the contract of an image that an ActionPolicy names.
 */
import type { Command } from 'commander';
import { parseRegistrySettings, type RegistryFlags } from '../config.ts';
import { formatImageReference, parseImageReference, type ImageReference } from '../kernel/image-reference.ts';
import {
  explainActions,
  type ExplainedActionPolicy,
  type ExplainedException,
} from '../policy/explain-action-policy.ts';
import { explain, type ExplainedPolicy } from '../policy/explain.ts';
import { contractFromImage } from './contract-from-image.ts';
import { closeEvidenceAdapters, createEvidenceAdapters, readDockerConfig, readPublicTrustRoot } from './evidence.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { flag, outputFlag, registryFlags, repeatable } from './flags.ts';
import { noMetrics } from './no-metrics.ts';
import { coloured, print, type OutputFormat, type Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';
import { snapshotFromFiles } from './verify.ts';

interface ExplainFlags extends RegistryFlags {
  readonly policies: readonly string[];
  readonly offline?: true;
  readonly output: OutputFormat;
}

export function addExplainCommand(program: Command, terminal: Terminal, exit: (code: ExitCode) => void): void {
  const command = program
    .command('explain <image>')
    .description('tell which policies match an image, and why others do not');
  registryFlags(command)
    .addOption(repeatable('--policies <path>', 'file or folder with policies').makeOptionMandatory())
    .addOption(flag('--offline', 'do not ask the registry for the digest of a tag, nor for a contract'))
    .addOption(outputFlag())
    .action(async (text: string, flags: ExplainFlags) => {
      const parsed = parseImageReference(text);
      if (!parsed.ok) throw new UsageError(parsed.failure.message);
      const snapshot = await snapshotFromFiles(flags.policies, readPublicTrustRoot(undefined));
      const image = flags.offline === true ? parsed.value : await pinned(parsed.value, flags, terminal);
      const actions = explainActions(snapshot, image, new Date());
      const isAction = actions.some(({ matches }) => matches);
      const report: Report = {
        image: formatImageReference(image),
        policies: explain(snapshot, image),
        ...(actions.length === 0 ? {} : { actionPolicies: actions }),
        ...(isAction && flags.offline !== true ? { contract: await contractOf(image, flags, terminal) } : {}),
      };
      print(terminal, flags.output, report, () => describe(report, terminal));
      exit(exitCodes.ok);
    });
}

interface Report {
  readonly image: string;
  readonly policies: readonly ExplainedPolicy[];
  readonly actionPolicies?: readonly ExplainedActionPolicy[];
  /** `name@version`; or why there is none. */
  readonly contract?: string;
}

/** What the image says about itself, whoever signed it. */
async function contractOf(image: ImageReference, flags: RegistryFlags, terminal: Terminal): Promise<string> {
  const read = await contractFromImage(formatImageReference(image), flags, terminal);
  if (!read.ok) return `${read.failure.code}: ${read.failure.message}`;
  const { found } = read.value;
  return found === undefined ? 'none' : `${found.contract.name}@${found.contract.version.text}, ${found.place}`;
}

/** What cannot be resolved is explained by its tag; a sentence says so. */
async function pinned(image: ImageReference, flags: ExplainFlags, terminal: Terminal): Promise<ImageReference> {
  const settings = parseRegistrySettings(flags);
  if (!settings.ok) throw new UsageError(settings.failure);
  if (image.digest !== undefined) return image;
  const adapters = createEvidenceAdapters(settings.value, noMetrics);
  const { credentials } = readDockerConfig(flags.dockerConfig, (message) => terminal.err(`${message}\n`));
  try {
    const digest = await adapters.registry.resolve(image, image.tag ?? '', {
      credentials,
      signal: AbortSignal.timeout(15_000),
    });
    if (digest.ok) return { ...image, digest: digest.value };
    terminal.err(`explained by its tag alone: ${digest.failure.message}\n`);
    return image;
  } finally {
    await closeEvidenceAdapters(adapters);
  }
}

function describe({ image, policies, actionPolicies = [], contract }: Report, terminal: Terminal): string {
  const lines = [image];
  for (const policy of policies) {
    lines.push(...describeMatch(policy.name, policy, terminal));
    if (policy.onlyFor !== undefined) lines.push(`    only for ${policy.onlyFor.join(', ')}`);
    for (const problem of policy.notReady ?? []) lines.push(`    not ready: ${problem}`);
  }
  if (!policies.some(({ matches }) => matches))
    lines.push('  no policy matches: refused unless --on-no-match says otherwise');
  for (const policy of actionPolicies) {
    lines.push(...describeMatch(`ActionPolicy ${policy.name}`, policy, terminal));
    lines.push(...policy.exceptions.map(describeException));
  }
  if (contract !== undefined) lines.push(`  contract: ${contract}`);
  return `${lines.join('\n')}\n`;
}

function describeMatch(
  name: string,
  { matches, mode, globs }: Pick<ExplainedActionPolicy, 'matches' | 'mode' | 'globs'>,
  terminal: Terminal,
): readonly string[] {
  const word = matches ? coloured(terminal, 'green', 'matches') : coloured(terminal, 'dim', 'does not match');
  return [
    `  ${name} (${mode}): ${word}`,
    ...globs.map((one) => `    ${one.matches ? '✓' : '✗'} ${one.glob}${one.note === undefined ? '' : `: ${one.note}`}`),
  ];
}

function describeException({ expired, expires, owner, reason, namespaces }: ExplainedException): string {
  const where = namespaces === undefined ? 'in every namespace' : `in ${namespaces.join(', ')}`;
  return `    exception ${where} ${expired ? 'expired' : 'until'} ${expires}, of ${owner}: ${reason}`;
}
