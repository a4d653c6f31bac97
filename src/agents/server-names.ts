/** Names of the server of an Agent: always the same, and of no other Agent. Pure. */
import { digestOf, hexOf } from '../kernel/digest.ts';
import { childName } from '../workflow/child-name.ts';
import { names, type Agent, type Place } from './model.ts';

/** Room for what a Deployment appends for its ReplicaSets and Pods. */
const maxDeploymentName = 200;
const maxConfigMapName = 253;
const maxLabel = 63;
const hashLength = 10;

export function serverDeploymentName({ name }: Place): string {
  return childName(name, 'server', maxDeploymentName);
}

export function serverConfigMapName({ name }: Place): string {
  return childName(name, 'server-context', maxConfigMapName);
}

/** Services begin with a letter and have no dots. RFC 1035 */
export function serverServiceName({ name }: Place): string {
  const begins = /^[a-z]/.test(name) ? name : `agent-${name}`;
  const label = begins.replaceAll('.', '-');
  return label.length <= maxLabel && !name.includes('.') ? label : hashed(label, name);
}

/** What the Service and the Deployment select by: no two Agents of a namespace have the same. */
export function serverLabels({ name }: Place): Readonly<Record<string, string>> {
  return { [names.agentLabel]: name.length <= maxLabel ? name : hashed(name, name) };
}

export function serverUrl({ namespace, name, server }: Pick<Agent, 'namespace' | 'name' | 'server'>): string {
  return `http://${serverServiceName({ namespace, name })}.${namespace}.svc.cluster.local:${server?.port ?? 4096}`;
}

function hashed(text: string, of: string): string {
  const beginning = text.slice(0, maxLabel - hashLength - 1).replace(/[^a-z0-9]+$/, '');
  return `${beginning}-${hexOf(digestOf(of)).slice(0, hashLength)}`;
}
