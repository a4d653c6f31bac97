/** One scan of a cluster by hand, with what the background scan uses, but for the reports, which stay here. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import { loadKubeConfig } from '../adapters/kubernetes/kube-config.ts';
import { clusterPullCredentials } from '../adapters/kubernetes/pull-credentials.ts';
import { clusterRunningPods } from '../adapters/kubernetes/running-workloads.ts';
import { materialSources } from '../adapters/materials/follow-materials.ts';
import { clusterPolicies } from '../adapters/policies/custom-resources.ts';
import { parseRegistrySettings, type RegistryFlags } from '../config.ts';
import { createPodAuditor } from '../controllers/scan/audit-pod.ts';
import { beginPass, noReports, type Pass } from '../controllers/scan/pass.ts';
import { createEvidenceSource } from '../evidence/gather.ts';
import { defined } from '../kernel/defined.ts';
import { ok } from '../kernel/result.ts';
import type { Logger } from '../ports/logger.ts';
import type { Policies } from '../ports/policies.ts';
import type { PolicyReports, Report } from '../ports/policy-reports.ts';
import type { PassProgress } from '../ports/scan-progress.ts';
import { closeEvidenceAdapters, createEvidenceAdapters, readDockerConfig, readPublicTrustRoot } from './evidence.ts';
import { noMetrics } from './no-metrics.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';
import { snapshotFromFiles } from './verify.ts';

export interface ScanFlags extends RegistryFlags {
  readonly inNamespace?: readonly string[];
  readonly allNamespaces?: true;
  readonly kubeconfig?: string;
  readonly namespace: string;
  readonly policies?: readonly string[];
  readonly onNoMatch: string;
  readonly trustedRoot?: string;
  readonly scanImagesPerSecond: string;
}

export interface Scanned {
  /** By namespace, those with something to report. */
  readonly reports: ReadonlyMap<string, Report>;
  readonly progress: PassProgress;
  /** Why it is not complete. */
  readonly problem?: string;
}

const policiesMs = 30_000;
const progressMs = 2_000;

export async function scanCluster(flags: ScanFlags, terminal: Terminal): Promise<Scanned> {
  const settings = parseRegistrySettings(flags);
  if (!settings.ok) throw new UsageError(settings.failure);
  const imagesPerSecond = rateOf(flags.scanImagesPerSecond);
  const loaded = loadKubeConfig(flags.kubeconfig);
  if (!loaded.ok) throw new UsageError(loaded.failure.message);
  const kubeConfig = loaded.value;
  const log = complaints(terminal);
  const installation = readDockerConfig(flags.dockerConfig, (message) => terminal.err(`${message}\n`));
  const adapters = createEvidenceAdapters(settings.value, noMetrics);
  const policies = await policiesOf(flags, kubeConfig, log);
  try {
    if (!(await areRead(policies))) return notRead(policies);
    const pullCredentials = clusterPullCredentials({
      kubeConfig,
      log,
      ...defined('installation', installation.config),
    });
    const evidence = createEvidenceSource({ ...adapters, metrics: noMetrics, pullCredentials });
    const { clock } = adapters;
    const reports = new Map<string, Report>();
    const pass = beginPass(
      {
        pods: clusterRunningPods({ kubeConfig, namespaces: whichOf(flags), systemNamespace: flags.namespace }),
        reports: keptIn(reports),
        auditor: createPodAuditor({ policies, evidence, clock, log }),
        clock,
        log,
      },
      { imagesPerSecond, removesOthers: false },
    );
    const ended = await withProgress(pass, terminal);
    const progress = pass.progress();
    return { reports, progress, ...defined('problem', ended.ok ? undefined : ended.failure.message) };
  } finally {
    policies.close();
    await closeEvidenceAdapters(adapters);
  }
}

function rateOf(text: string): number {
  const rate = Number(text);
  if (/^\d+(?:\.\d+)?$/.test(text) && rate > 0 && rate <= 10_000) return rate;
  throw new UsageError(`--scan-images-per-second: "${text}" is not a number above 0 and up to 10000`);
}

function whichOf({ inNamespace, allNamespaces }: ScanFlags): Parameters<typeof clusterRunningPods>[0]['namespaces'] {
  if (inNamespace !== undefined) return { named: inNamespace };
  return allNamespaces === true ? 'all' : 'opted-in';
}

type ReadPolicies = Policies & { close(): void };

async function policiesOf(flags: ScanFlags, kubeConfig: KubeConfig, log: Logger): Promise<ReadPolicies> {
  const noMatch = flags.onNoMatch === 'allow' || flags.onNoMatch === 'warn' ? flags.onNoMatch : 'deny';
  const publicTrustRoot = readPublicTrustRoot(flags.trustedRoot);
  if (flags.policies === undefined) {
    return clusterPolicies({
      kubeConfig,
      systemNamespace: flags.namespace,
      noMatch,
      publicTrustRoot,
      log,
      materials: materialSources(process.env),
    });
  }
  const snapshot = await snapshotFromFiles(flags.policies, publicTrustRoot, noMatch);
  return { current: () => snapshot, problems: () => [], close: () => undefined };
}

async function areRead(policies: Policies): Promise<boolean> {
  const until = performance.now() + policiesMs;
  while (policies.current() === undefined && performance.now() < until) await sleep(20);
  return policies.current() !== undefined;
}

function notRead(policies: Policies): Scanned {
  const [first] = policies.problems();
  const problem = first === undefined ? 'no policies have been read' : `${first.where}: ${first.message}`;
  const summary = { pass: 0, fail: 0, warn: 0, error: 0, skip: 0 };
  return { reports: new Map(), progress: { namespaces: { done: 0, total: 0 }, pods: 0, images: 0, summary }, problem };
}

/** Nothing is read of the cluster's own reports: what is told is what is found now. */
function keptIn(reports: Map<string, Report>): PolicyReports {
  return {
    ...noReports,
    write: async (namespace, report) => {
      reports.set(namespace, report);
      return ok(undefined);
    },
  };
}

async function withProgress(pass: Pass, terminal: Terminal): ReturnType<Pass['run']> {
  const timer = setInterval(() => {
    const { namespaces, pods, images } = pass.progress();
    terminal.err(`${namespaces.done} of ${namespaces.total} namespaces, ${pods} Pods, ${images} images\n`);
  }, progressMs);
  try {
    return await pass.run(new AbortController().signal);
  } finally {
    clearInterval(timer);
  }
}

function complaints(terminal: Terminal): Logger {
  const tell = (fields: Readonly<Record<string, unknown>>, message: string): void => {
    const { where, reason } = fields;
    const about = [where, reason, fields['message']].filter((part) => typeof part === 'string').join(': ');
    terminal.err(`${message}${about === '' ? '' : `: ${about}`}\n`);
  };
  return { info: () => undefined, warn: tell, error: tell };
}
