import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasCluster } from './access.ts';
import type { ApiObject } from './gate/api.ts';
import { optedIn, startGate, type Gate } from './gate/gate.ts';
import { signedImage, unsignedImage, type PushedImage } from './gate/images.ts';
import { refusal } from './gate/refusal.ts';
import { pod, podSpec, valueAt } from './gate/workloads.ts';
import { until } from './processes.ts';

const login = { username: 'reader', password: 'of-private-images' } as const;

describe.runIf(hasCluster)('images of a private registry', () => {
  let gate: Gate;
  let signed: PushedImage;
  let unsigned: PushedImage;

  beforeAll(async () => {
    gate = await startGate({ access: { kind: 'token', ...login } });
    signed = signedImage(gate.registry, 'acme/signed', gate.key);
    unsigned = unsignedImage(gate.registry, 'acme/unsigned');
  });
  afterAll(() => gate?.close());

  const create = (namespace: string, { tagged }: PushedImage, more: object = {}): Promise<unknown> =>
    gate.api.create(pod(namespace, 'private', { ...podSpec(tagged), ...more }), { dryRun: true });
  const named = { imagePullSecrets: [{ name: 'login' }] };

  async function namespaceWithSecret(): Promise<string> {
    const namespace = await gate.api.namespace(optedIn);
    await gate.api.apply(pullSecret(namespace, gate.registry.host));
    return namespace;
  }

  test('are admitted with the pull secret that the Pod names, where reading it is allowed', async () => {
    const namespace = await namespaceWithSecret();
    await gate.api.apply(permission(namespace));
    expect(valueAt(await create(namespace, signed, named), 'spec.containers[0].image')).toBe(signed.pinned);
    expect(await refusal(create(namespace, unsigned, named))).toMatchObject({
      code: 403,
      sentence: expect.stringMatching(/^SIGNATURE_MISSING: /),
    });
  });

  test("are admitted with the pull secret of the Pod's service account", async () => {
    const namespace = await namespaceWithSecret();
    await gate.api.apply(permission(namespace));
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } };
    await gate.api.apply({ ...account, ...named });
    const admitted = async (): Promise<boolean> => create(namespace, signed).then(() => true);
    expect(await until(admitted, 10_000)).toBe(true);
  });

  test('are refused where reading the pull secret is not allowed, with the way out', async () => {
    const namespace = await namespaceWithSecret();
    const { code, sentence } = await refusal(create(namespace, signed, named));
    expect(code).toBe(503);
    expect(sentence).toMatch(/^SECRET_UNAVAILABLE: .*countersign-pull-secrets/);
    expect(sentence).not.toContain(login.password);
  });

  test('are refused to a Pod without pull secret, even after another namespace was let in', async () => {
    const stranger = await gate.api.namespace(optedIn);
    const { code, sentence } = await refusal(create(stranger, signed));
    expect([code, sentence.split(':')[0]]).toEqual([503, 'REGISTRY_DENIED']);
  });
});

function pullSecret(namespace: string, host: string): ApiObject {
  const config = JSON.stringify({ auths: { [host]: login } });
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'login', namespace },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(config).toString('base64') },
  };
}

/** The example at the end of rbac.yaml. */
function permission(namespace: string): ApiObject {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'countersign-pull-secrets', namespace },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'countersign-pull-secrets' },
    subjects: [{ kind: 'ServiceAccount', name: 'countersign', namespace: 'countersign-system' }],
  };
}
