/** `countersign explain IMAGE`: which policies match, which do not and why. Asks the registry only for a tag's digest. */
import type { Command } from 'commander';
import { parseRegistrySettings, type RegistryFlags } from '../config.ts';
import { formatImageReference, parseImageReference, type ImageReference } from '../kernel/image-reference.ts';
import { explain, type ExplainedPolicy } from '../policy/explain.ts';
import { createEvidenceAdapters, readDockerConfig, readPublicTrustRoot } from './evidence.ts';
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
    .addOption(flag('--offline', 'do not ask the registry for the digest of a tag'))
    .addOption(outputFlag())
    .action(async (text: string, flags: ExplainFlags) => {
      const parsed = parseImageReference(text);
      if (!parsed.ok) throw new UsageError(parsed.failure.message);
      const snapshot = await snapshotFromFiles(flags.policies, readPublicTrustRoot(undefined));
      const image = flags.offline === true ? parsed.value : await pinned(parsed.value, flags, terminal);
      const report = { image: formatImageReference(image), policies: explain(snapshot, image) };
      print(terminal, flags.output, report, () => describe(report.image, report.policies, terminal));
      exit(exitCodes.ok);
    });
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
    await adapters.registry.close();
  }
}

function describe(image: string, policies: readonly ExplainedPolicy[], terminal: Terminal): string {
  const lines = [image];
  for (const policy of policies) {
    const word = policy.matches ? coloured(terminal, 'green', 'matches') : coloured(terminal, 'dim', 'does not match');
    lines.push(`  ${policy.name} (${policy.mode}): ${word}`);
    for (const { glob, matches, note } of policy.globs)
      lines.push(`    ${matches ? '✓' : '✗'} ${glob}${note === undefined ? '' : `: ${note}`}`);
    if (policy.onlyFor !== undefined) lines.push(`    only for ${policy.onlyFor.join(', ')}`);
    for (const problem of policy.notReady ?? []) lines.push(`    not ready: ${problem}`);
  }
  if (!policies.some(({ matches }) => matches))
    lines.push('  no policy matches: refused unless --on-no-match says otherwise');
  return `${lines.join('\n')}\n`;
}
