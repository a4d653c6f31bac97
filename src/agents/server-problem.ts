/** Whether a Task may attach to the server of an Agent, as the Agent's own conditions say. Pure. */
import { quoted } from '../kernel/failure.ts';
import type { StatusCondition } from '../workflow/model.ts';
import { readConditions } from '../workflow/parse-status.ts';
import { Seen } from '../workflow/seen.ts';
import type { Agent } from './model.ts';

/** What is at its address belongs to somebody else. */
export function serverProblem(agentObject: unknown, { server }: Pick<Agent, 'server'>): string | undefined {
  const ready = server === undefined ? undefined : readyCondition(agentObject);
  return ready?.reason === 'NameTaken' ? quoted(ready.message, 512) : undefined;
}

/** Also of an Agent without a server: nobody waits for one. */
export function isServerReady(agentObject: unknown, { server }: Pick<Agent, 'server'>): boolean {
  return server === undefined || readyCondition(agentObject)?.status === 'True';
}

function readyCondition(agentObject: unknown): StatusCondition | undefined {
  const conditions = readConditions(new Seen(new Seen(agentObject).raw('status')));
  return conditions.find(({ type }) => type === 'ServerReady');
}
