/**
 * The namespaces of the node that a Pod may share. A contract cannot ask for one: an action runs in those that Kubernetes
 * makes for its Pod. `hostUsers` is not among them: what it may be is only stricter than when it is absent.
 */
import { asRecord } from '../kernel/strict-json.ts';
import type { ActionRules } from '../policy/action-policy.ts';
import type { Conflict, Settled } from './conflict.ts';
import type { ActionContract } from './model.ts';

type Members = Readonly<Record<string, unknown>>;

const shared: readonly string[] = ['hostNetwork', 'hostPID', 'hostIPC'];

export interface HostDemand {
  readonly rules: Pick<ActionRules, 'contract'>;
  /** Absent: the image has none, and nothing is demanded here. */
  readonly contract?: ActionContract;
}

/** Of a Pod that runs they cannot be taken any more: then they are a conflict in any case. */
export function bindHostNamespaces(
  podSpec: Members,
  { rules, contract }: HostDemand,
  isFixed: boolean,
): Settled<Members> {
  const held = shared.filter((name) => !isOff(podSpec[name]));
  if (contract === undefined || held.length === 0) return { value: podSpec, conflicts: [] };
  if (isFixed || rules.contract.onConflict === 'Deny') return { value: podSpec, conflicts: held.map(conflict) };
  const value = Object.fromEntries(Object.entries(podSpec).filter(([name]) => !held.includes(name)));
  return { value: held.includes('hostNetwork') ? withoutHostPorts(value) : value, conflicts: [] };
}

function isOff(value: unknown): boolean {
  return value === undefined || value === null || value === false;
}

function conflict(name: string): Conflict {
  const message = `an action with a contract runs in namespaces of its own, not in the node's; leave ${name} out`;
  return { code: 'CONTRACT_CONFLICT', field: name, message };
}

/** Of a Pod in the node's network the API server has made every port a host port. pkg/apis/core/v1 defaultHostNetworkPorts */
function withoutHostPorts(podSpec: Members): Members {
  const lists = ['containers', 'initContainers'].filter((name) => Array.isArray(podSpec[name]));
  return { ...podSpec, ...Object.fromEntries(lists.map((name) => [name, each(podSpec[name], withoutPorts)])) };
}

function withoutPorts(container: Members): Members {
  const { ports } = container;
  return Array.isArray(ports) ? { ...container, ports: each(ports, withoutHostPort) } : container;
}

function withoutHostPort({ hostPort, ...port }: Members): Members {
  return hostPort === undefined || hostPort === port['containerPort'] ? port : { ...port, hostPort };
}

function each(list: unknown, change: (item: Members) => Members): unknown {
  return Array.isArray(list) ? list.map((item: unknown) => change(asRecord(item) ?? {})) : list;
}
