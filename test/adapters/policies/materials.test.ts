import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { materialSources, type MaterialSources } from '../../../src/adapters/materials/follow-materials.ts';
import { outage, type LookedUp } from '../../../src/adapters/materials/looked-up.ts';
import { clusterPolicies } from '../../../src/adapters/policies/custom-resources.ts';
import { readPolicies, watchPolicies } from '../../../src/adapters/policies/directory.ts';
import type { WatchedPolicies } from '../../../src/adapters/policies/watched-policies.ts';
import type { PolicyObjects } from '../../../src/ports/policy-objects.ts';
import { embeddedRoot, publicKey, silentLog } from '../../contracts/policies.ts';
import { localService } from '../cloud/local-service.ts';
import { fakeApiServer } from '../kubernetes/fake-api-server.ts';
import { untilHolds } from '../../until-holds.ts';

const group = '/apis/policy.sigstore.dev/v1alpha1';
const system = '/api/v1/namespaces/countersign-system';
const common = { noMatch: 'deny', publicTrustRoot: embeddedRoot, log: silentLog } as const;
const pem = publicKey();
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

let policies: (WatchedPolicies & Partial<PolicyObjects>) | undefined;
afterEach(() => policies?.close());

const code = (): string | undefined => policies?.current()?.policies[0]?.policy?.code.text;
const notReady = (): readonly string[] | undefined => policies?.current()?.policies[0]?.notReady;
const messages = (): readonly string[] => policies?.problems().map(({ message }) => message) ?? [];

function withCode(source: unknown, key: unknown = { data: pem }): Readonly<Record<string, unknown>> {
  const spec = { images: [{ glob: 'a.io/**' }], authorities: [{ key }], policy: { type: 'cue', ...Object(source) } };
  return { apiVersion: 'policy.sigstore.dev/v1beta1', kind: 'ClusterImagePolicy', metadata: { name: 'p' }, spec };
}

describe('in the cluster', () => {
  async function start(policy: unknown, materials?: MaterialSources) {
    const server = await fakeApiServer();
    onTestFinished(() => server.close());
    for (const kind of ['clusterimagepolicies', 'trustroots']) server.create(`${group}/${kind}`);
    server.create('/apis/countersign.dev/v1alpha1/actionpolicies');
    server.create(`${system}/configmaps`);
    server.put(`${group}/clusterimagepolicies`, 'p', Object(policy));
    policies = clusterPolicies({
      ...common,
      kubeConfig: server.kubeConfig,
      systemNamespace: 'countersign-system',
      limits: { deadlineMs: 500, maxBytes: 4_000_000 },
      timing: { settle: 5, secrets: 30, pauses: { first: 10, longest: 50 } },
      materialTiming: { patience: 50, deadline: 5_000, resync: 40, retry: { first: 10, longest: 20 } },
      ...(materials === undefined ? {} : { materials }),
    });
    return server;
  }

  const byConfigMap = withCode({ configMapRef: { name: 'code', key: 'k' } });

  test('ConfigMaps are followed, read by name, and their code stays when they vanish', async () => {
    const server = await start(byConfigMap);
    await untilHolds(() => expect(notReady()).toEqual([expect.stringContaining('configmap "code" is not there')]));
    server.put(`${system}/configmaps`, 'code', { data: { k: 'one', other: 'x' } });
    await untilHolds(() => expect(code()).toBe('one'));
    expect(notReady()).toEqual([]);
    server.put(`${system}/configmaps`, 'code', { data: { k: 'two' } });
    await untilHolds(() => expect(code()).toBe('two'));
    server.remove(`${system}/configmaps`, 'code');
    await untilHolds(() => expect(messages()).toEqual(['configmap "code" is not there, or cannot be read']));
    expect([code(), notReady()]).toEqual(['two', []]);
    await untilHolds(() => expect(policies?.objects?.()?.[0]?.materials?.stale.code).toHaveLength(1));
    expect(policies?.problems()[0]?.consequence).toBe('What was read before stays in force.');
    server.put(`${system}/configmaps`, 'code', { data: { k: 'three' } });
    await untilHolds(() => expect(code()).toBe('three'));
    expect(messages()).toEqual([]);
    const asked = server.requests.filter((line) => line.includes('/configmaps/'));
    expect(new Set(asked)).toEqual(new Set([`GET ${system}/configmaps/code`]));
  });

  test.each([
    [{ data: {} }, 'configmap "code" contains no data'],
    [{ data: { other: 'x' } }, 'configmap "code" does not contain key k'],
    [{ data: { k: '' } }, 'configmap "code" does not contain key k'],
    [{ binaryData: { k: 'eA==' } }, 'configmap "code" contains no data'],
  ])('a ConfigMap %j gives no code, and the policy refuses', async (content, sentence) => {
    const server = await start(byConfigMap);
    server.put(`${system}/configmaps`, 'code', content);
    await untilHolds(() => expect(notReady()).toEqual([`spec.policy: ConfigMap code: ${sentence}`]));
  });

  test('code in the policy that is too long is told of as code', async () => {
    await start(withCode({ data: `x: 1 // ${'x'.repeat(1024 * 1024)}` }));
    const told = ['spec.policy: the policy code is longer than 1048576 bytes'];
    await untilHolds(() => expect(notReady()).toEqual(told));
    await untilHolds(() => expect(policies?.objects?.()?.[0]?.materials?.lacks).toEqual({ keys: [], code: told }));
  });

  test('a ConfigMap that cannot be read, or loses its key, changes nothing', async () => {
    const server = await start(byConfigMap);
    server.put(`${system}/configmaps`, 'code', { data: { k: 'one' } });
    await untilHolds(() => expect(code()).toBe('one'));
    server.breakdown = { match: /configmaps\/code/, status: 403 };
    await untilHolds(() => expect(messages()).toEqual([expect.stringContaining('cannot read ConfigMap')]));
    expect(notReady()).toEqual([]);
    server.breakdown = undefined;
    server.put(`${system}/configmaps`, 'code', { data: { x: 'y' } });
    await untilHolds(() => expect(messages()).toEqual(['configmap "code" does not contain key k']));
    expect([code(), notReady()]).toEqual(['one', []]);
  });

  test('a key service that goes away, comes back with a new key, and hangs', async () => {
    let answer: LookedUp | Promise<LookedUp> = { ok: true, value: pem };
    const materials: MaterialSources = {
      publicKey: async () => await answer,
      remotePolicy: async () => outage('nobody asks'),
    };
    const keys = (): unknown => {
      const authority = policies?.current()?.policies[0]?.authorities[0];
      return authority?.kind === 'key' ? authority.keys : undefined;
    };
    await start(withCode({ data: 'x' }, { kms: 'hashivault://k' }), materials);
    await untilHolds(() => expect(keys()).toEqual([pem.trim()]));
    answer = outage('it is away');
    await untilHolds(() => expect(messages()).toEqual(['it is away']));
    expect([keys(), notReady()]).toEqual([[pem.trim()], []]);
    const next = publicKey();
    answer = { ok: true, value: next };
    await untilHolds(() => expect(keys()).toEqual([next.trim()]));
    answer = Promise.withResolvers<LookedUp>().promise;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([keys(), notReady()]).toEqual([[next.trim()], []]);
  });

  test('without services, policies that name them refuse', async () => {
    await start(withCode({ remote: { url: 'https://a.example/', sha256sum: sha256('x') } }, { kms: 'hashivault://k' }));
    await untilHolds(() => {
      expect(notReady()).toEqual([
        'authority-0: hashivault://k: it is not looked up here',
        'spec.policy: https://a.example/: it is not looked up here',
      ]);
    });
  });
});

describe('in files', () => {
  async function folderWith(...documents: readonly unknown[]): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'materials-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    for (const [index, document] of documents.entries())
      await writeFile(join(folder, `${index}.json`), JSON.stringify(document));
    return folder;
  }

  const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'code' }, data: { k: 'one' } };

  test('commands take code from a ConfigMap beside the policy and from its address, and keys from their service', async () => {
    const service = await localService(({ url }) =>
      url.pathname === '/p.cue'
        ? { body: 'remote code' }
        : { body: { data: { latest_version: 1, keys: { 1: { public_key: pem } } } } },
    );
    const materials = materialSources({ VAULT_ADDR: service.url, VAULT_TOKEN: 't' }, { localHosts: [service.host] });
    const attestation = (source: unknown) => [
      { name: 'a', predicateType: 'custom', policy: { type: 'cue', ...Object(source) } },
    ];
    // The address of the test has no TLS, which a policy may not name: it is put in its place afterwards.
    const url = 'https://policies.example/p.cue';
    const policy = withCode({ remote: { url, sha256sum: sha256('remote code') } }, { kms: 'hashivault://k' });
    Object(policy['spec']).authorities[0].attestations = attestation({ configMapRef: { name: 'code', key: 'k' } });
    const folder = await folderWith(policy, configMap);
    const read = await readPolicies({
      ...common,
      paths: [folder],
      materials: {
        ...materials,
        remotePolicy: (remote, signal) => materials.remotePolicy({ ...remote, url: `${service.url}p.cue` }, signal),
      },
    });
    expect(read.ok && read.value.policies).toMatchObject([
      {
        notReady: [],
        authorities: [{ keys: [pem.trim()], attestations: [{ policy: { text: 'one' } }] }],
        policy: { code: { text: 'remote code' } },
      },
    ]);
  });

  test('servers follow ConfigMaps in files', async () => {
    const folder = await folderWith(withCode({ configMapRef: { name: 'code', key: 'k' } }), configMap);
    policies = await watchPolicies({ ...common, paths: [folder], pollMs: 30, settleMs: 5 });
    expect(code()).toBe('one');
    await writeFile(join(folder, '1.json'), JSON.stringify({ ...configMap, data: { k: 'two' } }));
    await untilHolds(() => expect(code()).toBe('two'));
    await rm(join(folder, '1.json'));
    await untilHolds(() => expect(messages()).toEqual(['configmap "code" is not there, or cannot be read']));
    expect([code(), notReady()]).toEqual(['two', []]);
  });
});
