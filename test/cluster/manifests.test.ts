/** A real API server takes everything in manifests/: base, overlays, and the chart. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { charted, idOf, installations, kustomized } from '../manifests/render.ts';
import { at } from '../manifests/objects.ts';
import { hasCluster, kubeconfig } from './access.ts';
import { connect, type Api, type ApiObject } from './gate/api.ts';
import { attempts, master, type Attempts } from './gate/attempts.ts';
import { findHelm, findKubePrograms } from './programs.ts';

const systemNamespace = 'countersign-system';
/** Kinds of programs that are not in the test cluster. */
const foreignGroups = ['cert-manager.io/', 'monitoring.coreos.com/'];

describe.runIf(hasCluster)('a server-side dry run', () => {
  let api: Api;
  let tries: Attempts;
  let kubectl: string | undefined;
  let helm: string | undefined;

  beforeAll(async () => {
    api = connect(kubeconfig);
    tries = attempts(api.config);
    kubectl = (await findKubePrograms())?.kubectl;
    helm = await findHelm();
    // A dry run of what is in a namespace needs the namespace, and a Pod its service account and its priority.
    const first = ['Namespace', 'PriorityClass', 'ServiceAccount'];
    for (const object of kustomized('base', kubectl).filter(({ kind }) => first.includes(kind)))
      await api.apply(object);
  }, 600_000);

  afterAll(async () => {
    await tries?.close();
    await api?.close();
  });

  async function refusedOf(objects: readonly ApiObject[]): Promise<readonly string[]> {
    const refused: string[] = [];
    for (const object of objects.filter(
      ({ apiVersion }) => !foreignGroups.some((group) => apiVersion.startsWith(group)),
    )) {
      const { status, text } = await tries.apply(master, object);
      if (status >= 300) refused.push(`${idOf(object)}: ${text}`);
    }
    return refused;
  }

  test.each(installations)('takes %s', async (folder) => {
    const objects = kustomized(folder, kubectl);
    expect(objects.length).toBeGreaterThan(20);
    expect(await refusedOf(objects)).toStrictEqual([]);
  });

  test.each([
    ['the values that it comes with', []],
    ['enforcement everywhere', ['enforceEverything=true']],
    [
      'cert-manager, monitoring and a database',
      ['certManager.enabled=true', 'monitoring.enabled=true', 'database.secretName=a'],
    ],
  ])('takes the chart with %s', async (_name, values) => {
    const objects = charted(values, systemNamespace, helm);
    expect(objects.length).toBeGreaterThan(20);
    expect(await refusedOf(objects)).toStrictEqual([]);
  });

  test.each(installations)('takes the Pods of %s into a namespace in which Pods are restricted', async (folder) => {
    const deployments = kustomized(folder, kubectl).filter(({ kind }) => kind === 'Deployment');
    expect(deployments).not.toHaveLength(0);
    for (const deployment of deployments) {
      const spec = at(deployment, 'spec', 'template', 'spec');
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'one', namespace: systemNamespace }, spec };
      expect(await tries.create(master, pod)).toMatchObject({ status: 201 });
    }
  });

  test('does not take a Pod there that is not', async () => {
    const spec = { containers: [{ name: 'main', image: 'nowhere.invalid/image' }] };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'one', namespace: systemNamespace }, spec };
    expect(await tries.create(master, pod)).toMatchObject({
      status: 403,
      text: expect.stringContaining('PodSecurity'),
    });
  });
});
