/** What commands judge with that try policies out: the admission path, without a cluster, and without a record. */
import { randomUUID } from 'node:crypto';
import { createReviewer, type Reviewer } from '../admission/review.ts';
import { parseRegistrySettings, type RegistryFlags } from '../config.ts';
import type { EvidenceSource } from '../evidence/evidence-source.ts';
import { createEvidenceSource } from '../evidence/gather.ts';
import { defined } from '../kernel/defined.ts';
import { ok } from '../kernel/result.ts';
import type { PolicySnapshot } from '../policy/model.ts';
import type { Clock } from '../ports/clock.ts';
import type { PullCredentials } from '../ports/pull-credentials.ts';
import type { TektonDefinitions } from '../ports/tekton-definitions.ts';
import {
  closeEvidenceAdapters,
  createEvidenceAdapters,
  readDockerConfig,
  type InstallationCredentials,
} from './evidence.ts';
import { noMetrics } from './no-metrics.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

export interface Trial {
  /** One for all that is judged: what was found out about an image once is not asked for again. */
  readonly evidence: EvidenceSource;
  readonly clock: Clock;
  reviewer(snapshot: PolicySnapshot, definitions?: TektonDefinitions): Reviewer;
  close(): Promise<void>;
}

type PullCredentialsOf = (installation: InstallationCredentials) => PullCredentials;

/** Without `pullCredentials` every image is fetched with those of --docker-config. */
export function createTrial(
  flags: RegistryFlags,
  terminal: Pick<Terminal, 'err'>,
  pullCredentials: PullCredentialsOf = ({ credentials }) => ({ ofWorkload: () => credentials }),
): Trial {
  const settings = parseRegistrySettings(flags);
  if (!settings.ok) throw new UsageError(settings.failure);
  const installation = readDockerConfig(flags.dockerConfig, (message) => terminal.err(`${message}\n`));
  const adapters = createEvidenceAdapters(settings.value, noMetrics);
  const evidence = createEvidenceSource({
    ...adapters,
    metrics: noMetrics,
    pullCredentials: pullCredentials(installation),
  });
  return {
    evidence,
    clock: adapters.clock,
    reviewer: (snapshot, definitions) => reviewerOf(snapshot, evidence, adapters.clock, definitions),
    close: () => closeEvidenceAdapters(adapters),
  };
}

function reviewerOf(
  snapshot: PolicySnapshot,
  evidence: EvidenceSource,
  clock: Clock,
  definitions: TektonDefinitions | undefined,
): Reviewer {
  return createReviewer(
    {
      policies: { current: () => snapshot, problems: () => [] },
      evidence,
      ...defined('definitions', definitions),
      // A trial leaves no record; what would be recorded comes back with each review.
      decisionLog: { append: async () => ok(undefined) },
      clock,
      metrics: noMetrics,
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
      newId: randomUUID,
    },
    { onDecisionLogFailure: 'refuse', recordedPhase: 'review', judgesWorkflowImages: true },
  );
}
