/** Which Agents have to be looked at after an object has changed. */
import { agentKinds } from '../../agents/kinds.ts';
import { names } from '../../agents/model.ts';
import type { Kind, KubeObject } from '../../kernel/kube-object.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import type { Key } from '../runtime/reconciler.ts';

/** When this process begins to lead. */
export function allAgents(objects: Pick<ClusterObjects, 'list'>): readonly Key[] {
  return objects.list(agentKinds.agent).map(keyOf);
}

export function agentsConcerned(object: KubeObject, objects: Pick<ClusterObjects, 'list'>): readonly Key[] {
  if (is(object, agentKinds.agent)) return [keyOf(object)];
  if (is(object, agentKinds.config)) return underConfig(object, objects);
  if (!is(object, agentKinds.deployment) && !is(object, agentKinds.service)) return [];
  const { namespace = '', ownerReferences = [] } = object.metadata;
  const owner = ownerReferences.find(({ controller }) => controller === true);
  return owner !== undefined && is(owner, agentKinds.agent) ? [{ namespace, name: owner.name }] : [];
}

/** Init containers of servers are of the system image. */
function underConfig({ metadata }: KubeObject, objects: Pick<ClusterObjects, 'list'>): readonly Key[] {
  if (metadata.name !== names.defaultConfig) return [];
  const isForAll = metadata.namespace === names.configNamespace;
  return objects
    .list(agentKinds.agent)
    .filter((agent) => isForAll || agent.metadata.namespace === metadata.namespace)
    .filter(({ spec }) => asRecord(spec)?.['serverConfig'] !== undefined)
    .map(keyOf);
}

function is(object: Pick<KubeObject, 'apiVersion' | 'kind'>, kind: Kind): boolean {
  return object.kind === kind.kind && object.apiVersion === kind.apiVersion;
}

function keyOf({ metadata }: KubeObject): Key {
  return { namespace: metadata.namespace ?? '', name: metadata.name };
}
