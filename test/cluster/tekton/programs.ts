import { hasNode } from '../access.ts';
import { say } from '../builds.ts';
import { findTektonPrograms, type TektonPrograms } from '../programs.ts';

/** For describe.runIf: undefined, and loudly so, where Tekton cannot run. */
export async function tektonPrograms(): Promise<TektonPrograms | undefined> {
  if (!hasNode) return undefined;
  const programs = await findTektonPrograms().catch((error: unknown) => say(String(error)));
  if (programs !== undefined) return programs;
  const reason = 'there is no Go that builds Tekton, or the build has failed';
  if (process.env['CI'] !== undefined) throw new Error(`the Tekton suites must run when CI is set: ${reason}`);
  say(`SKIPPING A TEKTON SUITE: ${reason}`);
  return undefined;
}
