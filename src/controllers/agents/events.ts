/** What is told of the server of an Agent: whatever its conditions say now and did not say before. Pure. */
import type { Condition } from '../../agents/model.ts';
import type { Told } from '../runtime/tell.ts';
import type { AgentStatus } from './decision.ts';

export function eventsOf(before: AgentStatus, after: AgentStatus): readonly Told[] {
  return after.conditions.flatMap((condition) => {
    const was = before.conditions.find(({ type }) => type === condition.type);
    return was?.reason === condition.reason ? [] : told(condition, was);
  });
}

/** ServerHealthy says nothing that ServerReady does not. */
function told({ type, status, reason, message }: Condition, was: Condition | undefined): readonly Told[] {
  if (type === 'ServerReady' && status === 'True') return [{ type: 'Normal', reason, message }];
  // A server that is new is not ready, which is nothing to be warned of.
  if (type === 'ServerReady' && reason === 'DeploymentNotReady') {
    return was?.status === 'True' ? [{ type: 'Warning', reason, message }] : [];
  }
  return type === 'ServerReady' || type === 'Valid' ? [{ type: 'Warning', reason, message }] : [];
}
