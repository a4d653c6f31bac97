import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { hasCluster } from './access.ts';
import {
  caBundleOf,
  configurations,
  handshake,
  leaseObject,
  namespace,
  secretObject,
  startInstallation,
  webhooksOf,
  type Installation,
} from './certificates/installation.ts';
import { quickLifetimes, startReplica } from './certificates/replica.ts';
import type { ApiObject } from './gate/api.ts';
import { optedIn } from './gate/gate.ts';
import { refusal } from './gate/refusal.ts';
import { pod, podSpec } from './gate/workloads.ts';
import { until } from './processes.ts';

/** What went wrong while something was going on, and what was seen. */
interface Watched {
  readonly handshakes: number;
  readonly asked: number;
  readonly problems: readonly string[];
  readonly issuers: ReadonlySet<string>;
  readonly bundles: ReadonlySet<string>;
}

describe.runIf(hasCluster)('certificates in a Secret', () => {
  let installation: Installation;
  let validating: ApiObject;
  let judged: string;

  beforeAll(async () => {
    installation = await startInstallation();
    const { api, own, servicePort, replicas } = installation;
    const [first, ...rest] = configurations(servicePort);
    if (first === undefined) throw new Error('there are webhook configurations in the manifests');
    validating = first;
    for (const configuration of [first, ...rest]) await api.apply(configuration);
    const settings = { kubeConfig: own, namespace, servicePort, lifetimes: quickLifetimes };
    replicas.push(...(await Promise.all(['one', 'two'].map((name) => startReplica(name, settings)))));
    judged = await api.namespace(optedIn);
  });
  afterAll(async () => {
    await installation?.api.remove({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: judged } });
    await installation?.close();
  });

  const ask = async (): Promise<string> => {
    const body = pod(judged, 'probe', podSpec('nowhere.invalid/probe'));
    return (await refusal(installation.api.create(body, { dryRun: true }))).sentence;
  };
  const leaders = (): number => installation.replicas.filter((replica) => replica.leadership.isLeader()).length;
  const clientConfigOf = async (configuration: ApiObject): Promise<Readonly<Record<string, unknown>>> => {
    const [webhook] = webhooksOf(await installation.api.read(configuration));
    return asRecord(webhook?.['clientConfig']) ?? {};
  };

  /** Verifies handshakes with every replica against caBundle as it is at that moment, and asks through the API server. */
  async function watch(isOver: () => boolean): Promise<Watched> {
    const { api, replicas, servicePort } = installation;
    const problems: string[] = [];
    const [issuers, bundles] = [new Set<string>(), new Set<string>()];
    let [handshakes, asked] = [0, 0];
    const shakeWith = async (port: number, ca: string): Promise<void> => {
      const { problem, issuer } = await handshake(port, ca);
      handshakes += 1;
      if (problem !== undefined) problems.push(`handshake: ${problem}`);
      if (issuer !== undefined) issuers.add(issuer);
    };
    const shake = async (): Promise<void> => {
      while (!isOver()) {
        for (const configuration of configurations(servicePort)) {
          const ca = await caBundleOf(api, configuration);
          bundles.add(ca);
          for (const { port } of replicas) await shakeWith(port, ca);
        }
        await sleep(20);
      }
    };
    const askAll = async (): Promise<void> => {
      while (!isOver()) {
        const sentence = await ask();
        asked += 1;
        if (!/^refused by (one|two)$/.test(sentence)) problems.push(`admission: ${sentence}`);
        await sleep(20);
      }
    };
    await Promise.all([shake(), askAll()]);
    return { handshakes, asked, problems, issuers, bundles };
  }

  test('are made by one replica, believed by the API server, and need nobody to copy them', async () => {
    expect(await until(async () => (await ask()).startsWith('refused by'), 20_000)).toBe(true);
    for (const configuration of configurations(0)) {
      const ca = await caBundleOf(installation.api, configuration);
      expect(ca).toContain('BEGIN CERTIFICATE');
      for (const { port } of installation.replicas) expect((await handshake(port, ca)).problem).toBeUndefined();
    }
    expect(await until(async () => leaders() === 1, 20_000)).toBe(true);
  });

  test('are rotated, CA and all, without one handshake that fails', { timeout: 120_000 }, async () => {
    expect(await until(async () => leaders() === 1, 20_000)).toBe(true);
    const end = performance.now() + 50_000;
    let most = 0;
    const watched = await watch(() => {
      most = Math.max(most, leaders());
      return performance.now() > end;
    });
    expect(watched.problems).toEqual([]);
    expect(watched.handshakes).toBeGreaterThan(500);
    expect(watched.asked).toBeGreaterThan(100);
    // CAs that live for 30 seconds, replaced after ten.
    expect(watched.issuers.size).toBeGreaterThanOrEqual(3);
    expect(watched.bundles.size).toBeGreaterThanOrEqual(3);
    expect(most).toBe(1);
  });

  test('go on being believed when the Secret is deleted, or filled with garbage', { timeout: 120_000 }, async () => {
    const { api } = installation;
    const before = await caBundleOf(api, validating);
    let over = false;
    const watching = watch(() => over);
    await api.remove(secretObject);
    const isBack = async (): Promise<boolean> => (await api.read(secretObject)) !== undefined;
    expect(await until(isBack, 20_000)).toBe(true);
    await sleep(5_000);
    await api.merge(secretObject, { data: { 'tls.crt': 'Z2FyYmFnZQ==', 'ca.key': null } });
    await sleep(8_000);
    over = true;
    const { problems, issuers } = await watching;
    expect(problems).toEqual([]);
    expect(issuers.size).toBeGreaterThanOrEqual(2);
    expect(await caBundleOf(api, validating)).not.toBe(before);
  });

  test('a Secret of somebody else is left alone, and said', { timeout: 60_000 }, async () => {
    const { api, replicas } = installation;
    const isUnlabelled = { metadata: { labels: { 'app.kubernetes.io/part-of': null } }, data: { 'tls.crt': 'eA==' } };
    await api.merge(secretObject, isUnlabelled);
    const warned = (): boolean => replicas.every((replica) => replica.warnings().join().includes('somebody else'));
    expect(await until(async () => warned(), 20_000)).toBe(true);
    await sleep(2_000);
    const { data } = asRecord(await api.read(secretObject)) ?? {};
    expect(asRecord(data)?.['tls.crt']).toBe('eA==');
    expect(await ask()).toMatch(/^refused by/);
    await api.remove(secretObject);
    expect(await until(async () => !warned(), 20_000)).toBe(true);
  });

  test('the way to us is put right after an edit, and the edit is told', { timeout: 60_000 }, async () => {
    const { api, replicas } = installation;
    const [webhook] = webhooksOf(await api.read(validating));
    const other = { ...(await clientConfigOf(validating)), caBundle: Buffer.from(elsewhere).toString('base64') };
    await api.merge(validating, { webhooks: [{ ...webhook, clientConfig: other }] });
    expect(await until(async () => !(await caBundleOf(api, validating)).includes(elsewhere), 20_000)).toBe(true);
    expect(await until(async () => (await ask()).startsWith('refused by'), 20_000)).toBe(true);
    const told = (): boolean =>
      replicas.some(({ events }) => events.some(({ reason }) => reason === 'WebhookPutRight'));
    expect(await until(async () => told(), 5_000)).toBe(true);
  });

  test('a policy of failure that was weakened is told, and left to whoever did it', { timeout: 60_000 }, async () => {
    const { api, replicas } = installation;
    const [webhook] = webhooksOf(await api.read(validating));
    await api.merge(validating, { webhooks: [{ ...webhook, failurePolicy: 'Ignore' }] });
    const warned = (): boolean => replicas.every((replica) => replica.warnings().join().includes('failurePolicy'));
    expect(await until(async () => warned(), 20_000)).toBe(true);
    const [after] = webhooksOf(await api.read(validating));
    expect(after?.['failurePolicy']).toBe('Ignore');
    await api.merge(validating, { webhooks: [{ ...after, failurePolicy: 'Fail' }] });
    expect(await until(async () => !warned(), 20_000)).toBe(true);
  });

  test('a second installation writes nothing and says whose the webhooks are', { timeout: 60_000 }, async () => {
    const { api, own, servicePort } = installation;
    const second = { kubeConfig: api.config, namespace: judged, servicePort, lifetimes: quickLifetimes };
    const stranger = await startReplica('stranger', second);
    try {
      expect(await until(async () => stranger.leadership.isLeader(), 20_000)).toBe(true);
      await stranger.keeper.check();
      await stranger.keeper.check();
      const belongs = `it belongs to the installation in namespace ${namespace}`;
      expect(stranger.warnings().filter((warning) => warning.includes(belongs))).toHaveLength(4);
      expect(await ask()).toMatch(/^refused by (one|two)$/);
      expect(own.getCurrentCluster()?.server).toBe(api.config.getCurrentCluster()?.server);
    } finally {
      await stranger.close();
    }
  });

  test('a Lease that is deleted or given away never makes two leaders', { timeout: 60_000 }, async () => {
    const { api } = installation;
    let most = 0;
    const look = async (ms: number): Promise<void> => {
      const end = performance.now() + ms;
      while (performance.now() < end) {
        most = Math.max(most, leaders());
        await sleep(20);
      }
    };
    await api.remove(leaseObject);
    await look(6_000);
    await api.merge(leaseObject, { spec: { holderIdentity: 'nobody', leaseDurationSeconds: 1 } });
    await look(6_000);
    expect(most).toBe(1);
    expect(leaders()).toBe(1);
    await installation.replicas.find((replica) => replica.leadership.isLeader())?.leadership.close();
    expect(await until(async () => leaders() === 1, 3_000)).toBe(true);
  });
});

/** A certificate that is nobody's CA here. */
const elsewhere = `-----BEGIN CERTIFICATE-----
MIIBTjCB9aADAgECAgEBMAoGCCqGSM49BAMCMBAxDjAMBgNVBAMMBW90aGVyMB4X
-----END CERTIFICATE-----
`;
