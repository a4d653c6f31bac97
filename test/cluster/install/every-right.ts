/** What an installation has to be brought to so that the program uses each of its rights; most it uses by itself. */
import { newSigningKey } from '../../../src/demo/images/signing-key.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import { actionPolicy } from '../gate/actions.ts';
import type { Api, ApiObject } from '../gate/api.ts';
import { optedIn } from '../gate/gate.ts';
import { unsignedImage } from '../gate/images.ts';
import { define } from '../gate/installation.ts';
import { keyPolicy, policyOf } from '../gate/policies.ts';
import { openReports, policyReports } from '../gate/report-definitions.ts';
import { deployment, pod, podSpec } from '../gate/workloads.ts';
import { until } from '../processes.ts';
import { systemNamespace, type Installation } from './installation.ts';

/** Of a repository that nobody has, which its status says. */
const remoteRoot: ApiObject = {
  apiVersion: 'policy.sigstore.dev/v1alpha1',
  kind: 'TrustRoot',
  metadata: { name: 'remote' },
  spec: { remote: { mirror: 'https://tuf.example', root: 'eyJzaWduYXR1cmVzIjpbXX0=' } },
};
const namespaceOf = (name: string): ApiObject => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

/** Policies of every kind, one with its key in a Secret, one with its code in a ConfigMap: read, and each gets a status. */
export async function applyEveryPolicy({ api, registry }: Installation): Promise<void> {
  const name = 'release-key';
  const secret = { name, namespace: systemNamespace };
  const stringData = { 'cosign.pub': newSigningKey().publicKeyPem };
  await api.apply({ apiVersion: 'v1', kind: 'Secret', metadata: secret, stringData });
  await api.apply(policyOf('from-secret', `${registry.host}/secret`, [{ name, key: { secretRef: { name } } }]));
  const data = { code: '{}' };
  await api.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...secret, name: 'policy-code' }, data });
  const policy = { type: 'cue', configMapRef: { name: 'policy-code', key: 'code' } };
  await api.apply(policyOf('from-config-map', `${registry.host}/code`, [{ static: { action: 'pass' } }], { policy }));
  await api.apply(actionPolicy('actions', `${registry.host}/actions/**`));
  await api.apply(remoteRoot);
}

/** A registry that wants a password: the service account of the Pod might have one. */
export async function tryOutPrivateImage({ api, closedRegistry, key }: Installation, namespace: string): Promise<void> {
  await api.apply(keyPolicy('private', closedRegistry.host, key));
  const object = pod(namespace, 'private', podSpec(`${closedRegistry.host}/private:1.0`));
  await untilTrue('the registry denies it', async () => (await api.tryOut(object)).text.includes('REGISTRY_DENIED'));
}

/** Runs that only refer to what they run. */
export async function tryOutTekton({ api }: Installation, namespace: string): Promise<void> {
  const run = (kind: string, spec: object): Promise<unknown> =>
    api.tryOut({ apiVersion: 'tekton.dev/v1', kind, metadata: { name: 'run', namespace }, spec });
  await run('TaskRun', { taskRef: { name: 'task' } });
  await run('PipelineRun', { pipelineRef: { name: 'pipeline' } });
  await run('TaskRun', { taskSpec: { steps: [{ name: 'main', ref: { name: 'step' } }] } });
}

/** A Deployment from before its namespace was judged gets no new Pod: its events say why, again and again. */
export async function refuseAgainAndAgain({ api, registry }: Installation): Promise<void> {
  const namespace = await api.namespace({});
  const { tagged } = unsignedImage(registry, 'acme/old');
  await api.apply(deployment(namespace, 'old', 1, podSpec(tagged)));
  const pods = async (): Promise<readonly string[]> =>
    (await api.core.listNamespacedPod({ namespace })).items.map(({ metadata }) => metadata?.name ?? '');
  if (!(await until(async () => (await pods()).length === 1, 20_000))) throw new Error('the Deployment makes no Pod');
  await api.merge(namespaceOf(namespace), { metadata: { labels: optedIn } });
  for (const name of await pods()) await api.remove(pod(namespace, name, {}));
  const isCounted = async (): Promise<boolean> => {
    const { items } = await api.core.listNamespacedEvent({ namespace });
    return items.some(({ source, count = 0 }) => source?.component === 'countersign' && count > 1);
  };
  if (!(await until(isCounted, 60_000))) throw new Error('no event tells of the refused Pods');
  await api.remove(namespaceOf(namespace));
}

/** One kind of report after the other: it comes, it changes, and it goes when its namespace has opted out. */
export async function followReports(installation: Installation): Promise<void> {
  for (const definition of [policyReports, openReports]) {
    await define(installation.api, definition);
    await followReport(installation, definition);
  }
}

/** In two namespaces, so that two scans are enough: what comes in one of them changes, in the other it goes. */
async function followReport({ api, registry }: Installation, definition: ApiObject): Promise<void> {
  const { kind, group, version } = reported(definition);
  const [changing, going] = [await api.namespace({}), await api.namespace({})];
  const add = (namespace: string, name: string): Promise<unknown> =>
    api.apply(pod(namespace, name, podSpec(unsignedImage(registry, `running/${name}`).tagged)));
  const label = (namespace: string, value: string): Promise<unknown> =>
    api.merge(namespaceOf(namespace), { metadata: { labels: { 'policy.sigstore.dev/include': value } } });
  const text = async (namespace: string): Promise<string> => {
    const report = { apiVersion: `${group}/${version}`, kind, metadata: { name: 'countersign', namespace } };
    return JSON.stringify((await api.read(report)) ?? {});
  };
  for (const namespace of [changing, going]) {
    await add(namespace, 'first');
    await label(namespace, 'true');
  }
  const name = async (what: string): Promise<boolean> => (await text(changing)).includes(`"${what}"`);
  await untilTrue(`${kind} names the first Pod`, () => name('first'));
  await untilTrue(`${kind} is in both namespaces`, async () => (await text(going)).includes('"first"'));

  await label(going, 'false');
  await label(changing, 'false');
  await add(changing, 'second');
  await label(changing, 'true');
  await untilTrue(`${kind} names the second Pod`, () => name('second'));
  await untilTrue(`${kind} is gone`, async () => (await text(going)) === '{}');
  for (const namespace of [changing, going]) await api.remove(namespaceOf(namespace));
}

function reported(definition: ApiObject): { readonly kind: string; readonly group: string; readonly version: string } {
  const spec = asRecord(definition['spec']) ?? {};
  const versions: readonly unknown[] = Array.isArray(spec['versions']) ? spec['versions'] : [];
  const kind = asRecord(spec['names'])?.['kind'];
  return { kind: String(kind), group: String(spec['group']), version: String(asRecord(versions[0])?.['name']) };
}

/**
 * A scan follows the change of a policy, and of the leader, after a minute; and then there is one each minute. What is tried
 * meanwhile changes both for minutes on end.
 */
async function untilTrue(what: string, condition: () => Promise<boolean>): Promise<void> {
  if (!(await until(condition, 480_000))) throw new Error(`not so within eight minutes: ${what}`);
}

/** What is not Countersign's and would be left. */
export async function removeDefinitions(api: Api): Promise<void> {
  for (const definition of [policyReports, openReports]) await api.remove(definition);
}
