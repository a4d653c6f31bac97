/** What an administrator applies before Countersign runs: the files of manifests/; and Tekton's kinds, unless it is there. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Api, ApiObject } from './api.ts';
import { until } from '../processes.ts';

const manifests = join(import.meta.dirname, '../../../manifests');
const systemNamespace = 'countersign-system';

/** Writes a kubeconfig of the service account that Countersign has in a cluster, with no right but those of base/rbac.yaml. */
export async function install(api: Api, kubeconfig: string): Promise<void> {
  await api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: systemNamespace } });
  for (const object of read('base/rbac.yaml')) await api.apply(object);
  const files = readdirSync(join(manifests, 'crds')).filter((name) => name !== 'kustomization.yaml');
  const definitions = files.flatMap((name) => read(`crds/${name}`));
  for (const definition of definitions) await define(api, definition);
  await defineTekton(api);
  writeFileSync(kubeconfig, JSON.stringify(await kubeconfigOf(api, 'countersign')), { mode: 0o600 });
}

/** Unless Tekton's own are there. */
export async function defineTekton(api: Api): Promise<void> {
  for (const definition of tektonKinds.map(tekton)) {
    if ((await api.read(definition)) === undefined) await define(api, definition);
  }
}

export async function define(api: Api, definition: ApiObject): Promise<void> {
  await api.apply(definition);
  const served = await until(
    async () => JSON.stringify(await api.read(definition)).includes('"type":"Established"'),
    20_000,
  );
  if (!served) throw new Error(`${definition.metadata.name} is not served`);
}

async function kubeconfigOf(api: Api, name: string): Promise<unknown> {
  const body = { spec: { audiences: [], expirationSeconds: 3_600 } };
  const { status } = await api.core.createNamespacedServiceAccountToken({ name, namespace: systemNamespace, body });
  const cluster = api.config.getCurrentCluster();
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: cluster?.server, 'certificate-authority': cluster?.caFile } }],
    users: [{ name, user: { token: status?.token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
}

export interface Registered {
  remove(): Promise<void>;
}

/** base/webhooks.yaml as its comment says for a webhook outside the cluster. */
export function register(api: Api, url: string, caBundle: string): Promise<Registered> {
  return registerAll(api, read('base/webhooks.yaml'), url, caBundle);
}

/** base/policy-webhook.yaml. */
export function registerPolicies(api: Api, url: string, caBundle: string): Promise<Registered> {
  return registerAll(api, read('base/policy-webhook.yaml'), url, caBundle);
}

async function registerAll(
  api: Api,
  configurations: readonly ApiObject[],
  url: string,
  caBundle: string,
): Promise<Registered> {
  for (const configuration of configurations) await api.apply(outside(configuration, url, caBundle));
  const remove = async (): Promise<void> => {
    for (const configuration of configurations) await api.remove(configuration);
  };
  return { remove };
}

const paths: Readonly<Record<string, string>> = {
  ValidatingWebhookConfiguration: '/validate',
  MutatingWebhookConfiguration: '/mutate',
};

function outside(configuration: ApiObject, url: string, caBundle: string): ApiObject {
  const clientConfig = { url: `${url}${paths[configuration.kind]}`, caBundle };
  // The files of manifests/ are ours.
  const webhooks = configuration['webhooks'] as readonly object[];
  return { ...configuration, webhooks: webhooks.map((webhook) => ({ ...webhook, clientConfig })) };
}

function read(name: string): readonly ApiObject[] {
  const documents = parseAllDocuments(readFileSync(join(manifests, name), 'utf8'));
  return documents.map((document): ApiObject => document.toJS());
}

const tektonKinds = ['Task', 'TaskRun', 'Pipeline', 'PipelineRun', 'StepAction'] as const;

/** Any field, checked by Tekton's webhook alone: so Tekton's own definitions were, and for admission they still are. */
function tekton(kind: string): ApiObject {
  const plural = `${kind.toLowerCase()}s`;
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const version = {
    name: 'v1',
    served: true,
    storage: true,
    subresources: { status: {} },
    schema: { openAPIV3Schema: open },
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.tekton.dev` },
    spec: {
      group: 'tekton.dev',
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [version],
    },
  };
}
