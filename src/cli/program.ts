/** The command line: which commands there are, and how their ends become exit codes. */
import { Command, CommanderError } from 'commander';
import { addActionsCommand } from './actions.ts';
import { addAuditCommand } from './audit.ts';
import { addContractCommand } from './contract.ts';
import { addExplainCommand } from './explain.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { addInitCommands } from './init.ts';
import { loadDemo } from './load-demo.ts';
import { addMigrateCommand } from './migrate.ts';
import { addPolicyCommand } from './policy.ts';
import { withLongFlags } from './policy/test-flags.ts';
import { addPreflightCommand } from './preflight.ts';
import { addReviewCommand } from './review.ts';
import { addServingCommands } from './serve.ts';
import { addTasksCommand } from './tasks.ts';
import { addReplayCommand } from './replay.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';
import { versionOfPackage } from './version.ts';
import { addVerifyBundleCommand } from './verify-bundle.ts';
import { addVerifyCommand } from './verify.ts';

const commands = [
  addServingCommands,
  addReviewCommand,
  addVerifyCommand,
  addExplainCommand,
  addPolicyCommand,
  addPreflightCommand,
  addContractCommand,
  addReplayCommand,
  addMigrateCommand,
  addAuditCommand,
  addActionsCommand,
  addTasksCommand,
  addVerifyBundleCommand,
  addInitCommands,
];

/** Runs one command line; resolves with its exit code. Serving commands resolve when they are told to stop. */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let code: ExitCode = exitCodes.ok;
  const exit = (given: ExitCode): void => {
    code = given;
  };
  const program = new Command('countersign')
    .description('Kubernetes admission: only signed images run')
    .version(versionOfPackage())
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) });
  for (const add of commands) add(program, terminal, exit);
  program
    .command('demo')
    .description('see it work on this machine: registry, signed and tampered images, the real webhook')
    .option('--keep <folder>', 'folder in which policies and decision log stay')
    .action(async ({ keep }: { readonly keep?: string }) => {
      const { runDemo } = await loadDemo();
      exit(await runDemo(keep, terminal));
    });
  inherit(program);
  try {
    await program.parseAsync(withLongFlags(args), { from: 'user' });
    return code;
  } catch (error) {
    return endOf(error, terminal);
  }
}

/** Subcommands do not take over exitOverride and output by themselves. */
function inherit(command: Command): void {
  for (const child of command.commands) {
    child.copyInheritedSettings(command);
    inherit(child);
  }
}

function endOf(error: unknown, terminal: Terminal): ExitCode {
  // Help and version end this way too, with code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof UsageError) {
    terminal.err(`countersign: ${error.message}\n`);
    return exitCodes.usage;
  }
  terminal.err(`countersign: ${error instanceof Error ? (error.stack ?? error.message) : 'unknown error'}\n`);
  return exitCodes.undecided;
}
