/** The whole webhook put together from a Config: every adapter, in the order in which they need each other. */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { KubeConfig } from '@kubernetes/client-node';
import { fileCertificates } from '../adapters/certificates/file-certificates.ts';
import { selfSignedCertificates } from '../adapters/certificates/self-signed-certificates.ts';
import { openDecisionLog, type OpenDecisionLog } from '../adapters/decision-log/open-decision-log.ts';
import { clusterEvents } from '../adapters/kubernetes/events.ts';
import { loadKubeConfig } from '../adapters/kubernetes/kube-config.ts';
import { clusterPolicyStatuses } from '../adapters/kubernetes/policy-statuses.ts';
import { refusalEvents } from '../adapters/kubernetes/refusal-events.ts';
import { clusterTektonDefinitions } from '../adapters/kubernetes/tekton-definitions.ts';
import { clusterPullCredentials } from '../adapters/kubernetes/pull-credentials.ts';
import { prometheusMetrics, type PrometheusMetrics } from '../adapters/metrics/prometheus-metrics.ts';
import { clusterPolicies, type ClusterPolicies } from '../adapters/policies/custom-resources.ts';
import { watchPolicies } from '../adapters/policies/directory.ts';
import type { WatchedPolicies } from '../adapters/policies/watched-policies.ts';
import { keepFresh, type FreshPublicRoot } from '../adapters/sigstore/fresh-public-root.ts';
import { refreshPublicTrustRoot } from '../adapters/sigstore/public-trust-root.ts';
import { createReviewer } from '../admission/review.ts';
import type { WebhookConfig } from '../config.ts';
import { startPolicyController } from '../controllers/policies/controller.ts';
import { createEvidenceSource } from '../evidence/gather.ts';
import { defined } from '../kernel/defined.ts';
import type { ReadinessCheck } from '../http/readiness.ts';
import { startServer } from '../http/server.ts';
import type { Result } from '../kernel/result.ts';
import type { TrustRoot } from '../policy/model.ts';
import type { CertificateSource } from '../ports/certificates.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { Policies } from '../ports/policies.ts';
import type { PullCredentials } from '../ports/pull-credentials.ts';
import { createEvidenceAdapters, readDockerConfig, readPublicTrustRoot } from './evidence.ts';
import { UsageError } from './usage-error.ts';

export interface RunningWebhook {
  readonly address: { readonly host: string; readonly port: number };
  /** What clients verify its certificate with, when it was made here. */
  readonly caPem: string | undefined;
  /** Takes no new requests, finishes those in flight, and writes what is waiting. */
  close(): Promise<void>;
}

/** How long requests still come after readiness was taken back, at most. */
const announceMs = 5_000;

/** Throws a UsageError for settings that cannot work, and closes again whatever was opened. */
export async function startWebhook(config: WebhookConfig, log: Logger): Promise<RunningWebhook> {
  const clock: Clock = { now: () => new Date() };
  const closers: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const next of closers.splice(0).toReversed()) await next();
  };
  try {
    const metrics = prometheusMetrics();
    const kubeConfig = clusterOf(config);
    const certificates = await certificatesOf(config, { clock, log });
    closers.push(() => certificates.close());
    const policies = await policiesOf(config, kubeConfig, log);
    closers.push(() => policies.close());
    const { publicRootCache } = config;
    let freshRoot: FreshPublicRoot | undefined;
    if (publicRootCache !== undefined) {
      const fetch = (): Promise<Result<TrustRoot>> => refreshPublicTrustRoot(publicRootCache);
      const use = (root: TrustRoot): void => policies.usePublicTrustRoot(root);
      freshRoot = keepFresh({ fetch, use, clock, log });
      closers.push(() => freshRoot?.close());
      metrics.publicRootRefreshed(() => freshRoot?.refreshedAt());
    }
    metrics.policyProblems(() => policies.problems().length);
    const { file, maxBytes, maxFiles } = config.decisionLog;
    const writerId = `${hostname()}-${process.pid}`;
    const decisionLog = await openDecisionLog({ clock, log }, { file, maxBytes, maxFiles, writerId });
    closers.push(() => decisionLog.close());
    const evidence = evidenceOf(config, kubeConfig, metrics, log);
    closers.push(() => evidence.close());
    const definitions = kubeConfig === undefined ? undefined : clusterTektonDefinitions(kubeConfig);
    const judging = { policies, evidence: evidence.source, ...defined('definitions', definitions) };
    const { onDecisionLogFailure, onUnresolvedImage } = config;
    const telling = { clock, log, metrics };
    const events = kubeConfig && clusterEvents({ kubeConfig, ...telling }, { instance: hostname() });
    closers.push(async () => events?.close());
    if (kubeConfig !== undefined && events !== undefined && 'objects' in policies) {
      const statuses = clusterPolicyStatuses(kubeConfig);
      const controller = startPolicyController({ policies, statuses, events, clock, log });
      closers.push(() => controller.close());
    }
    const refusals = events && refusalEvents(events);
    const reviewer = createReviewer(
      { ...judging, ...defined('refusals', refusals), decisionLog, clock, metrics, log, newId: randomUUID },
      { onDecisionLogFailure, onUnresolvedImage },
    );
    const readiness = readinessOf(config, policies, decisionLog, () => freshRoot?.problem());
    const ports = { reviewer, certificates, metrics, log };
    const server = await asSetting('--listen', startServer(ports, { listen: config.listen, readiness }));
    const graceMs = config.drainSeconds * 1_000;
    closers.push(() => server.close({ announceMs: Math.min(announceMs, graceMs / 4), graceMs }));
    const { caFile } = config;
    if (caFile !== undefined) closers.push(await keepCaFile(caFile, certificates, log));
    return { address: server.address, caPem: certificates.current().ca, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Written when requests are taken, and again when the CA made here gets a successor. Returns how to stop. */
async function keepCaFile(file: string, certificates: CertificateSource, log: Logger): Promise<() => void> {
  const write = async (): Promise<void> => {
    const { ca } = certificates.current();
    if (ca !== undefined) await writeFile(file, ca);
  };
  await asSetting('--ca-file', write());
  return certificates.onChange(() => {
    write().catch((error: unknown) => log.error({ err: error }, 'the CA certificate could not be written'));
  });
}

/** What the operating system says no to is for whoever chose the setting. */
async function asSetting<T>(flag: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw new UsageError(`${flag}: ${error.message}`);
    throw error;
  }
}

/** A cluster that is named must be usable; none is needed when policies are files. */
function clusterOf({ kubeconfig, policies }: WebhookConfig): KubeConfig | undefined {
  if (kubeconfig === undefined && policies.length > 0 && process.env['KUBERNETES_SERVICE_HOST'] === undefined) {
    return undefined;
  }
  const loaded = loadKubeConfig(kubeconfig);
  if (!loaded.ok) throw new UsageError(loaded.failure.message);
  return loaded.value;
}

async function certificatesOf(
  { tls }: WebhookConfig,
  ports: { readonly clock: Clock; readonly log: Logger },
): Promise<CertificateSource> {
  const made =
    'cert' in tls
      ? await fileCertificates(ports, { certFile: tls.cert, keyFile: tls.key })
      : await selfSignedCertificates(ports, tls);
  if (!made.ok) throw new UsageError(made.failure);
  return made.value;
}

async function policiesOf(
  config: WebhookConfig,
  kubeConfig: KubeConfig | undefined,
  log: Logger,
): Promise<WatchedPolicies | ClusterPolicies> {
  const common = { noMatch: config.onNoMatch, publicTrustRoot: readPublicTrustRoot(config.trustedRoot), log };
  if (config.policies.length > 0 || kubeConfig === undefined) {
    return watchPolicies({ ...common, paths: config.policies });
  }
  return clusterPolicies({ ...common, kubeConfig, systemNamespace: config.namespace });
}

function evidenceOf(
  config: WebhookConfig,
  kubeConfig: KubeConfig | undefined,
  metrics: PrometheusMetrics,
  log: Logger,
): { readonly source: ReturnType<typeof createEvidenceSource>; close(): Promise<void> } {
  const adapters = createEvidenceAdapters(config.registry, metrics);
  const installation = readDockerConfig(config.registry.dockerConfig, (message) => log.warn({}, message));
  const pullCredentials: PullCredentials =
    kubeConfig === undefined
      ? { ofWorkload: () => installation.credentials }
      : clusterPullCredentials({ kubeConfig, log, ...defined('installation', installation.config) });
  const source = createEvidenceSource({ ...adapters, metrics, pullCredentials });
  return { source, close: () => adapters.registry.close() };
}

/** What keeps traffic away. A broken policy over a good one does not: docs/decisions/0007-policies-last-good.md */
function readinessOf(
  config: WebhookConfig,
  policies: Policies,
  decisionLog: OpenDecisionLog,
  rootProblem: () => string | undefined,
): readonly ReadinessCheck[] {
  return [
    {
      name: 'policies',
      problem: () => (policies.current() === undefined ? notRead(policies) : undefined),
      warnings: () => policies.problems().map(({ where, message }) => `${where}: ${message}`),
    },
    {
      name: 'decision-log',
      problem: () => (config.onDecisionLogFailure === 'refuse' ? decisionLog.problem() : undefined),
    },
    {
      name: 'public-trust-root',
      problem: () => undefined,
      warnings: () => [rootProblem()].filter((sentence) => sentence !== undefined),
    },
  ];
}

function notRead(policies: Policies): string {
  const [first] = policies.problems();
  const why = first === undefined ? '' : ` ${first.where}: ${first.message}`;
  return `No complete set of policies has been read yet.${why}`;
}
