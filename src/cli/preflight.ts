/** `countersign preflight`: whether the cluster can take an installation, asked before anything is applied. */
import type { Command } from 'commander';
import type { Findings } from '../controllers/installation/decide.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { flag, outputFlag } from './flags.ts';
import { coloured, print, type OutputFormat, type Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

interface PreflightFlags {
  readonly kubeconfig?: string;
  readonly namespace: string;
  readonly adopt?: true;
  readonly output: OutputFormat;
}

export function addPreflightCommand(program: Command, terminal: Terminal, exit: (code: ExitCode) => void): void {
  program
    .command('preflight')
    .description('ask a cluster whether Countersign can be installed into it; writes nothing')
    .addOption(flag('--kubeconfig <file>', 'cluster to ask; without it the one that kubectl would use'))
    .addOption(flag('--namespace <name>', 'where it is to be installed', 'countersign-system'))
    .addOption(flag('--adopt', 'take over the policy kinds of another product, e.g. of sigstore policy-controller'))
    .addOption(outputFlag())
    .action(async (flags: PreflightFlags) => {
      exit(await runPreflight(flags, terminal));
    });
}

async function runPreflight(flags: PreflightFlags, terminal: Terminal): Promise<ExitCode> {
  // The client of the cluster takes longer to load than other commands take as a whole.
  const [{ loadKubeConfigAsKubectl }, { clusterFacts }, { preflight }] = await Promise.all([
    import('../adapters/kubernetes/kube-config.ts'),
    import('../adapters/kubernetes/cluster-facts.ts'),
    import('../controllers/installation/check-installation.ts'),
  ]);
  const kubeConfig = loadKubeConfigAsKubectl(flags.kubeconfig);
  if (!kubeConfig.ok) throw new UsageError(kubeConfig.failure.message);
  const { namespace, adopt = false } = flags;
  const found = await preflight(clusterFacts(kubeConfig.value), { namespace, adopt });
  if (!found.ok) {
    terminal.err(`countersign: ${found.failure.message}\n`);
    return exitCodes.undecided;
  }
  print(terminal, flags.output, found.value, () => describe(found.value, terminal));
  return found.value.problems.length > 0 ? exitCodes.refused : exitCodes.ok;
}

function describe({ problems, warnings }: Findings, terminal: Terminal): string {
  const lines = [
    ...problems.map((problem) => `${coloured(terminal, 'red', 'problem')}  ${problem}`),
    ...warnings.map((warning) => `${coloured(terminal, 'yellow', 'warning')}  ${warning}`),
  ];
  const verdict =
    problems.length === 0
      ? `${coloured(terminal, 'green', 'ok')}  Countersign can be installed`
      : `${coloured(terminal, 'red', 'refused')}  not as it is`;
  return `${[...lines, verdict].join('\n')}\n`;
}
