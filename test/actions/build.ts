/**
 * Images of the catalogue that run for real, built without a build tool, pushed into a registry of the tests and signed with
 * a key. Programs are in layers that images share; they are kept in the cache folder.
 *
 *   const images = await pushActions(gate.registry, gate.key, ['scale-deployment', 'notify-only']);
 *   images.get('kubernetes/scale_deployment')   // HOST/actions/scale-deployment:v1.0.0@sha256:…
 */
import { attachLegacy, signLegacy, simpleSigningPayload } from '../../src/demo/images/legacy.ts';
import type { SigningKey } from '../../src/demo/images/signing-key.ts';
import type { DemoRegistry } from '../../src/demo/registry/serve.ts';
import { digestOf, type Digest } from '../../src/kernel/digest.ts';
import type { ApiObject } from '../cluster/gate/api.ts';
import { catalogue, fileOf, rightsOf, targetBindings, type CatalogueAction } from './catalogue.ts';
import { layerOf, toolLayer, type Layer } from './tools.ts';

/** By action type; each value names the image by tag and digest. */
export type ActionImages = ReadonlyMap<string, string>;

const tag = 'v1.0.0';

/** All that do something, unless names are given. */
export async function pushActions(
  registry: DemoRegistry,
  key: SigningKey,
  names: readonly string[] = implemented.map(({ name }) => name),
): Promise<ActionImages> {
  const images = new Map<string, string>();
  for (const action of names.map(findAction)) images.set(action.actionType, await pushAction(registry, key, action));
  return images;
}

const implemented = catalogue.filter((action) => action.implemented);

function findAction(name: string): CatalogueAction {
  const found = catalogue.find((action) => action.name === name);
  if (found === undefined) throw new Error(`there is no action ${name}`);
  return found;
}

async function pushAction(registry: DemoRegistry, key: SigningKey, action: CatalogueAction): Promise<string> {
  const repository = `actions/${action.name}`;
  const shared = await Promise.all(action.tools.map(toolLayer));
  const digest = putImage(registry, repository, [...shared, ownLayer(action)], {
    Env: ['PATH=/bin'],
    User: '1000',
    Entrypoint: ['/action-entrypoint'],
    Labels: { 'ai.kubernaut.action-contract': action.contract, 'org.opencontainers.image.version': tag },
  });
  const signable = { repository, digest };
  attachLegacy(registry, signable, [signLegacy(simpleSigningPayload(registry.host, signable), key)]);
  return `${registry.host}/${repository}:${tag}@${digest}`;
}

function ownLayer({ name, contract, script, tools }: CatalogueAction): Layer {
  const own = [
    { path: 'action-entrypoint', text: fileOf('action-entrypoint'), executable: true },
    { path: 'action.sh', text: script },
    { path: 'action-contract.yaml', text: contract },
  ];
  const git = [
    { path: 'action-git', text: fileOf('action-git') },
    { path: 'action-askpass', text: fileOf('action-askpass'), executable: true },
  ];
  const files = tools.includes('git') ? [...own, ...git] : own;
  return layerOf([
    ...files.map(({ text, ...file }) => ({ kind: 'file', ...file, content: Buffer.from(text) }) as const),
    // No two images have the same layer, and so each its own digest.
    { kind: 'file', path: 'etc/action', content: Buffer.from(`${name}\n`) },
  ]);
}

function putImage(registry: DemoRegistry, repository: string, layers: readonly Layer[], settings: object): Digest {
  const config = Buffer.from(
    JSON.stringify({
      architecture: { x64: 'amd64' }[String(process.arch)] ?? process.arch,
      os: 'linux',
      config: settings,
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    }),
  );
  const put = (mediaType: string, bytes: Buffer): object => {
    const digest = digestOf(bytes);
    return { mediaType, digest: registry.putBlob(repository, bytes) ?? digest, size: bytes.length };
  };
  return registry.putManifest(
    repository,
    {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: put('application/vnd.oci.image.config.v1+json', config),
      layers: layers.map(({ bytes }) => put('application/vnd.oci.image.layer.v1.tar+gzip', bytes)),
    },
    tag,
  );
}

/** ConfigMap kubernaut-action-registry in the namespace where Countersign is. */
export function registryConfigMap(images: ActionImages, namespace: string): ApiObject {
  const actions = Object.fromEntries(
    [...images].map(([type, image]) => [type, { image, contract: '/action-contract.yaml', verification: 'strict' }]),
  );
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'kubernaut-action-registry', namespace },
    data: { 'registry.yaml': JSON.stringify({ actions }) },
  };
}

/**
 * Service accounts and roles of these actions for one namespace in which they run, bound to the namespaces that they act on,
 * in the order in which they can be applied.
 */
export function actionRights(
  names: readonly string[],
  runNamespace: string,
  targetNamespaces: readonly string[] = [runNamespace],
): readonly ApiObject[] {
  const actions = names.map(findAction);
  const bindings = targetBindings().filter(({ metadata }) =>
    names.some((name) => metadata.name === `kubernaut-action-${name}`),
  );
  return [
    ...actions.flatMap(rightsOf),
    ...targetNamespaces.flatMap((namespace) =>
      bindings.map((binding) => ({ ...binding, metadata: { ...binding.metadata, namespace } })),
    ),
  ].map((object) => inNamespace(object, runNamespace));
}

/** With the namespace of the catalogue replaced. */
function inNamespace(object: ApiObject, namespace: string): ApiObject {
  const changed: unknown = JSON.parse(JSON.stringify(object), (key: string, value: unknown) =>
    key === 'namespace' && value === 'kubernaut-system' ? namespace : value,
  );
  // A copy of the same shape.
  return changed as ApiObject;
}
