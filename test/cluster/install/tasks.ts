/** Tasks as users of an installation apply them: two replicas, the gate, and the limits of the installation's own account. */
import { beforeAll, describe, expect, test } from 'vitest';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import { at } from '../../manifests/objects.ts';
import type { ApiObject } from '../gate/api.ts';
import { unsignedImage } from '../gate/images.ts';
import { until } from '../processes.ts';
import { pushSystemImage } from '../tasks/system-image.ts';
import { pushImages, type Images } from '../tasks/world.ts';
import { systemNamespace, untilReplicas, type Installation } from './installation.ts';
import { applyWithKubectl, leader } from './workflows.ts';

export interface Place {
  readonly installation: Installation;
  /** Has opted in. */
  readonly namespace: string;
}

const openCode = 'kubeopencode.io/v1alpha1';
const itself = '--as=system:serviceaccount:countersign-system:countersign';

export function installedTasks(place: () => Place): void {
  let installation: Installation;
  let namespace: string;
  let images: Images;

  beforeAll(async () => {
    ({ installation, namespace } = place());
    images = pushImages(installation, await pushSystemImage(installation));
    const systemImage = { image: images.system };
    await applyWithKubectl(installation, object('KubeOpenCodeConfig', 'default', { systemImage }));
  }, 180_000);

  const object = (kind: string, name: string, spec: object): ApiObject => ({
    apiVersion: openCode,
    kind,
    metadata: { name, namespace },
    spec,
  });
  const agent = (name: string, spec: object = {}): ApiObject =>
    object('Agent', name, {
      agentImage: images.openCode,
      executorImage: images.executor,
      serviceAccountName: 'default',
      ...spec,
    });
  const task = (name: string, of: string): ApiObject =>
    object('Task', name, { agentRef: { name: of }, description: `I am ${name}` });
  const statusOf = async (one: ApiObject): Promise<Readonly<Record<string, unknown>>> =>
    asRecord(asRecord(await installation.api.read(one))?.['status']) ?? {};

  async function reaches(one: ApiObject, phase: string, milliseconds = 60_000): Promise<void> {
    let status: Readonly<Record<string, unknown>> = {};
    await until(async () => {
      status = await statusOf(one).catch(() => status);
      return status['phase'] === phase;
    }, milliseconds);
    expect(status).toMatchObject({ phase });
  }

  /** Of all its containers. */
  async function imagesOf(name: string): Promise<readonly string[]> {
    const { spec } = await installation.api.core.readNamespacedPod({ name, namespace });
    return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map(({ image = '' }) => image);
  }

  test('one that is applied with kubectl runs to its end, of the very images that were judged', async () => {
    await applyWithKubectl(installation, agent('first'));
    const one = task('first', 'first');
    await applyWithKubectl(installation, one);
    await reaches(one, 'Completed');
    const logs = await installation.kubectl('-n', namespace, 'logs', 'first-pod', '-c', 'agent');
    expect(logs).toBe('TOLD I am first\n');
    const ran = await imagesOf('first-pod');
    expect(ran.length).toBeGreaterThan(2);
    for (const image of ran) expect(image).toMatch(/:1\.0@sha256:[0-9a-f]{64}$/);
    const without = ran.map((image) => image.replace(/@.*/, ''));
    expect(new Set(without)).toEqual(new Set([images.openCode, images.executor, images.system]));
    const shown = await installation.kubectl('-n', namespace, 'get', 'tasks.kubeopencode.io', 'first');
    expect(shown).toMatch(/first +Completed/);
  });

  test('one whose image is not signed is refused, and the Task says by whom', async () => {
    const { tagged } = unsignedImage(installation.registry, 'agents/unsigned');
    await applyWithKubectl(installation, agent('unsigned', { executorImage: tagged }));
    const one = task('unsigned', 'unsigned');
    await applyWithKubectl(installation, one);
    await reaches(one, 'Failed');
    expect(at(await statusOf(one), 'conditions')).toContainEqual(
      expect.objectContaining({
        type: 'Ready',
        reason: 'Refused',
        message: expect.stringContaining('SIGNATURE_MISSING'),
      }),
    );
  });

  test(
    'the replica that leads is killed in mid-run: what runs and what waits runs once',
    {
      timeout: 180_000,
    },
    async () => {
      const command = ['sh', '-c', 'sleep 20; echo done'];
      await applyWithKubectl(installation, agent('slow', { command, maxConcurrentTasks: 1 }));
      const [running, waiting] = [task('survivor', 'slow'), task('waiting', 'slow')];
      await applyWithKubectl(installation, running);
      await reaches(running, 'Running');
      await applyWithKubectl(installation, waiting);
      await reaches(waiting, 'Queued');
      const { startTime, podName } = await statusOf(running);
      const before = await installation.api.core.readNamespacedPod({ name: String(podName), namespace });

      const killed = await leader(installation.api);
      await installation.kubectl('-n', systemNamespace, 'delete', 'pod', killed, '--force', '--grace-period=0');
      await reaches(running, 'Completed', 90_000);
      await reaches(waiting, 'Completed', 90_000);
      expect(await leader(installation.api)).not.toBe(killed);
      expect(await statusOf(running)).toMatchObject({ startTime, podName });
      const after = await installation.api.core.readNamespacedPod({ name: String(podName), namespace });
      expect(after.metadata?.uid).toBe(before.metadata?.uid);
      expect(after.status?.containerStatuses?.map(({ restartCount }) => restartCount)).toEqual([0]);
      await untilReplicas(installation, 2);
    },
  );

  describe('the account that does it', () => {
    const byItself = (...args: readonly string[]): Promise<string> =>
      installation.kubectl(itself, ...args, '--dry-run=server');
    const none = '{"spec":{"replicas":0}}';

    test.each<[string, () => readonly string[]]>([
      ['make a ConfigMap', () => ['-n', namespace, 'create', 'configmap', 'stray', '--from-literal=a=b']],
      ['delete one', () => ['-n', namespace, 'delete', 'configmap', 'kube-root-ca.crt']],
      ['make a Deployment', () => ['-n', namespace, 'create', 'deployment', 'stray', `--image=${images.executor}`]],
      ['scale its own', () => ['-n', systemNamespace, 'patch', 'deployment', 'countersign', `--patch=${none}`]],
      ['delete its own Service', () => ['-n', systemNamespace, 'delete', 'service', 'countersign']],
    ])('may not %s', async (_what, args) => {
      await expect(byItself(...args())).rejects.toThrow("ValidatingAdmissionPolicy 'countersign-limits'");
    });
  });
}
