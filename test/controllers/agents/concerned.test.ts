import { expect, test } from 'vitest';
import { agentKinds } from '../../../src/agents/kinds.ts';
import { agentsConcerned, allAgents } from '../../../src/controllers/agents/concerned.ts';
import type { KubeObject } from '../../../src/kernel/kube-object.ts';
import { World } from './world.ts';

const world = new World();
const helper = world.apply();
world.apply({}, 'plain');
const ofHelper = [{ namespace: 'agents', name: 'helper' }];
const owner = { ...agentKinds.agent, name: 'helper', uid: helper.metadata.uid, controller: true };

function object(kind: { apiVersion: string; kind: string }, metadata: object): KubeObject {
  const { apiVersion, kind: name } = kind;
  const common = { name: 'default', namespace: 'agents', uid: 'u', resourceVersion: '1' };
  return { apiVersion, kind: name, metadata: { ...common, ...metadata } };
}

test('all Agents are looked at in the beginning', () => {
  expect(allAgents(world.cluster)).toEqual([...ofHelper, { namespace: 'agents', name: 'plain' }]);
});

test.each([
  ['the Agent itself', helper, ofHelper],
  ['its Deployment', object(agentKinds.deployment, { ownerReferences: [owner] }), ofHelper],
  ['its Service', object(agentKinds.service, { ownerReferences: [owner] }), ofHelper],
  ['a Service of nobody', object(agentKinds.service, {}), []],
  ['a Deployment of another kind', object(agentKinds.deployment, { ownerReferences: [{ ...owner, kind: 'X' }] }), []],
  ['an Agent of KubeTask', object(agentKinds.kubeTaskAgent, {}), []],
  ['the settings of its namespace', object(agentKinds.config, {}), ofHelper],
  ['the settings of all', object(agentKinds.config, { namespace: 'kubeopencode-system' }), ofHelper],
  ['the settings of another namespace', object(agentKinds.config, { namespace: 'team' }), []],
  ['settings of another name', object(agentKinds.config, { name: 'mine' }), []],
  ['a Pod', object(agentKinds.pod, { ownerReferences: [owner] }), []],
])('after a change of %s', (_, changed, expected) => {
  expect(agentsConcerned(changed, world.cluster)).toEqual(expected);
});
