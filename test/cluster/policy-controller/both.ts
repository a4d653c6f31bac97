/**
 * Policy-controller and Countersign beside each other, with the same policies, trust roots, Secrets and images. Labels of
 * a namespace say who judges it: what opts out of the one leaves the other.
 */
import type { Api, ApiObject } from '../gate/api.ts';
import { startGate, type Gate } from '../gate/gate.ts';
import { trustRoot } from '../gate/trust-root.ts';
import { startLab, type Lab, type LabImage } from '../../differential/lab.ts';
import { kubeconfig } from '../access.ts';
import { until } from '../processes.ts';
import { copyRepository, copySignatures, makeImages, type ImageName } from './images.ts';
import { codeOfConfigMap, policyCases, policyObject, type PolicyCase, type Setting } from './policies.ts';
import { configMap, startPolicyController, systemNamespace, type PolicyController } from './start-policy-controller.ts';

export type Side = 'policy-controller' | 'countersign';

export interface Both {
  readonly api: Api;
  readonly lab: Lab;
  readonly gate: Gate;
  readonly policyController: PolicyController;
  readonly namespaces: Readonly<Record<Side, string>>;
  imageOf(judged: PolicyCase, name: ImageName): string;
  close(): Promise<void>;
}

/** The label that ends each of them is unknown to the other. */
const labels: Readonly<Record<Side, Readonly<Record<string, string>>>> = {
  'policy-controller': { 'policy.sigstore.dev/include': 'true', 'policy.sigstore.dev/exclude': 'true' },
  countersign: { 'policy.sigstore.dev/include': 'true', 'webhooks.knative.dev/exclude': 'true' },
};

const systemNamespaces = [systemNamespace, 'countersign-system'];

export async function startBoth(program: string): Promise<Both> {
  const stops: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const stop of stops.splice(0).toReversed()) await stop();
  };
  try {
    const lab = await startLab();
    if (lab === undefined) throw new Error('there is no cosign to sign with');
    stops.push(() => lab.close());
    const made = await makeImages(lab);
    copyImages(lab, made);
    const gate = await startGate({}, [`--insecure-registry=${lab.registry.host}`]);
    stops.push(() => gate.close());
    const { api } = gate;
    const policyController = await startPolicyController(api, kubeconfig, program);
    stops.push(() => policyController.close());
    const objects = objectsOf(lab);
    stops.push(() => removeAll(api, objects));
    for (const object of objects) await api.apply(object);
    await untilKnown(api);
    const namespaces = {
      'policy-controller': await api.namespace(labels['policy-controller']),
      countersign: await api.namespace(labels.countersign),
    };
    for (const name of Object.values(namespaces)) {
      stops.push(() => api.remove({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }));
    }
    const imageOf = ({ name: policy, tagged }: PolicyCase, name: ImageName): string => {
      const repository = `${lab.registry.host}/${policy}/${name}`;
      if (tagged === true) return `${repository}:v1`;
      return `${repository}@${made.get(name)?.digest ?? `sha256:${'0'.repeat(64)}`}`;
    };
    return { api, lab, gate, policyController, namespaces, imageOf, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function copyImages({ registry }: Lab, made: ReadonlyMap<ImageName, LabImage>): void {
  for (const { name: policy, images } of policyCases) {
    for (const name of images) {
      const image = made.get(name);
      if (image === undefined) continue;
      const repository = `${policy}/${name}`;
      copyRepository(registry, image.repository, repository);
      if (policy.startsWith('source-')) moveSignatures(registry, image, policy, repository);
    }
  }
}

/** Where the policies source-oci and source-prefix look for them, and nowhere else. */
function moveSignatures(registry: Lab['registry'], image: LabImage, policy: string, repository: string): void {
  if (policy === 'source-oci') copySignatures(registry, image, 'elsewhere/signatures');
  else copySignatures(registry, image, repository, 'release-');
  for (const tag of registry.store.tags(repository).filter((each) => /^sha256-.*\.sig$/.test(each))) {
    registry.store.remove(repository, tag);
  }
}

function objectsOf(lab: Lab): readonly ApiObject[] {
  const setting: Setting = {
    host: lab.registry.host,
    rekorUrl: lab.sigstore.rekorUrl,
    publicKey: (name) => lab.publicKeyPem(name),
  };
  const perSystem = systemNamespaces.flatMap((namespace): readonly ApiObject[] => [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'lab-key', namespace },
      stringData: { 'cosign.pub': lab.publicKeyPem('p256') },
    },
    configMap('lab-code', codeOfConfigMap, namespace),
  ]);
  const roots = [trustRoot('lab', lab.sigstore.trustedRootJson)];
  return [...perSystem, ...roots, ...policyCases.map((each) => policyObject(each, setting))];
}

/** Policy-controller compiles policies into a ConfigMap and trust roots into another. */
async function untilKnown(api: Api): Promise<void> {
  const compiled = async (name: string): Promise<string> => JSON.stringify(await api.read(configMap(name, {}))) ?? '';
  const compiledAll = await until(async () => {
    const [policies, keys] = await Promise.all([compiled('config-image-policies'), compiled('config-sigstore-keys')]);
    const known = policyCases.every(({ name, broken }) => broken === true || policies.includes(`"${name}":`));
    return known && keys.includes('"lab":');
  }, 60_000);
  if (!compiledAll)
    throw new Error(`policy-controller does not know the policies: ${await compiled('config-image-policies')}`);
}

/** Policy-controller has put its finalizer on policies and trust roots. */
async function removeAll(api: Api, objects: readonly ApiObject[]): Promise<void> {
  for (const object of objects) await api.remove(object);
  const gone = await until(async () => {
    const left = await Promise.all(objects.map((object) => api.read(object)));
    return left.every((object) => object === undefined);
  }, 30_000);
  if (!gone) throw new Error('policies do not go away');
}
