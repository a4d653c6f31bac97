/** Why no Task may attach to the server of an Agent: what is at its address belongs to somebody else. Pure. */
import { quoted } from '../kernel/failure.ts';
import { readConditions } from '../workflow/parse-status.ts';
import { Seen } from '../workflow/seen.ts';
import type { Agent } from './model.ts';

/** A server that is not ready yet is none: it may be by the time that the Pod asks for it. */
export function serverProblem(agentObject: unknown, { server }: Pick<Agent, 'server'>): string | undefined {
  if (server === undefined) return undefined;
  const conditions = readConditions(new Seen(new Seen(agentObject).raw('status')));
  const taken = conditions.find(({ type, reason }) => type === 'ServerReady' && reason === 'NameTaken');
  return taken === undefined ? undefined : quoted(taken.message, 512);
}
