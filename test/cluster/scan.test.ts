import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterPolicyReports } from '../../src/adapters/kubernetes/policy-reports.ts';
import { loadKubeConfig } from '../../src/adapters/kubernetes/kube-config.ts';
import { clusterRunningPods } from '../../src/adapters/kubernetes/running-workloads.ts';
import { clusterPolicies } from '../../src/adapters/policies/custom-resources.ts';
import { createPodAuditor } from '../../src/controllers/scan/audit-pod.ts';
import { startScanner, type Scanner } from '../../src/controllers/scan/scanner.ts';
import { createEvidenceAdapters, readPublicTrustRoot } from '../../src/cli/evidence.ts';
import { noMetrics } from '../../src/cli/no-metrics.ts';
import { attachLegacy, signLegacy, simpleSigningPayload } from '../../src/demo/images/legacy.ts';
import { newSigningKey } from '../../src/demo/images/signing-key.ts';
import { pushImage } from '../../src/demo/registry/images.ts';
import { startRegistry, type DemoRegistry } from '../../src/demo/registry/serve.ts';
import { createEvidenceSource } from '../../src/evidence/gather.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { json, run, type Ran } from '../cli/run.ts';
import { hasCluster, kubeconfig } from './access.ts';
import { connect, type Api, type ApiObject } from './gate/api.ts';
import { optedIn } from './gate/gate.ts';
import { signedImage, unsignedImage, type PushedImage } from './gate/images.ts';
import { install } from './gate/installation.ts';
import { keyPolicy } from './gate/policies.ts';
import { openReports, policyReports } from './gate/report-definitions.ts';
import { pod, podSpec, valueAt } from './gate/workloads.ts';
import { until } from './processes.ts';

const patience = 20_000;
const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
const key = newSigningKey();

describe.runIf(hasCluster)('a scan of what runs already', () => {
  let api: Api;
  let registry: DemoRegistry;
  let signed: PushedImage;
  let unsigned: PushedImage;
  let policy: ApiObject;
  const ownKubeconfig = join(tmpdir(), `countersign-scan-${process.pid}.kubeconfig`);
  const logged: string[] = [];
  const stops: (() => Promise<void> | void)[] = [];

  beforeAll(async () => {
    api = connect(kubeconfig);
    stops.push(() => api.close());
    registry = await startRegistry();
    stops.push(() => registry.close());
    await install(api, ownKubeconfig);
    stops.push(() => rmSync(ownKubeconfig, { force: true }));
    await define(policyReports);
    signed = signedImage(registry, 'acme/signed', key);
    unsigned = unsignedImage(registry, 'acme/unsigned');
    policy = keyPolicy('scanned', registry.host, key);
  });
  afterAll(async () => {
    for (const stop of stops.toReversed()) await stop();
  });

  async function define(definition: ApiObject): Promise<void> {
    await api.apply(definition);
    const { group, versions } = asRecord(definition['spec']) ?? {};
    const path = `/apis/${String(group)}/${String(valueAt({ versions }, 'versions[0].name'))}`;
    if (!(await until(async () => (await api.get(path)).status === 200, patience))) throw new Error(`no ${path}`);
  }

  /** With the rights of the service account, and nothing but what ships. */
  function scan(): Scanner {
    const loaded = loadKubeConfig(ownKubeconfig);
    if (!loaded.ok) throw new Error(loaded.failure.message);
    const kubeConfig = loaded.value;
    const log = {
      info: () => undefined,
      warn: (fields: object, message: string) => void logged.push(`${message} ${JSON.stringify(fields)}`),
      error: (fields: object, message: string) => void logged.push(`${message} ${JSON.stringify(fields)}`),
    };
    const systemNamespace = 'countersign-system';
    const publicTrustRoot = readPublicTrustRoot(undefined);
    const policies = clusterPolicies({ kubeConfig, systemNamespace, noMatch: 'deny', publicTrustRoot, log });
    const adapters = createEvidenceAdapters({ insecure: [registry.host], ca: new Map() }, noMetrics);
    const anonymous = { id: '', forHost: async () => ({ ok: true, value: undefined }) as const };
    const evidence = createEvidenceSource({
      ...adapters,
      metrics: noMetrics,
      pullCredentials: { ofWorkload: () => anonymous },
    });
    const { clock } = adapters;
    const scanner = startScanner(
      {
        policies,
        pods: clusterRunningPods({ kubeConfig, namespaces: 'opted-in', systemNamespace }),
        reports: clusterPolicyReports(kubeConfig),
        auditor: createPodAuditor({ policies, evidence, clock, log }),
        clock,
        log,
      },
      { intervalMs: 500, imagesPerSecond: 1_000, settleMs: 200, retryMs: 500 },
    );
    stops.push(async () => {
      await scanner.close();
      policies.close();
      await adapters.registry.close();
    });
    return scanner;
  }

  /** As if it ran: nobody schedules it, and the kubelet's word is ours. */
  async function running(namespace: string, name: string, image: string, imageID?: string): Promise<void> {
    await api.create(pod(namespace, name, podSpec(image)));
    if (imageID === undefined) return;
    const containerStatuses = [{ name: 'main', image, imageID, ready: true, restartCount: 0, state: { running: {} } }];
    const body = { status: { phase: 'Running', containerStatuses } };
    await api.core.patchNamespacedPodStatus({ namespace, name, body }, merge);
  }

  function reportIn(namespace: string, definition = policyReports): ApiObject {
    const { group, names, versions } = asRecord(definition['spec']) ?? {};
    const version = String(valueAt({ versions }, 'versions[0].name'));
    return {
      apiVersion: `${String(group)}/${version}`,
      kind: String(asRecord(names)?.['kind']),
      metadata: { namespace, name: 'countersign' },
    };
  }

  /** result, Pod, policy and code of each result. */
  async function told(namespace: string, definition = policyReports): Promise<readonly string[] | undefined> {
    const report = await api.read(reportIn(namespace, definition));
    if (report === undefined) return undefined;
    const results = valueAt(report, 'results');
    return (Array.isArray(results) ? results : []).map((result: unknown) => {
      const { policy: name, rule = '-', result: kind } = asRecord(result) ?? {};
      return [kind, valueAt(result, 'resources[0].name'), name, rule].join(' ');
    });
  }

  async function tells(namespace: string, ...expected: readonly string[]): Promise<void> {
    await until(async () => JSON.stringify(await told(namespace)) === JSON.stringify(expected), patience);
    expect(await told(namespace)).toEqual(expected);
  }

  test('what was there before the policy is judged, one report in each namespace that takes part', async () => {
    const shop = await api.namespace(optedIn);
    const elsewhere = await api.namespace({});
    await running(shop, 'good', signed.tagged, `${registry.host}/acme/signed@${signed.digest}`);
    await running(shop, 'bad', unsigned.tagged, `${registry.host}/acme/unsigned@${unsigned.digest}`);
    await running(elsewhere, 'bad', unsigned.tagged);
    await api.apply(policy);
    stops.push(() => api.remove(policy));
    const scanner = scan();
    await tells(shop, 'fail bad scanned SIGNATURE_MISSING', 'pass good scanned -');
    expect(await told(elsewhere)).toBeUndefined();
    const report = await api.read(reportIn(shop));
    expect(report).toMatchObject({
      metadata: {
        labels: { 'app.kubernetes.io/managed-by': 'countersign' },
        ownerReferences: [{ kind: 'ClusterRole', name: 'countersign' }],
      },
      scope: { kind: 'Namespace', name: shop },
      summary: { pass: 1, fail: 1, warn: 0, error: 0, skip: 0 },
    });
    expect(valueAt(report, 'results[0].properties.digest')).toBe(unsigned.digest);
    // Counted when a pass is complete, and other suites may have left namespaces that take part.
    const isCounted = async (): Promise<boolean> => scanner.matchedImages()?.get('ClusterImagePolicy/scanned') === 2;
    expect(await until(isCounted, patience)).toBe(true);
    await scanner.close();
  });

  test('a tag that moved is judged by what was pulled, and by what it names where nothing was', async () => {
    const namespace = await api.namespace(optedIn);
    const repository = 'acme/moving';
    const first = signedImage(registry, repository, key);
    await running(namespace, 'old', first.tagged, `${registry.host}/${repository}@${first.digest}`);
    const second = pushImage(registry, { repository, tag: '1.0', labels: { another: 'content' } });
    expect(second.digest).not.toBe(first.digest);
    await running(namespace, 'pending', first.tagged);
    await running(namespace, 'new', first.tagged, `${registry.host}/${repository}@${second.digest}`);
    const scanner = scan();
    await tells(
      namespace,
      'fail new scanned SIGNATURE_MISSING',
      'fail pending scanned SIGNATURE_MISSING',
      'pass old scanned -',
    );
    const signable = { repository, digest: second.digest };
    attachLegacy(registry, signable, [signLegacy(simpleSigningPayload(registry.host, signable), key)]);
    await tells(namespace, 'pass new scanned -', 'pass old scanned -', 'pass pending scanned -');
    await scanner.close();
  });

  test('reports come back, go away, are not written without need, and others stay as they are', async () => {
    const [kept, left, foreign, emptied] = await Promise.all([1, 2, 3, 4].map(() => api.namespace(optedIn)));
    const places = [kept, left, foreign, emptied].map(String);
    for (const namespace of places) await running(namespace, 'bad', unsigned.tagged);
    const theirs = { ...reportIn(String(foreign)), summary: { pass: 42 }, results: [] };
    await api.create(theirs);
    const others = { ...reportIn(String(kept)), metadata: { namespace: String(kept), name: 'polr-ns-else' } };
    await api.create({ ...others, summary: { pass: 41 } });
    const scanner = scan();
    const failing = 'fail bad scanned SIGNATURE_MISSING';
    for (const namespace of [kept, left, emptied]) await tells(String(namespace), failing);

    const version = async (): Promise<unknown> =>
      valueAt(await api.read(reportIn(String(kept))), 'metadata.resourceVersion');
    const before = await version();
    const { finishedAt } = scanner.progress();
    await until(async () => scanner.progress().finishedAt !== finishedAt, patience);
    expect(await version()).toBe(before);

    await api.remove(reportIn(String(kept)));
    await tells(String(kept), failing);
    await api.merge(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: String(left) } },
      { metadata: { labels: { 'policy.sigstore.dev/include': null } } },
    );
    await api.remove(pod(String(emptied), 'bad', {}));
    for (const namespace of [left, emptied]) {
      await until(async () => (await told(String(namespace))) === undefined, patience);
      expect(await told(String(namespace))).toBeUndefined();
    }
    expect(await api.read(theirs)).toMatchObject({ summary: { pass: 42 } });
    expect(await api.read(others)).toMatchObject({ summary: { pass: 41 } });
    expect(logged.some((line) => line.includes(String(foreign)))).toBe(true);
    await scanner.close();
  });

  test('five hundred Pods take little time, and little memory', async () => {
    const namespace = await api.namespace(optedIn);
    const images = Array.from({ length: 20 }, (_, index) => {
      const repository = `acme/many-${index}`;
      return index % 2 === 0 ? signedImage(registry, repository, key) : unsignedImage(registry, repository);
    });
    for (let at = 0; at < 500; at += 25) {
      const names = Array.from({ length: 25 }, (_, index) => `pod-${String(at + index).padStart(3, '0')}`);
      await Promise.all(
        names.map((name, index) => api.create(pod(namespace, name, podSpec(images[(at + index) % 20]?.pinned ?? '')))),
      );
    }
    const before = process.memoryUsage.rss();
    const began = performance.now();
    const ran = await scanByHand('--in-namespace', namespace, '--output=json');
    const tookMs = performance.now() - began;
    expect(ran.code).toBe(1);
    expect(json(ran)).toMatchObject({ complete: true, summary: { pass: 250, fail: 250, error: 0 } });
    expect(tookMs).toBeLessThan(20_000);
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 1024 * 1024);
  });

  function scanByHand(...args: readonly string[]): Promise<Ran> {
    const own = [`--kubeconfig=${ownKubeconfig}`, `--insecure-registry=${registry.host}`];
    return run('audit', 'scan', ...own, '--scan-images-per-second=1000', ...args);
  }

  test('by hand it says the same, with exit codes, and writes nothing', async () => {
    const [good, bad, away] = (await Promise.all([1, 2, 3].map(() => api.namespace(optedIn)))).map(String);
    await running(good ?? '', 'fine', signed.pinned);
    await running(bad ?? '', 'wrong', unsigned.pinned);
    // Nobody listens there.
    await running(away ?? '', 'unknown', `127.0.0.1:9/acme/app@${signed.digest}`);
    const fine = await scanByHand('--in-namespace', good ?? '');
    expect(fine.out).toBe('1 Pods with 1 images in 1 namespaces: 1 pass\n');
    expect(fine.code).toBe(0);
    const wrong = await scanByHand('--in-namespace', bad ?? '', '--in-namespace', good ?? '');
    expect(wrong.code).toBe(1);
    expect(wrong.out).toMatch(/^fail\s+\S+\/wrong\s+SIGNATURE_MISSING\s+scanned\s/);
    await api.apply(keyPolicy('unreachable', '127.0.0.1:9', key));
    const open = await scanByHand('--in-namespace', away ?? '');
    await api.remove(keyPolicy('unreachable', '127.0.0.1:9', key));
    expect(open.code).toBe(3);
    expect(open.out).toMatch(/^error\s+\S+\/unknown\s+REGISTRY_UNREACHABLE/);
    for (const namespace of [good, bad, away]) expect(await told(namespace ?? '')).toBeUndefined();
    const everything = json(await scanByHand('--all-namespaces', '--output=json'));
    expect(valueAt(everything, 'summary.fail')).toBeGreaterThan(0);
  });

  test('openreports.io goes before wgpolicyk8s.io where both are served', async () => {
    await define(openReports);
    const namespace = await api.namespace(optedIn);
    await running(namespace, 'good', signed.pinned);
    const scanner = scan();
    await until(async () => (await told(namespace, openReports)) !== undefined, patience);
    expect(await told(namespace, openReports)).toEqual(['pass good scanned -']);
    expect(valueAt(await api.read(reportIn(namespace, openReports)), 'source')).toBe('countersign');
    expect(await told(namespace)).toBeUndefined();
    await scanner.close();
    await api.remove(openReports);
  });
});
