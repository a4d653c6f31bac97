/** `countersign audit scan`: what runs already, judged as it would be if it came now. */
import type { Command } from 'commander';
import { quoted } from '../kernel/failure.ts';
import type { Report, ReportResult, ReportSummary } from '../ports/policy-reports.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { flag, outputFlag, registryFlags, repeatable } from './flags.ts';
import type { Scanned, ScanFlags } from './scan-cluster.ts';
import { coloured, print, table, type OutputFormat, type Terminal } from './terminal.ts';

interface AllFlags extends ScanFlags {
  readonly output: OutputFormat;
}

/** What `--output json` prints; fields may be added. */
interface Printed {
  readonly complete: boolean;
  readonly problem?: string;
  readonly summary: ReportSummary;
  readonly namespaces: readonly ({ readonly namespace: string } & Report)[];
}

export function addScanCommand(audit: Command, terminal: Terminal, exit: (code: ExitCode) => void): void {
  const command = audit.command('scan').description('judge what runs already; nothing is written and nothing refused');
  registryFlags(command)
    .addOption(repeatable('--in-namespace <name>', 'Pods of this namespace; without it, of those that have opted in'))
    .addOption(
      flag('-A, --all-namespaces', 'Pods of all namespaces but those that have opted out').conflicts('inNamespace'),
    )
    .addOption(flag('--kubeconfig <file>', 'the cluster; without it the one that this Pod runs in'))
    .addOption(flag('--namespace <name>', "Countersign's own namespace", 'countersign-system'))
    .addOption(repeatable('--policies <path>', "file or folder with policies to try out; without it the cluster's"))
    .addOption(flag('--on-no-match <mode>', 'images that no policy matches', 'deny').choices(['deny', 'warn', 'allow']))
    .addOption(flag('--trusted-root <file>', 'trusted_root.json used instead of the embedded public-good root'))
    .addOption(flag('--scan-images-per-second <n>', 'different images, so that registries do not notice', '10'))
    .addOption(outputFlag())
    .action(async (flags: AllFlags) => {
      // The client of the cluster takes longer to load than other commands take as a whole.
      const { scanCluster } = await import('./scan-cluster.ts');
      const scanned = await scanCluster(flags, terminal);
      print(terminal, flags.output, printed(scanned), () => describe(scanned, terminal));
      if (scanned.problem !== undefined) terminal.err(`countersign: the scan is not complete: ${scanned.problem}\n`);
      exit(codeOf(scanned));
    });
}

function codeOf({ problem, progress }: Scanned): ExitCode {
  if (progress.summary.fail > 0) return exitCodes.refused;
  return problem === undefined && progress.summary.error === 0 ? exitCodes.ok : exitCodes.undecided;
}

function printed({ problem, progress, reports }: Scanned): Printed {
  return {
    complete: problem === undefined,
    ...(problem === undefined ? {} : { problem }),
    summary: progress.summary,
    namespaces: [...reports].map(([namespace, report]) => ({ namespace, ...report })),
  };
}

const colours = { fail: 'red', error: 'yellow', warn: 'yellow', pass: 'green', skip: 'dim' } as const;

/** What passes is counted only. */
function describe({ progress, reports }: Scanned, terminal: Terminal): string {
  const telling = [...reports.values()].flatMap(({ results }) => results.filter(({ result }) => result !== 'pass'));
  const rows = telling.map((result) => rowOf(result, terminal));
  const leftOut = [...reports.values()].reduce((sum, report) => sum + report.leftOut, 0);
  const { summary, pods, images, namespaces } = progress;
  const counts = Object.entries(summary).flatMap(([kind, count]) => (count === 0 ? [] : [`${count} ${kind}`]));
  const lines = [
    rows.length === 0 ? '' : table(rows),
    ...telling.map(
      ({ message, resources: [pod] }) => `${quoted(`${pod?.namespace}/${pod?.name}`)}: ${quoted(message, 512)}\n`,
    ),
    leftOut === 0 ? '' : `${leftOut} more are counted and not listed\n`,
    `${pods} Pods with ${images} images in ${namespaces.done} namespaces: ${counts.join(', ') || 'nothing to report'}\n`,
  ];
  return lines.join('');
}

function rowOf(
  { result, resources: [pod], rule = '', policy, properties }: ReportResult,
  terminal: Terminal,
): readonly string[] {
  return [
    coloured(terminal, colours[result], result),
    quoted(`${pod?.namespace}/${pod?.name}`, 512),
    rule,
    quoted(policy),
    quoted(properties['image'] ?? '', 512),
  ];
}
