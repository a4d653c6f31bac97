/**
 * sigstore policy-controller as its release installs it: its own configuration and webhooks, the program on this machine.
 * The definitions of ClusterImagePolicy and TrustRoot are those that are there: they have one schema.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import { policyControllerManifests } from '../builds.ts';
import type { Api, ApiObject } from '../gate/api.ts';
import { isOpen, ProgramGroup, until } from '../processes.ts';

export interface PolicyController {
  readonly pid: () => number | undefined;
  /** What it has written to its log. */
  log(): string;
  close(): Promise<void>;
}

export const systemNamespace = 'cosign-system';

/** Nothing sets them: --secure-port is read too late to count. */
const webhookPort = 8443;
const probesPort = 8080;

export async function startPolicyController(
  api: Api,
  kubeconfig: string,
  program: string,
  data: Readonly<Record<string, string>> = {},
): Promise<PolicyController> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-policy-controller-'));
  const group = new ProgramGroup(folder, { detached: false });
  const objects = objectsOf(data);
  const close = async (): Promise<void> => {
    await uninstall(api, objects);
    await group.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await untilFree([webhookPort, probesPort]);
    for (const object of objects) await api.apply(object);
    const env = Object.entries(environment(folder, kubeconfig)).map(([key, value]) => `${key}=${value}`);
    const args = [...env, program, '-disable-tuf'];
    await group.start('policy-controller', '/usr/bin/env', args, () => isReady(api, objects));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    pid: () => group.pid('policy-controller'),
    log: () => readFileSync(join(folder, 'policy-controller.log'), 'utf8'),
    close,
  };
}

// It reads its own flags before those of its framework are known, -kubeconfig among them.
const environment = (home: string, kubeconfig: string): Readonly<Record<string, string>> => ({
  KUBECONFIG: kubeconfig,
  POD_NAME: 'webhook-0',
  SYSTEM_NAMESPACE: systemNamespace,
  CONFIG_LOGGING_NAME: 'config-logging',
  METRICS_DOMAIN: 'sigstore.dev/policy',
  WEBHOOK_NAME: 'webhook',
  KUBERNETES_MIN_VERSION: '1.21.0',
  HOME: home,
  DOCKER_CONFIG: home,
});

async function untilFree(ports: readonly number[]): Promise<void> {
  const free = await until(async () => (await Promise.all(ports.map(isOpen))).every((open) => !open), 60_000);
  if (!free) throw new Error(`policy-controller needs the ports ${ports.join(' and ')}, which others use`);
}

function objectsOf(data: Readonly<Record<string, string>>): readonly ApiObject[] {
  const manifests = policyControllerManifests();
  const read = (name: string): readonly ApiObject[] =>
    parseAllDocuments(readFileSync(join(manifests, name), 'utf8'))
      .map((document): ApiObject | null => document.toJS())
      .filter((object) => object !== null);
  const configurations = ['config-image-policies', 'config-leader-election', 'config-logging', 'config-sigstore-keys'];
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: systemNamespace } },
    // The API server finds a program on its own machine by a Service of this type.
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'webhook', namespace: systemNamespace },
      spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port: webhookPort }] },
    },
    configMap('config-policy-controller', data),
    // Metrics would need one port more.
    configMap('config-observability', { 'metrics.backend-destination': 'none' }),
    ...configurations.flatMap((name) => read(`${name}.yaml`)),
    ...read('500-webhook-configuration.yaml'),
    ...read('501-policy-webhook-configurations.yaml'),
  ];
  return objects.map(withPort);
}

export function configMap(
  name: string,
  data: Readonly<Record<string, string>>,
  namespace = systemNamespace,
): ApiObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data };
}

/** Every `clientConfig.service` with the port of the program. */
function withPort(object: ApiObject): ApiObject {
  const changed: unknown = JSON.parse(JSON.stringify(object), (key: string, member: unknown) => {
    const found = key === 'clientConfig' ? asRecord(member) : undefined;
    return found === undefined ? member : { ...found, service: { ...asRecord(found['service']), port: webhookPort } };
  });
  // A copy with the same members and one more.
  return changed as ApiObject;
}

const isWebhook = ({ kind }: ApiObject): boolean => kind.endsWith('WebhookConfiguration');

/** It writes rules and its CA into its four configurations. */
async function isReady(api: Api, objects: readonly ApiObject[]): Promise<boolean> {
  const stored = await Promise.all(objects.filter(isWebhook).map((object) => api.read(object)));
  return (await isOpen(webhookPort)) && stored.every((object) => /"caBundle":"[^"]+"/.test(JSON.stringify(object)));
}

/** Policies must be gone by then: it has put its finalizer on them. */
async function uninstall(api: Api, objects: readonly ApiObject[]): Promise<void> {
  for (const object of objects.filter(isWebhook)) await api.remove(object);
  await api.remove({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: systemNamespace } });
}
