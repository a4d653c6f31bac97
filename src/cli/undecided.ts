import type { Result } from '../kernel/result.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

/** What could not be found out, e.g. because a database was away: printed as one line, exit code 3. */
export class Undecided extends Error {}

/** What was found out; a failure ends the command. */
export function known<T>(result: Result<T>): T {
  if (!result.ok) throw new Undecided(result.failure.message);
  return result.value;
}

export async function settled(
  terminal: Pick<Terminal, 'err'>,
  exit: (code: ExitCode) => void,
  work: Promise<ExitCode>,
): Promise<void> {
  try {
    exit(await work);
  } catch (error) {
    if (!(error instanceof Undecided)) throw error;
    terminal.err(`countersign: ${error.message}\n`);
    exit(exitCodes.undecided);
  }
}
