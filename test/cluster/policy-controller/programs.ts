import { hasCluster } from '../access.ts';
import { say } from '../builds.ts';
import { findPolicyController } from '../programs.ts';

/** For describe.runIf: the path of its webhook; undefined, and loudly so, where it cannot be built. */
export async function policyControllerProgram(): Promise<string | undefined> {
  if (!hasCluster) return undefined;
  const program = await findPolicyController().catch((error: unknown) => say(String(error)));
  if (program !== undefined) return program;
  const reason = 'there is no Go that builds policy-controller, or the build has failed';
  if (process.env['CI'] !== undefined) throw new Error(`its suites must run when CI is set: ${reason}`);
  say(`SKIPPING A POLICY-CONTROLLER SUITE: ${reason}`);
  return undefined;
}
