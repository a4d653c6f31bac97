/** Users of a cluster with real rights: accounts bound to roles, each with a token and a kubeconfig. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ran } from '../../cli/run.ts';
import { kubeconfig } from '../access.ts';
import type { Api, ApiObject } from '../gate/api.ts';
import { userRole } from '../gate/user-roles.ts';
import { program } from '../gate/webhook-process.ts';

export interface Person {
  readonly token: string;
  /** Its context is in the namespace of the person. */
  readonly kubeconfig: string;
  /** `countersign ARGS`, a process of its own. */
  countersign(...args: readonly string[]): Promise<Ran>;
}

export interface People {
  /** `roles`: ClusterRoles, each for one namespace or, where none is given, for all. */
  person(name: string, roles: readonly (readonly [role: string, namespace?: string])[]): Promise<Person>;
  close(): Promise<void>;
}

const rbac = 'rbac.authorization.k8s.io/v1';
/** What is aggregated to `view` and `edit`, and who may open the console. */
const installed = ['countersign-task-viewer', 'countersign-task-editor', 'countersign-console-viewer'];

/** Accounts of `namespace`. */
export async function startPeople(api: Api, namespace: string): Promise<People> {
  for (const role of installed) await api.apply(userRole(role));
  const folder = mkdtempSync(join(tmpdir(), 'countersign-people-'));
  const everywhere: ApiObject[] = [];

  async function bind(name: string, role: string, where: string | undefined): Promise<void> {
    const binding: ApiObject = {
      apiVersion: rbac,
      kind: where === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
      metadata: { name: `${namespace}-${name}-${role}`, ...(where !== undefined && { namespace: where }) },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    };
    if (where === undefined) everywhere.push(binding);
    await api.apply(binding);
  }

  return {
    async person(name, roles) {
      await api.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } });
      for (const [role, where] of roles) await bind(name, role, where);
      const body = { spec: { audiences: [], expirationSeconds: 3_600 } };
      const { status } = await api.core.createNamespacedServiceAccountToken({ name, namespace, body });
      const token = status?.token ?? '';
      const file = join(folder, name);
      writeFileSync(file, JSON.stringify(kubeconfigOf(api, { name, namespace, token })), { mode: 0o600 });
      return { token, kubeconfig: file, countersign: (...args) => countersign([...args, `--kubeconfig=${file}`]) };
    },
    async close() {
      for (const binding of everywhere) await api.remove(binding);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function kubeconfigOf(api: Api, { name, namespace, token }: Readonly<Record<'name' | 'namespace' | 'token', string>>) {
  const { server, caFile } = api.config.getCurrentCluster() ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority': caFile } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace } }],
    'current-context': name,
  };
}

function countersign(args: readonly string[]): Promise<Ran> {
  // The one of all rights is what it would take where none is named.
  const child = spawn(process.execPath, [program, ...args], { env: { ...process.env, KUBECONFIG: kubeconfig } });
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text));
  const late = setTimeout(() => child.kill('SIGKILL'), 100_000);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(late);
      resolve({ code: code ?? -1, ...said });
    });
  });
}
