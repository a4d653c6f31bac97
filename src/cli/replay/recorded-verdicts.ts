/** Verdicts in a decision log, by the uid of their request. */
import { decisionLogFiles } from '../../adapters/decision-log/lines.ts';
import { readDecisions } from '../../adapters/decision-log/read-decisions.ts';
import type { Terminal } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';
import type { RecordedVerdict } from './item.ts';

/** About 100 MB. */
const maxVerdicts = 1_000_000;

export async function recordedVerdicts(
  file: string,
  terminal: Pick<Terminal, 'err'>,
): Promise<ReadonlyMap<string, RecordedVerdict>> {
  const verdicts = new Map<string, RecordedVerdict>();
  try {
    for await (const found of readDecisions(await decisionLogFiles(file), {})) {
      if (found.kind === 'unreadable') terminal.err(`${found.file}:${found.line}: not a decision: ${found.why}\n`);
      else note(verdicts, found.record);
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const why = error instanceof Error ? error.message : 'unknown error';
    throw new UsageError(`--decision-log: cannot read ${file}: ${why}`);
  }
  return verdicts;
}

/** Where both phases have the same uid, one refusal is a refusal. */
function note(verdicts: Map<string, RecordedVerdict>, { uid, verdict }: Readonly<Record<string, unknown>>): void {
  if (typeof uid !== 'string' || uid === '') return;
  if (verdicts.size >= maxVerdicts) throw new UsageError(`--decision-log: it has more than ${maxVerdicts} requests`);
  const isAdmitted = verdict === 'admit' || verdict === 'warn' || verdict === 'skip';
  if (!isAdmitted) verdicts.set(uid, 'refuse');
  else if (!verdicts.has(uid)) verdicts.set(uid, 'admit');
}
