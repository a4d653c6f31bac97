import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterAccess } from '../../src/adapters/kubernetes/access-reviews.ts';
import type { Access, Caller } from '../../src/ports/access.ts';
import { hasCluster, kubeconfig } from './access.ts';
import { connect, type Api, type ApiObject } from './gate/api.ts';
import { userRole } from './gate/user-roles.ts';
import { until } from './processes.ts';

describe.runIf(hasCluster)('who may look at the console, by the word of the API server', () => {
  let api: Api;
  let access: Access;
  let namespace: string;

  beforeAll(async () => {
    api = connect(kubeconfig);
    access = clusterAccess(api.config);
    namespace = await api.namespace({});
    await api.apply(userRole('countersign-console-viewer'));
  });
  afterAll(() => api?.close());

  async function account(name: string): Promise<ApiObject> {
    const object = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } };
    await api.apply(object);
    return object;
  }

  async function tokenOf(name: string, audiences?: string[]): Promise<string> {
    const spec = { audiences: audiences ?? [], expirationSeconds: 600 };
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
    const { status } = await api.core.createNamespacedServiceAccountToken({ name, namespace, body });
    return status?.token ?? '';
  }

  async function callerOf(token: string): Promise<Caller | undefined> {
    const found = await access.identify(token);
    if (!found.ok) throw new Error(found.failure.message);
    return found.value;
  }

  async function may(
    caller: Caller | undefined,
    path: string,
    verb: 'mayGet' | 'mayPost' = 'mayGet',
  ): Promise<boolean> {
    if (caller === undefined) throw new Error('nobody');
    const allowed = await access[verb](caller, path);
    return allowed.ok && allowed.value;
  }

  test('a token that kubectl makes is its account, and ends when it says', async () => {
    await account('viewer');
    const caller = await callerOf(await tokenOf('viewer'));
    expect(caller?.user).toBe(`system:serviceaccount:${namespace}:viewer`);
    expect(caller?.groups).toContain('system:authenticated');
    const minutes = (Date.parse(caller?.expires ?? '') - Date.now()) / 60_000;
    expect(minutes).toBeGreaterThan(5);
    expect(minutes).toBeLessThan(11);
  });

  test('a token for somebody else, a text, and the token of an account that is gone are nobody', async () => {
    const doomed = await account('doomed');
    const good = await tokenOf('doomed');
    expect(await callerOf(await tokenOf('doomed', ['vault']))).toBeUndefined();
    expect(await callerOf('not-a-token')).toBeUndefined();
    expect(await callerOf(`${good.slice(0, -4)}AAAA`)).toBeUndefined();
    await api.remove(doomed);
    expect(await until(async () => (await callerOf(good)) === undefined, 15_000)).toBe(true);
  });

  test('only who has the role may look, and only at what it names', async () => {
    await account('guest');
    await account('stranger');
    await api.apply({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: `console-${namespace}` },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'countersign-console-viewer' },
      subjects: [{ kind: 'ServiceAccount', name: 'guest', namespace }],
    });
    const guest = await callerOf(await tokenOf('guest'));
    expect(await until(() => may(guest, '/console'), 10_000)).toBe(true);
    for (const path of ['/console/decisions/1', '/console/policies', '/v1/records/positions']) {
      expect([path, await may(guest, path)]).toEqual([path, true]);
    }
    for (const path of ['/', '/consoles', '/CONSOLE', '/metrics']) {
      expect([path, await may(guest, path)]).toEqual([path, false]);
    }
    const stranger = await callerOf(await tokenOf('stranger'));
    expect(await may(stranger, '/console')).toBe(false);
    // What every account may get, by ClusterRole system:discovery, is no right to anything of ours.
    expect(await may(stranger, '/api/v1/audit/actions')).toBe(true);
    expect(await may(stranger, '/v1/audit/actions')).toBe(false);
    expect(await may(guest, '/v1/audit/actions')).toBe(true);
  });

  test('only who has the role of writers may add to the action history', async () => {
    await account('writer');
    const writers = userRole('countersign-action-history-writer');
    await api.apply(writers);
    await api.apply({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: `history-${namespace}` },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: writers.metadata.name },
      subjects: [{ kind: 'ServiceAccount', name: 'writer', namespace }],
    });
    const writer = await callerOf(await tokenOf('writer'));
    expect(await until(() => may(writer, '/v1/audit/execution', 'mayPost'), 10_000)).toBe(true);
    expect(await may(writer, '/v1/audit/execution')).toBe(false);
    expect(await may(writer, '/v1/audit/actions', 'mayPost')).toBe(false);
    const stranger = await callerOf(await tokenOf('stranger'));
    expect(await may(stranger, '/v1/audit/execution', 'mayPost')).toBe(false);
  });
});
