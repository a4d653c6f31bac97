/** The admission policy countersign-protect, asked by the API server: whom it stops, and whom it does not. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { at, listAt, membersAt } from '../manifests/objects.ts';
import { kustomized } from '../manifests/render.ts';
import { hasCluster, kubeconfig } from './access.ts';
import { connect, type Answer, type Api, type ApiObject } from './gate/api.ts';
import { attempts, master, type Attempts, type User } from './gate/attempts.ts';
import { applyBase, type AppliedBase } from './gate/base.ts';
import { until } from './processes.ts';
import { findKubePrograms } from './programs.ts';

/** A cluster administrator who came through an identity provider: RBAC stops him from nothing. */
const operator: User = { name: 'operator' };
const admin: User = { name: 'admin', group: 'countersign:admins' };
const itself = account('countersign-system', 'countersign');

function account(namespace: string, name: string): User {
  return { name: `system:serviceaccount:${namespace}:${name}` };
}

const include = 'policy.sigstore.dev/include';
const exclude = 'policy.sigstore.dev/exclude';
const announcement = { 'countersign.dev/allow-changes': 'true' };
const announced = { metadata: { annotations: announcement } };
const labels = (changed: object | null) => ({ metadata: { labels: changed } });

function namespaceWith(name: string, has: object, annotations: object = {}): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { ...has }, annotations: { ...annotations } },
  };
}

const namespaces = {
  judged: namespaceWith('protected-judged', { [include]: 'true' }),
  announced: namespaceWith('protected-announced', { [include]: 'true' }, announcement),
  unannounced: namespaceWith(
    'protected-unannounced',
    { [include]: 'true' },
    { 'countersign.dev/allow-changes': 'yes' },
  ),
  excluded: namespaceWith('protected-excluded', { [include]: 'true', [exclude]: '' }),
  other: namespaceWith('protected-other', {}),
};
const strangers: ApiObject = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingWebhookConfiguration',
  metadata: { name: 'protected-not-ours' },
  webhooks: [],
};
const grants = [
  grant('User', operator.name),
  grant('Group', 'countersign:admins'),
  grant('User', account('team', 'deployer').name),
];

function grant(kind: string, name: string): ApiObject {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: `protected-${name.replaceAll(':', '-')}` },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind, name }],
  };
}

/** A change of every webhook in a configuration. */
const every =
  (change: object) =>
  (object: ApiObject): object => ({
    webhooks: listAt(object, 'webhooks').map((webhook) => ({ ...membersAt(webhook), ...change })),
  });
const failingOpen = every({ failurePolicy: 'Ignore' });
const judgingNothing = every({ namespaceSelector: { matchLabels: { never: 'true' } } });
const elsewhere = every({ clientConfig: { url: 'https://example.com/validate' } });
const conditional = every({ matchConditions: [{ name: 'never', expression: 'false' }] });
const trusting = (object: ApiObject): object => {
  const caBundle = Buffer.from(pem).toString('base64');
  return every({ clientConfig: { ...membersAt(object, 'webhooks', 0, 'clientConfig'), caBundle } })(object);
};
// The API server looks no further than the first line.
const pem = '-----BEGIN CERTIFICATE-----\nMAo=\n-----END CERTIFICATE-----\n';

describe.runIf(hasCluster)('the admission policy', () => {
  let api: Api;
  let tries: Attempts;
  let base: AppliedBase;
  const made = [...Object.values(namespaces), strangers, ...grants];

  const targets = {
    validating: () => base.find('ValidatingWebhookConfiguration', 'countersign'),
    mutating: () => base.find('MutatingWebhookConfiguration', 'countersign'),
    policies: () => base.find('ValidatingWebhookConfiguration', 'countersign-policies'),
    definition: () => base.find('CustomResourceDefinition', 'trustroots.policy.sigstore.dev'),
    ownNamespace: () => base.find('Namespace', 'countersign-system'),
    strangers: () => strangers,
    judged: () => namespaces.judged,
    announced: () => namespaces.announced,
    unannounced: () => namespaces.unannounced,
    excluded: () => namespaces.excluded,
    other: () => namespaces.other,
  };
  type Target = keyof typeof targets;

  beforeAll(async () => {
    api = connect(kubeconfig);
    tries = attempts(api.config);
    base = await applyBase(api);
    for (const object of made) await api.apply(object);
    const isInForce = async (): Promise<boolean> => (await tries.remove(operator, targets.validating())).status === 403;
    const wasFree = (await tries.remove(operator, strangers)).status === 200;
    if (!(await until(isInForce, 30_000)) || !wasFree) throw new Error('the admission policy is not in force');
  }, 120_000);

  afterAll(async () => {
    for (const object of made) await api?.remove(object);
    await base?.remove();
    await tries?.close();
    await api?.close();
  });

  type Change = 'delete' | 'delete all' | object | ((object: ApiObject) => object);

  function attempt(user: User, target: Target, change: Change): Promise<Answer> {
    const object = targets[target]();
    if (change === 'delete') return tries.remove(user, object);
    if (change === 'delete all') return tries.removeAll(user, object);
    return tries.update(user, object, typeof change === 'function' ? change(object) : Object(change));
  }

  const refused: readonly (readonly [string, Target, Change])[] = [
    ['delete the validating webhook', 'validating', 'delete'],
    ['delete the mutating webhook', 'mutating', 'delete'],
    ['delete the webhook of policies', 'policies', 'delete'],
    ['delete all validating webhooks at once', 'validating', 'delete all'],
    ['delete all mutating webhooks at once', 'mutating', 'delete all'],
    ['let the validating webhook fail open', 'validating', failingOpen],
    ['let the mutating webhook fail open', 'mutating', failingOpen],
    ['have no namespace judged', 'validating', judgingNothing],
    ['have nothing mutated', 'mutating', judgingNothing],
    ['have somebody else judge', 'validating', elsewhere],
    ['have nothing judged by a condition', 'validating', conditional],
    ['put another CA in', 'validating', trusting],
    ['empty the validating webhook', 'validating', { webhooks: [] }],
    ['empty the webhook of policies', 'policies', { webhooks: null }],
    ['announce a change and make it at once', 'validating', { ...announced, webhooks: [] }],
    ['delete a definition of policies', 'definition', 'delete'],
    ['delete all definitions at once', 'definition', 'delete all'],
    ['delete the namespace of Countersign', 'ownNamespace', 'delete'],
    ['take the label off a namespace that is judged', 'judged', labels({ [include]: null })],
    ['take all labels off a namespace that is judged', 'judged', labels(null)],
    ['give the label another value', 'judged', labels({ [include]: 'false' })],
    ['empty the label', 'judged', labels({ [include]: '' })],
    ['exclude a namespace that is judged', 'judged', labels({ [exclude]: 'true' })],
    ['exclude a namespace that is judged without a reason', 'judged', labels({ [exclude]: '' })],
    ['announce it and exclude at once', 'judged', { metadata: { ...announced.metadata, labels: { [exclude]: '' } } }],
    ['exclude a namespace with an announcement of another value', 'unannounced', labels({ [exclude]: 'true' })],
  ];

  test.each(refused)('lets no administrator %s unannounced', async (_name, target, change) => {
    for (const user of [operator, account('team', 'deployer')]) {
      const { status, text } = await attempt(user, target, change);
      expect({ status, text }).toMatchObject({ status: 403 });
      expect(String(at(JSON.parse(text), 'message'))).toMatch(
        /ValidatingAdmissionPolicy 'countersign-protect'.* first: kubectl annotate [a-z]+ [a-z0-9.-]+ countersign\.dev\/allow-changes=true/,
      );
    }
  });

  const free: readonly (readonly [string, User, Target, Change])[] = [
    ['announce a change of the webhook', operator, 'validating', announced],
    ['announce the deletion of a definition', operator, 'definition', announced],
    ['announce the deletion of the namespace', operator, 'ownNamespace', announced],
    ['label the webhook', operator, 'validating', labels({ a: 'b' })],
    ['label its namespace', operator, 'ownNamespace', labels({ a: 'b' })],
    ['change a definition, as an upgrade does', operator, 'definition', { spec: { names: { shortNames: ['tr'] } } }],
    ['delete the webhook of others', operator, 'strangers', 'delete'],
    ['label the webhook of others', operator, 'strangers', labels({ a: 'b' })],
    ['label a namespace that is judged', operator, 'judged', labels({ a: 'b' })],
    ['announce that a namespace will not be judged', operator, 'judged', announced],
    ['then take its label off', operator, 'announced', labels({ [include]: null })],
    ['or exclude it', operator, 'announced', labels({ [exclude]: 'true' })],
    ['delete a namespace that is judged', operator, 'judged', 'delete'],
    ['take the label off a namespace that is excluded', operator, 'excluded', labels({ [include]: null })],
    ['have an excluded namespace judged', operator, 'excluded', labels({ [exclude]: null })],
    ['have another namespace judged', operator, 'other', labels({ [include]: 'true' })],
    ['exclude a namespace that is not judged', operator, 'other', labels({ [exclude]: 'true' })],
    ['let the webhook fail open as countersign:admins', admin, 'validating', failingOpen],
    ['delete the webhook as countersign:admins', admin, 'mutating', 'delete'],
    ['delete a definition as countersign:admins', admin, 'definition', 'delete'],
    ['exclude a namespace as countersign:admins', admin, 'judged', labels({ [exclude]: 'true' })],
    ['delete the webhook as system:masters', master, 'validating', 'delete'],
    ['delete all webhooks as system:masters', master, 'validating', 'delete all'],
    ['delete a definition as system:masters', master, 'definition', 'delete'],
    ['delete the namespace as system:masters', master, 'ownNamespace', 'delete'],
    ['put its CA into the validating webhook as Countersign', itself, 'validating', trusting],
    ['put its CA into the mutating webhook as Countersign', itself, 'mutating', trusting],
    ['put its CA into the webhook of policies as Countersign', itself, 'policies', trusting],
  ];

  test.each(free)('lets them %s', async (_name, user, target, change) => {
    const { status, text } = await attempt(user, target, change);
    expect({ status, text }).toMatchObject({ status: 200 });
  });

  describe('where every namespace is judged', () => {
    beforeAll(async () => {
      const objects = kustomized('overlays/enforce-everything', (await findKubePrograms())?.kubectl);
      for (const one of objects.filter(({ kind }) => kind === 'ValidatingAdmissionPolicy')) await api.apply(one);
      const isInForce = async (): Promise<boolean> =>
        (await attempt(operator, 'other', labels({ [exclude]: 'true' }))).status === 403;
      if (!(await until(isInForce, 30_000))) throw new Error('the admission policy of the overlay is not in force');
    });

    test.each<readonly [string, Target, Change, number]>([
      ['excluding a namespace', 'other', labels({ [exclude]: '' }), 403],
      ['excluding a namespace that had opted in', 'judged', labels({ [exclude]: 'true' }), 403],
      ['letting the webhook fail open', 'validating', failingOpen, 403],
      ['taking away the label of those that opt in', 'judged', labels({ [include]: null }), 200],
      ['taking all labels away', 'judged', labels(null), 200],
      ['excluding one that was announced', 'announced', labels({ [exclude]: 'true' }), 200],
      ['having an excluded one judged', 'excluded', labels({ [exclude]: null }), 200],
      ['labelling an excluded one', 'excluded', labels({ a: 'b' }), 200],
      ['deleting one', 'judged', 'delete', 200],
    ])('%s (%s) is answered as it should be', async (_name, target, change, status) => {
      expect(await attempt(operator, target, change)).toMatchObject({ status });
    });
  });

  const beyond: readonly (readonly [string, ApiObject, Change])[] = [
    ['delete its webhook', object('admissionregistration.k8s.io/v1', 'ValidatingWebhookConfiguration'), 'delete'],
    ['change the webhook of others', strangers, labels({ a: 'b' })],
    ['change its own role', object('rbac.authorization.k8s.io/v1', 'ClusterRole'), { rules: [] }],
    ['delete its Secrets', object('v1', 'Secret', 'countersign-system'), 'delete'],
    ['change another Secret of its namespace', object('v1', 'Secret', 'countersign-system'), { data: {} }],
    ['change a Secret elsewhere', object('v1', 'Secret', 'default'), { data: {} }],
    ['change a Pod', object('v1', 'Pod', 'default'), labels({ a: 'b' })],
    ['change a StatefulSet', object('apps/v1', 'StatefulSet', 'default'), { spec: { replicas: 0 } }],
    ['delete a lease', object('coordination.k8s.io/v1', 'Lease', 'countersign-system'), 'delete'],
    ['take a lease elsewhere', object('coordination.k8s.io/v1', 'Lease', 'kube-system'), { spec: {} }],
    ['label a namespace', namespaces.judged, labels({ [include]: 'false' })],
    ['change a policy', object('policy.sigstore.dev/v1beta1', 'ClusterImagePolicy'), { spec: {} }],
    ['delete a policy', object('policy.sigstore.dev/v1beta1', 'ClusterImagePolicy'), 'delete'],
  ];

  test.each(beyond)('and RBAC do not let Countersign itself %s', async (_name, target, change) => {
    const { status, text } =
      change === 'delete' ? await tries.remove(itself, target) : await tries.update(itself, target, Object(change));
    expect({ status, text }).toMatchObject({ status: 403, text: expect.stringContaining('cannot') });
  });

  const ofAgent = { 'kubeopencode.io/agent': 'a' };
  const own = object('v1', 'Service', 'countersign-system');
  const foreign = configMap('default', {});
  const ours = configMap('default', { 'kubetask.io/task': 't' }, 'countersign-of-task');

  describe('lets Countersign write what belongs to Tasks and Agents', () => {
    beforeAll(async () => {
      for (const one of [foreign, ours]) await api.apply(one);
      const isInForce = async (): Promise<boolean> => (await tries.remove(itself, foreign)).status === 403;
      if (!(await until(isInForce, 30_000))) throw new Error('the limits are not in force');
    }, 60_000);
    afterAll(async () => {
      for (const one of [foreign, ours]) await api?.remove(one);
    });

    test.each<[string, ApiObject, Change | 'create']>([
      ['make a ConfigMap', configMap('default', { 'kubeopencode.io/task': 't' }, 'another'), 'create'],
      ['make a Pod', pod('default', { 'kubeopencode.io/task': 't' }), 'create'],
      ['make a Service', service('default', ofAgent), 'create'],
      ['make a Deployment', deployment('default', ofAgent), 'create'],
      ['make a Job', job('default', { 'kubetask.io/task': 't' }), 'create'],
      ['make a Job of a workflow', job('kube-system', { 'kubernaut.io/workflow': 'w' }), 'create'],
      ['change its ConfigMap', ours, { data: { a: 'b' } }],
      ['delete its ConfigMap', ours, 'delete'],
    ])('%s', async (_name, target, change) => {
      expect((await attemptItself(target, change)).status).toBeLessThan(300);
    });

    test.each<[string, ApiObject, Change | 'create']>([
      ['change its own Service', own, { spec: { selector: { a: 'b' } } }],
      ['make its own Service that of an Agent', own, labels(ofAgent)],
      ['delete its own Service', own, 'delete'],
      ['make a Deployment of nobody', deployment('default', {}), 'create'],
      ['make a Deployment beside its own', deployment('countersign-system', ofAgent), 'create'],
      ['make a Pod of nobody', pod('default', {}), 'create'],
      ['make a Pod of a Task where none is judged', pod('kube-system', { 'kubeopencode.io/task': 't' }), 'create'],
      ['make a Job of a Task where none is judged', job('kube-system', { 'kubetask.io/task': 't' }), 'create'],
      ['make a ConfigMap of nobody', configMap('default', {}, 'another'), 'create'],
      ['make a ConfigMap with another label', configMap('default', { app: 'kubeopencode' }, 'another'), 'create'],
      ['change a ConfigMap of somebody', foreign, { data: { a: 'b' } }],
      ['take a ConfigMap of somebody', foreign, labels(ofAgent)],
      ['delete a ConfigMap of somebody', foreign, 'delete'],
      ['give its ConfigMap away', ours, labels(null)],
    ])('and not: %s', async (_name, target, change) => {
      const { status, text } = await attemptItself(target, change);
      expect({ status, text }).toMatchObject({
        status: 403,
        text: expect.stringContaining("ValidatingAdmissionPolicy 'countersign-limits'"),
      });
    });

    test('and nobody else is concerned', async () => {
      for (const user of [operator, master]) {
        expect((await tries.update(user, foreign, { data: { a: 'b' } })).status).toBe(200);
        expect((await tries.create(user, deployment('default', {}))).status).toBe(201);
      }
    });

    function attemptItself(target: ApiObject, change: Change | 'create'): Promise<Answer> {
      if (change === 'create') return tries.create(itself, target);
      return change === 'delete' ? tries.remove(itself, target) : tries.update(itself, target, Object(change));
    }
  });
});

function object(apiVersion: string, kind: string, namespace?: string): ApiObject {
  const place = namespace === undefined ? {} : { namespace };
  return { apiVersion, kind, metadata: { name: 'countersign', ...place } };
}

type Labels = Readonly<Record<string, string>>;

function configMap(namespace: string, has: Labels, name = 'countersign-of-somebody'): ApiObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels: has } };
}

function pod(namespace: string, has: Labels): ApiObject {
  const metadata = { name: 'countersign-tried', namespace, labels: has };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [{ name: 'main', image: 'i' }] } };
}

function job(namespace: string, has: Labels): ApiObject {
  const { metadata, spec } = pod(namespace, has);
  const template = { spec: { ...Object(spec), restartPolicy: 'Never' } };
  return { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: { template } };
}

function service(namespace: string, has: Labels): ApiObject {
  const metadata = { name: 'countersign-tried', namespace, labels: has };
  return { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ port: 80 }] } };
}

function deployment(namespace: string, has: Labels): ApiObject {
  const labelled = { app: 'tried' };
  const template = { metadata: { labels: labelled }, spec: { containers: [{ name: 'main', image: 'i' }] } };
  const metadata = { name: 'countersign-tried', namespace, labels: has };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: { selector: { matchLabels: labelled }, template },
  };
}
