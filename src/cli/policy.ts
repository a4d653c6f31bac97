/** `countersign policy …`: for people who write policies, before anybody is held to them. */
import type { Command } from 'commander';
import type { ExitCode } from './exit-codes.ts';
import { addPolicyExplainCommand } from './policy/explain.ts';
import { addLintCommand } from './policy/lint.ts';
import { addTestCommand } from './policy/test.ts';
import type { Terminal } from './terminal.ts';

export function addPolicyCommand(program: Command, terminal: Terminal, exit: (code: ExitCode) => void): void {
  const policy = program.command('policy').description('try, check and explain policies');
  addTestCommand(policy, terminal, exit);
  addLintCommand(policy, terminal, exit);
  addPolicyExplainCommand(policy, terminal, exit);
}
