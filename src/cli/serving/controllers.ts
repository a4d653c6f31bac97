/** What one replica at a time does in the cluster, besides certificates: status of policies, reports about what runs. */
import { leadership as electLeader } from '../../adapters/kubernetes/leader-election.ts';
import { clusterPolicyReports } from '../../adapters/kubernetes/policy-reports.ts';
import { clusterPolicyStatuses } from '../../adapters/kubernetes/policy-statuses.ts';
import { clusterRunningPods } from '../../adapters/kubernetes/running-workloads.ts';
import type { ClusterPolicies } from '../../adapters/policies/custom-resources.ts';
import { startPolicyController } from '../../controllers/policies/controller.ts';
import { createPodAuditor } from '../../controllers/scan/audit-pod.ts';
import { startScanner, usualScanSettings, type Scanner } from '../../controllers/scan/scanner.ts';
import type { EvidenceSource } from '../../evidence/evidence-source.ts';
import { defined } from '../../kernel/defined.ts';
import type { Events } from '../../ports/events.ts';
import type { Leadership } from '../../ports/leadership.ts';
import type { Foundation } from './foundation.ts';

const nobody: Leadership = { isLeader: () => false, onChange: () => () => undefined };
const always: Leadership = { isLeader: () => true, onChange: () => () => undefined };

export function startLeadership({ config, kubeConfig, log, onClose }: Foundation): Leadership {
  if (kubeConfig === undefined || !config.parts.controller) return nobody;
  if (!config.leaderElect) return always;
  const { namespace, instance: identity } = config;
  const elected = electLeader({ kubeConfig, namespace, name: 'countersign', identity, log });
  onClose(() => elected.close());
  return elected;
}

export interface ControllerPorts {
  readonly policies: ClusterPolicies;
  readonly evidence: EvidenceSource;
  readonly leadership: Leadership;
  readonly events: Events;
}

export function startControllers(base: Foundation, ports: ControllerPorts): void {
  const { kubeConfig, clock, log, onClose } = base;
  if (kubeConfig === undefined) return;
  const scanner = startScanning(base, ports);
  const matchedImages = scanner && (() => scanner.matchedImages());
  const statuses = clusterPolicyStatuses(kubeConfig);
  const controller = startPolicyController({
    ...ports,
    statuses,
    clock,
    log,
    ...defined('matchedImages', matchedImages),
  });
  onClose(() => controller.close());
}

function startScanning(base: Foundation, ports: ControllerPorts): Scanner | undefined {
  const { config, kubeConfig, clock, log, metrics, onClose } = base;
  if (kubeConfig === undefined || config.scan === undefined) return undefined;
  const { policies, evidence, leadership } = ports;
  const { namespaces, intervalMs } = config.scan;
  const scanner = startScanner(
    {
      policies,
      leadership,
      pods: clusterRunningPods({ kubeConfig, namespaces, systemNamespace: config.namespace }),
      reports: clusterPolicyReports(kubeConfig),
      auditor: createPodAuditor({ policies, evidence, clock, log }),
      clock,
      log,
    },
    { ...usualScanSettings, intervalMs },
  );
  onClose(() => scanner.close());
  metrics.scan(() => scanner.progress());
  return scanner;
}
