/** What the roles of the program grant, and what of it the audit log of the API server has seen used. */
import { readFileSync } from 'node:fs';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import type { Api, ApiObject } from '../gate/api.ts';

/** "VERB GROUP/RESOURCE", or "VERB /path". */
export type Permission = string;

export interface Usage {
  readonly allowed: ReadonlySet<Permission>;
  readonly forbidden: ReadonlySet<Permission>;
}

const account = 'system:serviceaccount:countersign-system:countersign';
const decision = 'authorization.k8s.io/decision';
/** Whose token is of a Pod's own; programs on this machine with an account's token have none. */
const podName = 'authentication.kubernetes.io/pod-name';

export function usage(auditLog: string): Usage {
  const [allowed, forbidden] = [new Set<Permission>(), new Set<Permission>()];
  for (const line of readFileSync(auditLog, 'utf8').split('\n').filter(Boolean)) {
    const event = asRecord(JSON.parse(line)) ?? {};
    const user = asRecord(event['user']) ?? {};
    if (user['username'] !== account || asRecord(user['extra'])?.[podName] === undefined) continue;
    const isAllowed = asRecord(event['annotations'])?.[decision] === 'allow';
    (isAllowed ? allowed : forbidden).add(permissionOf(event));
  }
  return { allowed, forbidden };
}

function permissionOf(event: Readonly<Record<string, unknown>>): Permission {
  const verb = String(event['verb']);
  const object = asRecord(event['objectRef']);
  if (object === undefined) return `${verb} ${new URL(String(event['requestURI']), 'https://api').pathname}`;
  const parts = [object['resource'], object['subresource']].filter((part) => typeof part === 'string');
  return `${verb} ${typeof object['apiGroup'] === 'string' ? object['apiGroup'] : ''}/${parts.join('/')}`;
}

const roles: readonly ApiObject[] = [
  { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'countersign' } },
  { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'countersign-runs' } },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: 'countersign', namespace: 'countersign-system' },
  },
];

export async function granted(api: Api): Promise<ReadonlySet<Permission>> {
  const read = await Promise.all(roles.map((role) => api.read(role)));
  const rules = read.flatMap((role) => list(asRecord(role)?.['rules']));
  return new Set(rules.flatMap((rule) => permissions(asRecord(rule) ?? {})));
}

function permissions({
  verbs,
  apiGroups,
  resources,
  nonResourceURLs,
}: Readonly<Record<string, unknown>>): readonly Permission[] {
  const named = list(apiGroups).flatMap((group) =>
    list(resources).map((resource) => `${String(group)}/${String(resource)}`),
  );
  return [...named, ...list(nonResourceURLs)].flatMap((what) =>
    list(verbs).map((verb) => `${String(verb)} ${String(what)}`),
  );
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
