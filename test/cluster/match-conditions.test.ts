/**
 * What the API server does not even send: the matchConditions of the webhooks, with a webhook that nobody answers. What
 * was sent fails; and of what was not sent, the program has nothing to judge either.
 */
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { judgedKinds } from '../../src/admission/judged-kinds.ts';
import { fieldsToJudge } from '../../src/admission/scope.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { listAt, membersAt } from '../manifests/objects.ts';
import { kustomized } from '../manifests/render.ts';
import { hasCluster, kubeconfig } from './access.ts';
import { connect, type Answer, type Api, type ApiObject } from './gate/api.ts';
import { attempts, master, type Attempts } from './gate/attempts.ts';
import { install } from './gate/installation.ts';
import { workloads } from './gate/workloads.ts';
import { until } from './processes.ts';
import { findKubePrograms } from './programs.ts';

const image = 'nowhere.invalid/app:1';
const held = { finalizers: ['example.com/test'] };

describe.runIf(hasCluster).each(['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration'])('%s', (kind) => {
  let api: Api;
  let tries: Attempts;
  let namespace: string;
  let registered: ApiObject;
  const own = join(tmpdir(), `countersign-conditions-${process.pid}.kubeconfig`);
  const stored = new Map<string, ApiObject>();

  beforeAll(async () => {
    api = connect(kubeconfig);
    tries = attempts(api.config);
    await install(api, own);
    namespace = await api.namespace({});
    for (const workload of workloads) {
      const object = workload.make(namespace, 'one', image);
      await api.apply({ ...object, metadata: { ...object.metadata, ...held } });
      stored.set(workload.kind, object);
    }
    registered = unanswered(await configuration(kind), namespace);
    await api.apply(registered);
    const isSent = async (): Promise<boolean> => wasSent(await change('Deployment', spec({ replicas: 2 })));
    if (!(await until(isSent, 20_000))) throw new Error('the API server does not ask the webhook');
  }, 120_000);

  afterAll(async () => {
    await api?.remove(registered);
    for (const object of stored.values()) {
      await api?.merge(object, { metadata: { finalizers: null } });
      await api?.remove(object);
    }
    await api?.remove({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await tries?.close();
    await api?.close();
    rmSync(own, { force: true });
  });

  function find(name: string): ApiObject {
    const object = stored.get(name);
    if (object === undefined) throw new Error(`there is no ${name}`);
    return object;
  }

  const change = (name: string, to: object, subresource?: string): Promise<Answer> =>
    tries.update(master, find(name), to, subresource);

  const indifferent = [
    ['labels', { metadata: { labels: { a: 'b' } } }],
    ['annotations', { metadata: { annotations: { a: 'b' } } }],
    ['finalizers', { metadata: { finalizers: null } }],
    ['defaults', {}],
  ] as const;
  // A PodTemplate has no spec, and what Tekton's runs are held to is an annotation.
  const spared = workloads.filter(({ kind: name, make }) => name !== 'PodTemplate' && !isTekton(make('', '', '')));

  test.each(spared.flatMap((one) => indifferent.map((row) => [row[0], one.kind, row[1]] as const)))(
    'is not asked when the %s of a %s change, and would have nothing to judge',
    async (_name, name, to) => {
      const before = await api.read(find(name));
      const answer = await change(name, to);
      expect(answer).toMatchObject({ status: 200 });
      expect(judgedOf(before, JSON.parse(answer.text))).toStrictEqual({ ok: true, value: [] });
    },
  );

  test.each(['status', 'scale'])('is not asked about the %s of a Deployment', async (subresource) => {
    expect(await change('Deployment', { metadata: {} }, subresource)).toMatchObject({ status: 200 });
  });

  test('is not asked when one is deleted', async () => {
    expect(await tries.remove(master, find('Deployment'))).toMatchObject({ status: 200 });
  });

  const ofImage = workloads.filter(({ updatable }) => updatable);

  test.each(ofImage)('is asked when the image of a $kind changes', async ({ kind: name, make }) => {
    const other = make(namespace, 'one', 'nowhere.invalid/app:2');
    const answer = await tries.apply(master, other);
    expect(wasSent(answer)).toBe(true);
    expect(judgedOf(find(name), other)).toMatchObject({ ok: true, value: [{ text: 'nowhere.invalid/app:2' }] });
  });

  test.each([
    [
      'an ephemeral container is added',
      'Pod',
      spec({ ephemeralContainers: [{ name: 'debug', image }] }),
      'ephemeralcontainers',
    ],
    ['an init container is added', 'Deployment', template({ initContainers: [{ name: 'first', image }] }), undefined],
    [
      'an image volume is added',
      'StatefulSet',
      template({ volumes: [{ name: 'v', image: { reference: image } }] }),
      undefined,
    ],
    ['the service account is another', 'DaemonSet', template({ serviceAccountName: 'other' }), undefined],
    ['a Deployment is scaled in its specification', 'Deployment', spec({ replicas: 3 }), undefined],
    ['a Job is suspended', 'Job', spec({ suspend: true }), undefined],
    ['labels of a PodTemplate change', 'PodTemplate', { metadata: { labels: { a: 'b' } } }, undefined],
    [
      'what a TaskRun is held to changes',
      'TaskRun',
      { metadata: { annotations: { 'countersign.dev/images': '[]' } } },
      undefined,
    ],
  ] as const)('is asked when %s', async (_name, name, to, subresource) => {
    expect(wasSent(await change(name, to, subresource))).toBe(true);
  });

  test('is asked about a resize, whatever it changes, unless it only mutates', async () => {
    expect(wasSent(await change('Pod', {}, 'resize'))).toBe(kind === 'ValidatingWebhookConfiguration');
  });

  test.each(workloads)('is asked when a $kind is made', async ({ make }) => {
    expect(wasSent(await api.tryOut(make(namespace, 'two', image)))).toBe(true);
  });

  test('is asked about a specification of a megabyte, and not about its labels', async () => {
    const args = Array.from({ length: 1_000 }, (_, index) => `${index}`.padEnd(1_000, 'x'));
    const large = { ...find('Deployment'), metadata: { name: 'large', namespace } };
    const containers = [{ name: 'main', image, args }];
    await api.remove(registered);
    await api.apply({ ...large, spec: { ...membersAt(large, 'spec'), template: podTemplate(containers) } });
    await api.apply(registered);
    const isSent = async (): Promise<boolean> => wasSent(await tries.update(master, large, spec({ replicas: 2 })));
    expect(await until(isSent, 20_000)).toBe(true);
    expect(await tries.update(master, large, { metadata: { labels: { a: 'b' } } })).toMatchObject({ status: 200 });
    await api.remove(large);
  });
});

const spec = (changed: object): object => ({ spec: changed });
const template = (changed: object): object => spec({ template: { spec: changed } });
const podTemplate = (containers: readonly object[]): object => ({
  metadata: { labels: { app: 'test' } },
  spec: { schedulerName: 'nobody', containers },
});

/** The API server tells only of webhooks that it has called. */
function wasSent({ status, text }: Answer): boolean {
  return status >= 500 && text.includes('failed calling webhook');
}

function isTekton({ apiVersion }: ApiObject): boolean {
  return apiVersion.startsWith('tekton.dev/');
}

async function configuration(kind: string): Promise<ApiObject> {
  const objects = kustomized('base', (await findKubePrograms())?.kubectl);
  const found = objects.find((object) => object.kind === kind && object.metadata.name === 'countersign');
  if (found === undefined) throw new Error(`${kind} countersign is not in the base`);
  return found;
}

/** The same webhook for one namespace, at an address where nobody listens. */
function unanswered(configured: ApiObject, namespace: string): ApiObject {
  const changed = {
    name: 'conditions.countersign.dev',
    clientConfig: { url: 'https://127.0.0.1:1/' },
    timeoutSeconds: 1,
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
  };
  const webhooks = listAt(configured, 'webhooks').map((webhook) => ({ ...membersAt(webhook), ...changed }));
  return { ...configured, metadata: { name: 'countersign-conditions' }, webhooks };
}

/** The fields that the program would judge of this update. */
function judgedOf(before: unknown, after: unknown) {
  const [object, oldObject] = [asRecord(after), asRecord(before)];
  const [version = '', group = ''] = String(object?.['apiVersion']).split('/').toReversed();
  const resource = `${String(object?.['kind']).toLowerCase()}s`;
  const judged = judgedKinds.find((one) => one.group === group && one.resource === resource);
  if (judged === undefined || object === undefined) throw new Error(`${resource} of ${group} is not judged`);
  const request = {
    uid: '',
    kind: '',
    resource: { group, version, resource },
    subResource: '',
    namespace: '',
    name: '',
    operation: 'UPDATE' as const,
    user: '',
    dryRun: true,
    object,
    oldObject,
  };
  return fieldsToJudge(request, judged);
}
