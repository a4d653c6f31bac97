/** `countersign replay`: requests of the past, or what a cluster has, under new policies: what would change for them? */
import type { Command } from 'commander';
import type { RegistryFlags } from '../config.ts';
import { defined } from '../kernel/defined.ts';
import type { PolicySnapshot } from '../policy/model.ts';
import { readPublicTrustRoot } from './evidence.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { flag, registryFlags, repeatable } from './flags.ts';
import { namedPolicies } from './policy/policy-sources.ts';
import { replayItem, type Judges, type Replayed } from './replay/compare.ts';
import { inOrder } from './replay/in-order.ts';
import type { ReplayItem } from './replay/item.ts';
import { recordedVerdicts } from './replay/recorded-verdicts.ts';
import { replayReport, type ReplayReport, type ReplaySummary } from './replay/report.ts';
import { storedReviews } from './replay/stored-reviews.ts';
import type { Terminal } from './terminal.ts';
import { createTrial, type Trial } from './trial.ts';
import { UsageError } from './usage-error.ts';

interface ReplayFlags extends RegistryFlags {
  readonly file?: readonly string[];
  readonly kubeconfig?: string;
  readonly inNamespace?: readonly string[];
  readonly allNamespaces?: true;
  readonly namespace: string;
  readonly policies: readonly string[];
  readonly against?: readonly string[];
  readonly decisionLog?: string;
  readonly onNoMatch: PolicySnapshot['noMatch'];
  readonly trustedRoot?: string;
  readonly output: 'text' | 'json';
}

/** Where requests come from, and what they are judged with. */
interface Source {
  readonly items: AsyncIterable<ReplayItem>;
  readonly trial: Trial;
}

const requestsAtOnce = 16;
const progressMs = 2_000;

export function addReplayCommand(program: Command, terminal: Terminal, exit: (code: ExitCode) => void): void {
  const command = program
    .command('replay')
    .description('judge stored AdmissionReviews, or what a cluster has, under new policies, and tell what changes');
  registryFlags(command)
    .addOption(
      repeatable('-f, --file <path>', 'AdmissionReviews or audit log, JSON lines; or files of them; - for stdin'),
    )
    .addOption(flag('--kubeconfig <file>', 'judge what this cluster has').conflicts('file'))
    .addOption(
      repeatable('--in-namespace <name>', 'objects of this namespace; without it, of those that have opted in'),
    )
    .addOption(flag('-A, --all-namespaces', 'of all namespaces but those that have opted out').conflicts('inNamespace'))
    .addOption(flag('--namespace <name>', "Countersign's own namespace", 'countersign-system'))
    .addOption(repeatable('--policies <path|url>', 'the new policies').makeOptionMandatory())
    .addOption(repeatable('--against <path|url>', 'the old policies; without them what was recorded counts'))
    // Its environment variable is about the log that is written.
    .addOption(flag('--decision-log <file>', 'verdicts of before, by uid').conflicts('against').env(''))
    .addOption(flag('--on-no-match <mode>', 'images that no policy matches', 'deny').choices(['deny', 'warn', 'allow']))
    .addOption(flag('--trusted-root <file>', 'trusted_root.json used instead of the public-good root'))
    .addOption(flag('-o, --output <format>', 'text or json', 'text').choices(['text', 'json']))
    .action(async (flags: ReplayFlags) => exit(await replay(flags, terminal)));
}

async function replay(flags: ReplayFlags, terminal: Terminal): Promise<ExitCode> {
  if (flags.file === undefined && flags.kubeconfig === undefined) throw new UsageError('give --file or --kubeconfig');
  const [now, before, recorded] = await Promise.all([
    snapshotOf(flags.policies, flags),
    flags.against === undefined ? undefined : snapshotOf(flags.against, flags),
    flags.decisionLog === undefined ? undefined : recordedVerdicts(flags.decisionLog, terminal),
  ]);
  const { items, trial } = await sourceOf(flags, terminal);
  try {
    const judges: Judges = {
      now: trial.reviewer(now),
      ...defined('before', before === undefined ? undefined : trial.reviewer(before)),
      recorded: (uid) => recorded?.get(uid),
    };
    return codeOf(await replayAll(items, judges, replayReport(terminal, flags.output), terminal));
  } finally {
    await trial.close();
  }
}

async function snapshotOf(paths: readonly string[], flags: ReplayFlags): Promise<PolicySnapshot> {
  const publicTrustRoot = readPublicTrustRoot(flags.trustedRoot);
  const { snapshot } = await namedPolicies(paths, { noMatch: flags.onNoMatch, publicTrustRoot });
  return snapshot;
}

async function sourceOf(flags: ReplayFlags, terminal: Terminal): Promise<Source> {
  if (flags.file !== undefined) return { items: storedReviews(flags.file), trial: createTrial(flags, terminal) };
  // The client of the cluster takes longer to load than other commands take as a whole.
  const { liveSource } = await import('./replay/live-source.ts');
  return liveSource(flags, terminal);
}

async function replayAll(
  items: AsyncIterable<ReplayItem>,
  judges: Judges,
  report: ReplayReport,
  terminal: Terminal,
): Promise<ReplaySummary> {
  const summary = emptySummary();
  const timer = setInterval(() => terminal.err(`${summary.requests} requests judged\n`), progressMs);
  try {
    const work = async (item: ReplayItem) => (item.kind === 'review' ? replayItem(judges, item) : item);
    for await (const done of inOrder(items, requestsAtOnce, work)) note(done, summary, report, terminal);
  } finally {
    clearInterval(timer);
  }
  report.end(summary);
  return summary;
}

function note(
  done: Replayed | Exclude<ReplayItem, { kind: 'review' }>,
  summary: ReplaySummary,
  report: ReplayReport,
  terminal: Terminal,
): void {
  if (!('result' in done)) {
    summary[done.kind] += 1;
    terminal.err(`${done.where}: ${done.why}\n`);
    return;
  }
  summary.requests += 1;
  summary[done.result] += 1;
  if (done.result !== 'same') report.told(done);
}

function emptySummary(): ReplaySummary {
  const results = { 'newly-refused': 0, 'newly-admitted': 0, changed: 0, undecided: 0, same: 0 };
  return { requests: 0, ...results, broken: 0, unreachable: 0 };
}

/** The most that can be said: that something would break, then that not all is known, then that the input is wrong. */
function codeOf(summary: ReplaySummary): ExitCode {
  if (summary['newly-refused'] > 0) return exitCodes.refused;
  if (summary.undecided + summary.unreachable > 0) return exitCodes.undecided;
  return summary.broken > 0 ? exitCodes.usage : exitCodes.ok;
}
