/** The gate: what judges admission requests and records what it has decided. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { openDecisionLog, type OpenDecisionLog } from '../../adapters/decision-log/open-decision-log.ts';
import { clusterTektonDefinitions } from '../../adapters/kubernetes/tekton-definitions.ts';
import { repositoryCheck } from '../../adapters/sigstore/check-repository.ts';
import { createReviewer, type Reviewer } from '../../admission/review.ts';
import type { EvidenceSource } from '../../evidence/evidence-source.ts';
import type { ReadinessCheck } from '../../http/readiness.ts';
import { defined } from '../../kernel/defined.ts';
import type { Policies } from '../../ports/policies.ts';
import type { RefusalEvents } from '../../ports/refusal-events.ts';
import type { Foundation } from './foundation.ts';

export interface Gate {
  readonly reviewer: Reviewer;
  readonly readiness: readonly ReadinessCheck[];
}

export interface GatePorts {
  readonly policies: Policies;
  readonly evidence: EvidenceSource;
  readonly decisionLog: OpenDecisionLog;
  readonly refusals?: RefusalEvents;
}

export function openOwnLog({ config, clock, log }: Foundation): Promise<OpenDecisionLog> {
  const writerId = `${hostname()}-${process.pid}`;
  return openDecisionLog({ clock, log }, { ...config.decisionLog, writerId });
}

export function startGate({ config, kubeConfig, clock, log, metrics }: Foundation, ports: GatePorts): Gate {
  const { onDecisionLogFailure, onUnresolvedImage } = config;
  const definitions = kubeConfig === undefined ? undefined : clusterTektonDefinitions(kubeConfig);
  const reviewer = createReviewer(
    {
      ...ports,
      ...defined('definitions', definitions),
      trustRoots: repositoryCheck,
      clock,
      metrics,
      log,
      newId: randomUUID,
    },
    { onDecisionLogFailure, onUnresolvedImage },
  );
  const problem = (): string | undefined =>
    onDecisionLogFailure === 'refuse' ? ports.decisionLog.problem() : undefined;
  return { reviewer, readiness: [{ name: 'decision-log', problem }] };
}
