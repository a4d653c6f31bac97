/**
 * Counters for Prometheus. Every label has a bounded set of values: what a requester can choose, such as a kind, is
 * mapped to a closed set first, so that nobody can fill memory with time series.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Metrics } from '../../ports/metrics.ts';
import type { ScanProgress } from '../../ports/scan-progress.ts';
import type { TaskMetrics } from '../../ports/task-metrics.ts';
import { BoundedLabel } from './bounded-label.ts';
import { scanGauges } from './scan-gauges.ts';
import { prometheusTaskMetrics } from './task-metrics.ts';
import { prometheusWorkflowMetrics, type PrometheusWorkflowMetrics } from './workflow-metrics.ts';
import type { DeliveryMetrics } from '../../records/deliver.ts';

export interface PrometheusMetrics extends Metrics {
  readonly contentType: string;
  /** The page for Prometheus. */
  text(): Promise<string>;
  /** Shows what is wrong with policies that are there but not in force; read whenever metrics are. */
  policyProblems(count: () => number): void;
  /** Shows the background scan, read whenever metrics are. */
  scan(progress: () => ScanProgress): void;
  /** What becomes of decisions on their way to the records. */
  readonly delivery: DeliveryMetrics;
  /** What becomes of workflows. */
  readonly workflows: PrometheusWorkflowMetrics;
  /** What becomes of Tasks. */
  readonly tasks: TaskMetrics;
  /** When the certificate that is presented ends. */
  servingCertificateEnds(at: () => Date): void;
  /** When the public trust root was last refreshed; undefined: not since the start. */
  publicRootRefreshed(at: () => Date | undefined): void;
}

/** Kinds that are told apart; the rest is "other". */
const kinds: ReadonlySet<string> = new Set([
  'Pod',
  'PodTemplate',
  'ReplicationController',
  'Deployment',
  'ReplicaSet',
  'StatefulSet',
  'DaemonSet',
  'Job',
  'CronJob',
  'Task',
  'TaskRun',
  'Pipeline',
  'PipelineRun',
  'ClusterImagePolicy',
  'TrustRoot',
]);

/** Policies are made by administrators, but one installation may make and delete many while the process runs. */
const maxPolicies = 500;

// Warm answers take a fraction of a millisecond, cold ones some registry round trips.
const admissionBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const registryBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function prometheusMetrics(): PrometheusMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const admissions = new Histogram({
    name: 'countersign_admission_duration_seconds',
    help: 'Time to answer an admission request.',
    labelNames: ['phase', 'verdict', 'kind'],
    buckets: admissionBuckets,
    registers,
  });
  const refusals = new Counter({
    name: 'countersign_refusals_total',
    help: 'Reasons for which requests were not admitted; a request may have several.',
    labelNames: ['code', 'policy'],
    registers,
  });
  const caches = new Counter({
    name: 'countersign_cache_total',
    help: 'Look-ups in caches.',
    labelNames: ['cache', 'outcome'],
    registers,
  });
  const registryRequests = new Counter({
    name: 'countersign_registry_requests_total',
    help: 'Requests to image registries.',
    labelNames: ['outcome'],
    registers,
  });
  const registryDurations = new Histogram({
    name: 'countersign_registry_request_duration_seconds',
    help: 'Time of requests to image registries.',
    buckets: registryBuckets,
    registers,
  });
  const logFailures = new Counter({
    name: 'countersign_decision_log_failures_total',
    help: 'Decisions that could not be recorded.',
    registers,
  });
  const clusterEvents = new Counter({
    name: 'countersign_cluster_events_total',
    help: 'Kubernetes Events about refusals and policies; dropped ones were too many.',
    labelNames: ['outcome'],
    registers,
  });
  const policies = new BoundedLabel(maxPolicies);
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    admission: (phase, verdict, kind, seconds) =>
      admissions.observe({ phase, verdict, kind: kinds.has(kind) ? kind : 'other' }, seconds),
    refusal: (code, policy) => refusals.inc({ code, policy: policies.of(policy) }),
    cache: (cache, outcome) => caches.inc({ cache, outcome }),
    registryRequest: (outcome, seconds) => {
      registryRequests.inc({ outcome });
      registryDurations.observe(seconds);
    },
    decisionLogFailure: () => logFailures.inc(),
    delivery: deliveryMetrics(registers),
    workflows: prometheusWorkflowMetrics(registers),
    tasks: prometheusTaskMetrics(registers),
    clusterEvent: (outcome) => clusterEvents.inc({ outcome }),
    servingCertificateEnds: (at) => {
      const gauge: Gauge = new Gauge({
        name: 'countersign_serving_certificate_not_after_timestamp_seconds',
        help: 'When the certificate that is presented to the API server ends.',
        registers,
        collect: (): void => gauge.set(at().getTime() / 1_000),
      });
    },
    publicRootRefreshed: (at) => {
      const gauge: Gauge = new Gauge({
        name: 'countersign_public_trust_root_refreshed_timestamp_seconds',
        help: 'When the public trust root was last refreshed; 0: not since the start.',
        registers,
        collect: (): void => gauge.set((at()?.getTime() ?? 0) / 1_000),
      });
    },
    scan: (progress) => scanGauges(registers, progress),
    policyProblems: (count) => {
      const gauge: Gauge = new Gauge({
        name: 'countersign_policy_problems',
        help: 'Policies, trust roots and settings that are there but not in force.',
        registers,
        collect: (): void => gauge.set(count()),
      });
    },
  };
}

function deliveryMetrics(registers: Registry[]): DeliveryMetrics {
  const delivered = new Counter({
    name: 'countersign_records_delivered_total',
    help: 'Decisions that were stored in the records.',
    registers,
  });
  const failures = new Counter({
    name: 'countersign_records_delivery_failures_total',
    help: 'Tries to store decisions that failed; they are tried again.',
    registers,
  });
  const lost = new Counter({
    name: 'countersign_records_lost_total',
    help: 'Lines of the decision log that never come to the records.',
    labelNames: ['why'],
    registers,
  });
  const backlog = new Gauge({
    name: 'countersign_records_backlog_bytes',
    help: 'Bytes of the decision log that wait to be stored in the records.',
    registers,
  });
  return {
    delivered: (count) => delivered.inc(count),
    failed: () => failures.inc(),
    lost: (why, count) => lost.inc({ why }, count),
    backlog: (bytes) => backlog.set(bytes),
  };
}
