import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newSigningKey } from '../../src/demo/images/signing-key.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { hasCluster, kubeconfig } from './access.ts';
import type { ApiObject } from './gate/api.ts';
import { startGate, type Gate } from './gate/gate.ts';
import { signedImage, type PushedImage } from './gate/images.ts';
import { keyPolicy, policyOf } from './gate/policies.ts';
import { pod, podSpec, valueAt } from './gate/workloads.ts';
import { until } from './processes.ts';
import { findKubePrograms } from './programs.ts';
import { TufRepo } from '../adapters/sigstore/tuf-kit.ts';
import { createSigstore } from '../verification/kit/sigstore.ts';

const run = promisify(execFile);

describe.runIf(hasCluster)('what is told about policies and refusals', () => {
  let gate: Gate;
  let signed: PushedImage;

  beforeAll(async () => {
    gate = await startGate();
    signed = signedImage(gate.registry, 'acme/signed', gate.key);
  });
  afterAll(() => gate?.close());

  async function condition(object: ApiObject, type: string): Promise<Readonly<Record<string, unknown>>> {
    const conditions = valueAt(await gate.api.read(object), 'status.conditions');
    const found = (Array.isArray(conditions) ? conditions : []).find(
      (one: unknown) => asRecord(one)?.['type'] === type,
    );
    return asRecord(found) ?? {};
  }

  /** Ready as status and reason, for the generation that is written. */
  async function ready(object: ApiObject): Promise<string> {
    const stored = await gate.api.read(object);
    const isCurrent = valueAt(stored, 'status.observedGeneration') === valueAt(stored, 'metadata.generation');
    const { status, reason } = await condition(object, 'Ready');
    return isCurrent ? [status, reason].join(' ') : 'old';
  }

  const becomes = (object: ApiObject, expected: string, ms: number): Promise<boolean> =>
    until(async () => (await ready(object)) === expected, ms);

  /** What `kubectl describe` asks for: reasons and messages of Countersign's events about the object. */
  async function events(object: ApiObject): Promise<readonly { reason: string; message: string }[]> {
    const { kind, metadata } = object;
    const uid = String(valueAt(await gate.api.read(object), 'metadata.uid'));
    const selected = `involvedObject.kind=${kind},involvedObject.name=${metadata.name},involvedObject.uid=${uid}`;
    const { items } = await gate.api.core.listEventForAllNamespaces({ fieldSelector: selected });
    return items
      .filter(({ source }) => source?.component === 'countersign')
      .map(({ reason = '', message = '' }) => ({ reason, message }));
  }

  async function kubectl(...args: readonly string[]): Promise<string> {
    const programs = await findKubePrograms();
    const { stdout } = await run(programs?.kubectl ?? 'kubectl', [`--kubeconfig=${kubeconfig}`, ...args], {
      timeout: 30_000,
    });
    return stdout;
  }

  const isAdmitted = async ({ tagged }: PushedImage): Promise<boolean> =>
    gate.api.create(pod(gate.namespace, 'trial', podSpec(tagged)), { dryRun: true }).then(
      () => true,
      () => false,
    );

  test('a broken policy says so within two seconds, with what is in force instead, and that it is mended', async () => {
    const broken = policyOf('apps', gate.registry.host, [{ key: { data: 'MIIB' } }]);
    // A leader that was killed is followed after 15 seconds.
    expect(await becomes(gate.policy, 'True InForce', 40_000)).toBe(true);
    await gate.api.apply(broken);
    expect(await becomes(broken, 'False Invalid', 2_000)).toBe(true);
    expect((await condition(broken, 'Ready'))['message']).toMatch(
      /spec\.authorities\[0\]\.key\.data.*its last good version stays in force/is,
    );
    expect(
      await until(async () => (await events(broken)).some(({ reason }) => reason === 'PolicyInvalid'), 5_000),
    ).toBe(true);
    await gate.api.apply(gate.policy);
    expect(await becomes(gate.policy, 'True InForce', 2_000)).toBe(true);
  });

  test('people see it in the table', async () => {
    const [header = '', row = ''] = (await kubectl('get', 'clusterimagepolicies', 'apps', '-o', 'wide')).split('\n');
    expect(header.split(/\s+/).filter((cell) => cell !== '')).toEqual([
      'NAME',
      'READY',
      'REASON',
      'MODE',
      'IMAGES',
      'AGE',
    ]);
    expect(row).toMatch(/^apps\s+True\s+InForce\s+enforce/);
  });

  test('a policy that can never match is told of once per generation', async () => {
    const vain = (glob: string): ApiObject => ({
      apiVersion: 'policy.sigstore.dev/v1beta1',
      kind: 'ClusterImagePolicy',
      metadata: { name: 'vain' },
      spec: { images: [{ glob }], authorities: [{ static: { action: 'fail' } }] },
    });
    await gate.api.apply(vain('nginx'));
    try {
      expect(await until(async () => (await events(vain('nginx'))).length === 1, 5_000)).toBe(true);
      const [event] = await events(vain('nginx'));
      expect(event).toEqual({
        reason: 'PolicyNeverMatches',
        message: expect.stringContaining('index.docker.io/library/nginx@*'),
      });
      expect(await condition(vain('nginx'), 'Matchable')).toMatchObject({ status: 'False', reason: 'NeverMatches' });
      expect(await kubectl('describe', 'clusterimagepolicy', 'vain')).toMatch(/Warning\s+PolicyNeverMatches/);
      await gate.api.apply(vain('redis'));
      expect(await until(async () => (await events(vain('redis'))).length === 2, 5_000)).toBe(true);
      await gate.api.apply(vain('index.docker.io/library/redis@*'));
      expect(await until(async () => (await condition(vain('x'), 'Matchable'))['status'] === 'True', 5_000)).toBe(true);
      expect(await events(vain('x'))).toHaveLength(2);
    } finally {
      await gate.api.remove(vain('nginx'));
    }
  });

  test('a trust root whose TUF repository is refused says why, and whoever names it that it waits', async () => {
    const root: ApiObject = {
      apiVersion: 'policy.sigstore.dev/v1alpha1',
      kind: 'TrustRoot',
      metadata: { name: 'remote-root' },
      spec: { remote: { mirror: 'https://tuf.example', root: 'eyJzaWduYXR1cmVzIjpbXX0=' } },
    };
    const identities = [{ issuer: 'https://issuer.example', subject: 'someone' }];
    const named = {
      ...policyOf('named', 'nowhere.example', [
        { name: 'by-root', keyless: { trustRootRef: 'remote-root', identities } },
      ]),
    };
    await gate.api.apply(named);
    try {
      expect(await becomes(named, 'False TrustRootMissing', 5_000)).toBe(true);
      expect(
        await until(async () => (await events(named)).some(({ reason }) => reason === 'TrustRootMissing'), 5_000),
      ).toBe(true);
      await gate.api.apply(root);
      expect(await becomes(root, 'False NotRead', 5_000)).toBe(true);
      expect((await condition(root, 'Ready'))['message']).toMatch(
        /the TUF repository of spec\.remote is refused: the initial root\.json cannot be read as TUF metadata/,
      );
      expect(await becomes(named, 'False TrustRootNotReady', 5_000)).toBe(true);
    } finally {
      await gate.api.remove(named);
      await gate.api.remove(root);
    }
  });

  test('a TUF repository in a trust root is in force, stays when an older one comes, and is followed by a newer one', async () => {
    const repo = new TufRepo();
    const publish = (): ApiObject => {
      repo.publish({ targets: { 'trusted_root.json': JSON.stringify(createSigstore().trustedRoot) } });
      return {
        apiVersion: 'policy.sigstore.dev/v1alpha1',
        kind: 'TrustRoot',
        metadata: { name: 'packed-root' },
        spec: {
          repository: {
            root: repo.initialRoot.toString('base64'),
            mirrorFS: repo.archive().toString('base64'),
          },
        },
      };
    };
    const [first, second, third] = [publish(), publish(), publish()];
    try {
      await gate.api.apply(second);
      expect(await becomes(second, 'True InForce', 5_000)).toBe(true);
      expect((await condition(second, 'KeysInlined'))['status']).toBe('True');
      await gate.api.apply(first);
      expect(await becomes(first, 'False NotRefreshed', 5_000)).toBe(true);
      expect((await condition(first, 'Ready'))['message']).toMatch(/rolled back.*What was read before stays in force/);
      await gate.api.apply(third);
      expect(await becomes(third, 'True InForce', 5_000)).toBe(true);
    } finally {
      await gate.api.remove(second);
    }
  });

  test('a changed key Secret is in force within five seconds', async () => {
    const secret = (pem: string): ApiObject => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'followed-key', namespace: 'countersign-system' },
      stringData: { 'cosign.pub': pem },
    });
    const named = policyOf('apps', gate.registry.host, [
      { name: 'from-secret', key: { secretRef: { name: 'followed-key' } } },
    ]);
    await gate.api.apply(named);
    try {
      expect(await becomes(named, 'False KeysMissing', 5_000)).toBe(true);
      await gate.api.apply(secret(newSigningKey().publicKeyPem));
      expect(await becomes(named, 'True InForce', 5_000)).toBe(true);
      expect(await isAdmitted(signed)).toBe(false);
      await gate.api.apply(secret(gate.key.publicKeyPem));
      expect(await until(() => isAdmitted(signed), 5_000)).toBe(true);
    } finally {
      await gate.api.apply(gate.policy);
      await gate.api.remove(secret(''));
    }
    expect(await until(() => isAdmitted(signed), 10_000)).toBe(true);
  });

  test('a Job shows why its Pod does not come', async () => {
    const job: ApiObject = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'waiting', namespace: gate.namespace },
      spec: { suspend: true, template: { spec: { ...podSpec(signed.tagged), restartPolicy: 'Never' } } },
    };
    await gate.api.apply(job);
    await gate.api.apply(keyPolicy('apps', gate.registry.host, newSigningKey()));
    try {
      expect(await until(async () => !(await isAdmitted(signed)), 10_000)).toBe(true);
      expect(await events(job)).toEqual([]);
      await gate.api.merge(job, { spec: { suspend: false } });
      expect(await until(async () => (await events(job)).length > 0, 20_000)).toBe(true);
      expect(await events(job)).toEqual([
        {
          reason: 'ImageRefused',
          message: expect.stringMatching(
            /^Pod waiting-\S*: SIGNATURE_\w+: .*image \S+acme\/signed\S+, policy apps \[request \S+\]$/,
          ),
        },
      ]);
      const { namespace } = gate;
      expect(await kubectl('describe', 'job', 'waiting', '-n', namespace)).toMatch(
        /ImageRefused.*countersign.*SIGNATURE_/,
      );
    } finally {
      await gate.api.remove(job);
      await gate.api.apply(gate.policy);
    }
    expect(await until(() => isAdmitted(signed), 10_000)).toBe(true);
  });

  test('a namespace shows what was refused in it and has no owner; what occurs again is counted', async () => {
    const refused = pod(gate.namespace, 'alone', podSpec('nowhere.invalid/alone'));
    for (let index = 0; index < 3; index += 1)
      await expect(gate.api.create(refused)).rejects.toThrow(/denied the request/);
    const counts = async (): Promise<readonly (number | undefined)[]> => {
      const { items } = await gate.api.core.listNamespacedEvent({ namespace: gate.namespace });
      return items.filter(({ message }) => message?.startsWith('Pod alone: ')).map(({ count }) => count);
    };
    expect(await until(async () => (await counts())[0] === 3, 15_000)).toBe(true);
    expect(await counts()).toHaveLength(1);
  });

  test('a trial run leaves no event', async () => {
    const before = await gate.api.core.listNamespacedEvent({ namespace: gate.namespace });
    const job = { apiVersion: 'batch/v1', kind: 'Job', name: 'none', uid: 'none', controller: true };
    const refused = pod(gate.namespace, 'trial', podSpec('nowhere.invalid/trial'));
    const owned = { ...refused, metadata: { ...refused.metadata, ownerReferences: [job] } };
    await expect(gate.api.create(owned, { dryRun: true })).rejects.toThrow(/denied the request/);
    const after = await gate.api.core.listNamespacedEvent({ namespace: gate.namespace });
    expect(after.items.length).toBe(before.items.length);
  });

  test('a restart writes nothing: every status is right already', async () => {
    const made = Array.from({ length: 20 }, (_, index) =>
      keyPolicy(`many-${index}`, `many-${index}.example`, gate.key),
    );
    const last = keyPolicy('last', 'last.example', gate.key);
    for (const one of made) await gate.api.apply(one);
    try {
      for (const one of made) expect(await becomes(one, 'True InForce', 10_000)).toBe(true);
      const versions = async (): Promise<readonly unknown[]> =>
        Promise.all(
          [gate.policy, ...made].map(async (one) => valueAt(await gate.api.read(one), 'metadata.resourceVersion')),
        );
      const before = await versions();
      await gate.webhook.stop();
      await gate.webhook.start();
      // It leads again, and has looked at all of them, once it has written the status of a new one.
      await gate.api.apply(last);
      expect(await becomes(last, 'True InForce', 40_000)).toBe(true);
      await new Promise((done) => void setTimeout(done, 1_000));
      expect(await versions()).toEqual(before);
    } finally {
      for (const one of [...made, last]) await gate.api.remove(one);
    }
  });
});
