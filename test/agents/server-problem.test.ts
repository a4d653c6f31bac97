import { expect, test } from 'vitest';
import { serverProblem } from '../../src/agents/server-problem.ts';

function agentWith(condition: object): object {
  const common = { type: 'ServerReady', status: 'False', message: 'Service kubernetes belongs to somebody else' };
  return { status: { conditions: [{ ...common, lastTransitionTime: '2026-01-01T00:00:00Z', ...condition }] } };
}
const server = { server: { port: 4096 } };

test('nobody is sent to a Service of somebody else', () => {
  expect(serverProblem(agentWith({ reason: 'NameTaken' }), server)).toBe('Service kubernetes belongs to somebody else');
});

test.each([
  ['a server that is not ready', agentWith({ reason: 'DeploymentNotReady' }), server],
  ['another condition', agentWith({ type: 'Mine', reason: 'NameTaken' }), server],
  ['an Agent that nobody has looked at', {}, server],
  ['an Agent that has no server any more', agentWith({ reason: 'NameTaken' }), {}],
])('but to %s', (_, object, agent) => {
  expect(serverProblem(object, agent)).toBeUndefined();
});
