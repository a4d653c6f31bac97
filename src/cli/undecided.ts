import { exitCodes, type ExitCode } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

/** What could not be found out, e.g. because a database was away: printed as one line, exit code 3. */
export class Undecided extends Error {}

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
