/**
 * Tekton Pipelines as it is installed: its own definitions, configuration, webhook and controller. The programs run on
 * this machine; the images that they put into Pods come from a registry of their own.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { startRegistry } from '../../../src/demo/registry/serve.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import { busyboxImage, imageOf } from '../busybox-image.ts';
import { tektonManifests } from '../builds.ts';
import type { Api, ApiObject } from '../gate/api.ts';
import { push } from '../gate/images.ts';
import { freePorts, ProgramGroup, until } from '../processes.ts';
import type { TektonPrograms } from '../programs.ts';

export interface Tekton {
  /** HOST:PORT of the registry of Tekton's own images. */
  readonly host: string;
  /** The names by which the controller knows them: HOST/REPOSITORY@sha256:… */
  readonly images: readonly string[];
  close(): Promise<void>;
}

const namespace = 'tekton-pipelines';
const service = 'tekton-pipelines-webhook';
/** As in the images of a release: they run where root may not. */
const nobody = '65532';

export async function startTekton(api: Api, kubeconfig: string, programs: TektonPrograms): Promise<Tekton> {
  const stops: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const stop of stops.splice(0).toReversed()) await stop();
  };
  try {
    const registry = await startRegistry();
    stops.push(() => registry.close());
    const image = (name: keyof TektonPrograms): string => {
      const content = readFileSync(programs[name]);
      const entries = [{ kind: 'file', path: `ko-app/${name}`, content, executable: true }] as const;
      const { digest } = push(registry, name, imageOf(entries, { Entrypoint: [`/ko-app/${name}`], User: nobody }));
      return `${registry.host}/${name}@${digest}`;
    };
    const shell = `${registry.host}/shell@${push(registry, 'shell', busyboxImage(['sh'], { user: nobody })).digest}`;
    const own = { entrypoint: image('entrypoint'), nop: image('nop'), workingdirinit: image('workingdirinit'), shell };
    const [port = 0, webhookProbes = 0, controllerProbes = 0] = await freePorts(3);
    const folder = mkdtempSync(join(tmpdir(), 'countersign-tekton-'));
    stops.push(async () => rmSync(folder, { recursive: true, force: true }));
    const group = new ProgramGroup(folder, { detached: false });
    stops.push(() => group.stop());
    const objects = objectsOf(port);
    stops.push(() => uninstall(api, objects));
    await install(api, objects);
    const start = (name: 'webhook' | 'controller', probes: number, args: readonly string[]): Promise<void> => {
      const env = Object.entries(environment(port, probes)).map(([key, value]) => `${key}=${value}`);
      const ready = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${probes}/readiness`)).ok;
      return group.start(name, '/usr/bin/env', [...env, programs[name], `-kubeconfig=${kubeconfig}`, ...args], ready);
    };
    await start('webhook', webhookProbes, []);
    await untilAsked(api);
    await start('controller', controllerProbes, [
      '-disable-ha',
      `-entrypoint-image=${own.entrypoint}`,
      `-nop-image=${own.nop}`,
      `-workingdirinit-image=${own.workingdirinit}`,
      `-shell-image=${own.shell}`,
      '-sidecarlogresults-image=none.invalid/none',
      '-shell-image-win=none.invalid/none',
    ]);
    return { host: registry.host, images: Object.values(own), close };
  } catch (error) {
    await close();
    throw error;
  }
}

const environment = (port: number, probes: number): Readonly<Record<string, string | number>> => ({
  SYSTEM_NAMESPACE: namespace,
  METRICS_DOMAIN: 'tekton.dev/pipeline',
  KUBERNETES_MIN_VERSION: 'v1.28.0',
  WEBHOOK_SERVICE_NAME: service,
  WEBHOOK_SECRET_NAME: 'webhook-certs',
  WEBHOOK_ADMISSION_CONTROLLER_NAME: 'webhook.pipeline.tekton.dev',
  WEBHOOK_PORT: port,
  PROBES_PORT: probes,
  POD_NAME: 'tekton-0',
});

function objectsOf(port: number): readonly ApiObject[] {
  const manifests = tektonManifests();
  const read = (path: string): readonly ApiObject[] =>
    parseAllDocuments(readFileSync(join(manifests, path), 'utf8'))
      .map((document): ApiObject | null => document.toJS())
      .filter((object) => object !== null);
  const definitions = readdirSync(join(manifests, '300-crds')).flatMap((name) => read(`300-crds/${name}`));
  const configurations = readdirSync(manifests).filter((name) => /^config-.*\.yaml$/.test(name));
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    // The API server finds a program on its own machine by a Service of this type.
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: service, namespace },
      spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ name: 'https-webhook', port }] },
    },
    ...definitions,
    ...configurations.flatMap(read).map(restricted),
    ...read('500-webhooks.yaml'),
  ];
  return objects.map((object) => withPort(object, port));
}

/** Without this the containers that Tekton adds have no security context, and no restricted Pod can have them. */
function restricted(object: ApiObject): ApiObject {
  if (object.metadata.name !== 'feature-flags') return object;
  return { ...object, data: { ...asRecord(object['data']), 'set-security-context': 'true' } };
}

/** Its definitions take the place of those that other suites make do with. */
async function install(api: Api, objects: readonly ApiObject[]): Promise<void> {
  await removeAll(
    api,
    objects.filter(({ kind }) => kind === 'CustomResourceDefinition'),
  );
  for (const object of objects) await api.apply(object);
}

/** Every `clientConfig.service` with the port of the program. */
function withPort<T>(value: T, port: number): T {
  const changed: unknown = JSON.parse(JSON.stringify(value), (key: string, member: unknown) => {
    const found = key === 'clientConfig' ? asRecord(member) : undefined;
    return found === undefined ? member : { ...found, service: { ...asRecord(found['service']), port } };
  });
  // A copy with the same members and one more.
  return changed as T;
}

async function uninstall(api: Api, objects: readonly ApiObject[]): Promise<void> {
  const of = (kind: string): readonly ApiObject[] => objects.filter((object) => object.kind === kind);
  await removeAll(api, [...of('ValidatingWebhookConfiguration'), ...of('MutatingWebhookConfiguration')]);
  await removeAll(api, of('CustomResourceDefinition'));
  await api.remove({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
}

/**
 * A definition that is deleted soon after it was made may fail to be cleaned up at first, and is then tried again later and
 * later; whatever changes about it makes it the next.
 */
async function isGone(api: Api, object: ApiObject): Promise<boolean> {
  for (let round = 0; round < 15; round += 1) {
    if (await until(async () => (await api.read(object)) === undefined, 8_000)) return true;
    await api
      .merge(object, { metadata: { annotations: { 'countersign.test/round': String(round) } } })
      .catch(() => undefined);
  }
  return false;
}

async function removeAll(api: Api, objects: readonly ApiObject[]): Promise<void> {
  for (const object of objects) await api.remove(object);
  for (const object of objects) {
    const gone = await isGone(api, object);
    if (!gone) throw new Error(`${object.kind} ${object.metadata.name} does not go away`);
  }
}

async function untilAsked(api: Api): Promise<void> {
  const body = { steps: [{ image: 'nowhere.invalid/probe', script: 'true' }] };
  const task = {
    apiVersion: 'tekton.dev/v1',
    kind: 'Task',
    metadata: { name: 'probe', namespace: 'default' },
    spec: body,
  };
  const asked = await until(async () => {
    await api.create(task, { dryRun: true });
    return true;
  }, 30_000);
  if (!asked) await api.create(task, { dryRun: true });
}
