/** Names of what is made for a Task: always the same for one Task, so that making it again finds it. Pure. */
import { digestOf, hexOf } from '../kernel/digest.ts';
import { defined } from '../kernel/defined.ts';
import { controllerReference } from '../workflow/controller-reference.ts';
import { agentKinds } from './kinds.ts';
import type { Agent, TaskNames, Work } from './model.ts';

/**
 * The API server takes 253 characters, but the kubelet keeps the logs of a Pod in one folder NAMESPACE_NAME_UID, and a file
 * name has at most 255 bytes: with a namespace of 63 and a UID of 36 a Pod has room for 154. kubernetes pkg/kubelet/kuberuntime
 */
const maxStem = 154 - '-pod'.length;
const hashLength = 10;

/** `hashed`: where somebody else has the plain names already; they tell Tasks apart whose plain names are the same. */
export function taskNames(
  { task, agent }: Pick<Work, 'task'> & { readonly agent: Pick<Agent, 'namespace'> },
  variant: 'plain' | 'hashed',
): TaskNames {
  const { namespace, name, uid } = task;
  const isAtHome = namespace === agent.namespace;
  const plain = isAtHome ? name : `${namespace}-${name}`;
  const stem = variant === 'plain' && plain.length <= maxStem ? plain : hashed(plain, [namespace, name, uid]);
  const { apiVersion, kind } = agentKinds.task;
  return {
    namespace: agent.namespace,
    pod: `${stem}-pod`,
    configMap: `${stem}-context`,
    log: `${stem}-log`,
    // Owners are of one namespace; elsewhere the finalizer removes what was made.
    ...defined('owner', isAtHome ? controllerReference({ apiVersion, kind, name, uid }) : undefined),
  };
}

function hashed(plain: string, of: readonly string[]): string {
  const hash = hexOf(digestOf(JSON.stringify(of))).slice(0, hashLength);
  return `${plain.slice(0, maxStem - hashLength - 1).replace(/[^a-z0-9]+$/, '')}-${hash}`;
}
