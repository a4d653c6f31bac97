import { findToolPrograms, type ToolPrograms } from '../cluster/programs.ts';

/** The real registry and its real clients. Undefined, after one loud line, where there are none; with CI set an error. */
export async function findPrograms(suite: string): Promise<ToolPrograms | undefined> {
  const found = await findToolPrograms();
  if (found !== undefined) return found;
  const why = 'cosign, crane and registry are neither installed nor can they be built through Go';
  if (process.env['CI'] !== undefined) throw new Error(`${suite} must run when CI is set: ${why}`);
  process.stderr.write(`SKIPPING ${suite.toUpperCase()}: ${why}\n`);
  return undefined;
}
