/** The configuration of other admission programs in a cluster: of the kinds that are there, all objects. */
import { apiClient, type ApiClient } from '../adapters/kubernetes/api-request.ts';
import { loadKubeConfigAsKubectl } from '../adapters/kubernetes/kube-config.ts';
import { failure, quoted } from '../kernel/failure.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { asRecord } from '../kernel/strict-json.ts';
import type { Json, SourceObject } from '../migrate/model.ts';
import { flattened } from '../migrate/source-objects.ts';

const groups: Readonly<Record<string, readonly string[]>> = {
  'policy.sigstore.dev': ['ClusterImagePolicy', 'TrustRoot'],
  'kyverno.io': ['ClusterPolicy', 'Policy'],
  'policies.kyverno.io': ['ImageValidatingPolicy', 'NamespacedImageValidatingPolicy', 'ImageVerificationPolicy'],
  'config.ratify.deislabs.io': [
    'Verifier',
    'NamespacedVerifier',
    'Policy',
    'NamespacedPolicy',
    'Store',
    'NamespacedStore',
    'KeyManagementProvider',
    'NamespacedKeyManagementProvider',
    'CertificateStore',
  ],
  'config.ratify.dev': ['Executor'],
  'constraints.gatekeeper.sh': ['RatifyVerification'],
  'admissionregistration.k8s.io': ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'],
};

/** ConfigMaps that are read by name; with a star, whatever begins so. */
const configMaps: readonly { readonly namespace: string; readonly name: RegExp }[] = [
  { namespace: 'cosign-system', name: /^config-policy-controller$/ },
  { namespace: 'connaisseur', name: /connaisseur/i },
];

const limits = { deadlineMs: 15_000, maxBytes: 32 * 1024 * 1024 };

export async function clusterSources(file: string, withSecrets: boolean): Promise<Result<readonly SourceObject[]>> {
  const config = loadKubeConfigAsKubectl(file);
  if (!config.ok) return config;
  const client = apiClient(config.value, limits);
  try {
    return await sourcesOf(client, withSecrets);
  } finally {
    client.close();
  }
}

export async function sourcesOf(
  client: Pick<ApiClient, 'send'>,
  withSecrets: boolean,
): Promise<Result<readonly SourceObject[]>> {
  const objects: SourceObject[] = [];
  for (const [group, kinds] of Object.entries(groups)) {
    const found = await objectsOfGroup(client, group, kinds);
    // What cannot be listed would be a demand that is forgotten.
    if (!found.ok) return found;
    objects.push(...found.value);
  }
  if (withSecrets) {
    const secrets = await list(client, '/api/v1/namespaces/cosign-system/secrets', {
      apiVersion: 'v1',
      kind: 'Secret',
    });
    if (!secrets.ok) return secrets;
    objects.push(...secrets.value.map((value) => ({ where: 'cluster', value })));
  }
  for (const { namespace, name } of configMaps) {
    const listed = await list(client, `/api/v1/namespaces/${namespace}/configmaps`, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
    });
    if (!listed.ok) return listed;
    for (const value of listed.value.filter((one) => name.test(nameIn(one)))) {
      const inner = flattened(value, `cluster, ConfigMap ${namespace}/${nameIn(value)}`);
      if (!inner.ok) return fail(failure('REQUEST_MALFORMED', inner.failure));
      objects.push(...inner.value);
    }
  }
  return ok(objects);
}

function nameIn(value: Json): string {
  const name = asRecord(value['metadata'])?.['name'];
  return typeof name === 'string' ? name : '';
}

interface Named {
  readonly apiVersion: string;
  readonly kind: string;
}

async function objectsOfGroup(
  client: Pick<ApiClient, 'send'>,
  group: string,
  kinds: readonly string[],
): Promise<Result<readonly SourceObject[]>> {
  const described = await get(client, `/apis/${group}`);
  if (!described.ok) return described;
  const preferred = asRecord(asRecord(described.value)?.['preferredVersion'])?.['groupVersion'];
  if (typeof preferred !== 'string') return ok([]);
  const resources = await get(client, `/apis/${preferred}`);
  if (!resources.ok) return resources;
  const objects: SourceObject[] = [];
  for (const { kind, plural } of resourcesIn(resources.value).filter((one) => kinds.includes(one.kind))) {
    const listed = await list(client, `/apis/${preferred}/${plural}`, { apiVersion: preferred, kind });
    if (!listed.ok) return listed;
    objects.push(...listed.value.map((value) => ({ where: 'cluster', value })));
  }
  return ok(objects);
}

/** Without subresources. */
function resourcesIn(description: unknown): readonly { readonly kind: string; readonly plural: string }[] {
  const entries = asRecord(description)?.['resources'];
  return (Array.isArray(entries) ? entries : []).flatMap((entry) => {
    const { kind, name } = asRecord(entry) ?? {};
    const isResource = typeof kind === 'string' && typeof name === 'string' && !name.includes('/');
    return isResource ? [{ kind, plural: name }] : [];
  });
}

async function list(client: Pick<ApiClient, 'send'>, path: string, named: Named): Promise<Result<readonly Json[]>> {
  const objects: Json[] = [];
  let next = '';
  do {
    const answer = await get(client, path, { limit: '200', ...(next === '' ? {} : { continue: next }) });
    if (!answer.ok) return answer;
    const page = asRecord(answer.value);
    const items = page?.['items'];
    for (const item of Array.isArray(items) ? items : []) objects.push({ ...named, ...asRecord(item) });
    const token = asRecord(page?.['metadata'])?.['continue'];
    next = typeof token === 'string' ? token : '';
  } while (next !== '');
  return ok(objects);
}

/** What is not there is undefined; what may not be read is a failure. */
async function get(
  client: Pick<ApiClient, 'send'>,
  path: string,
  query: Readonly<Record<string, string>> = {},
): Promise<Result<unknown>> {
  const answer = await client.send(
    `read ${path}`,
    { method: 'GET', path, query },
    AbortSignal.timeout(limits.deadlineMs),
  );
  if (!answer.ok) return answer;
  const { status, body } = answer.value;
  if (status === 404) return ok(undefined);
  if (status === 200) return ok(body);
  return fail(failure('CLUSTER_UNAVAILABLE', `cannot read ${quoted(path)}: the API server answered ${status}`));
}
