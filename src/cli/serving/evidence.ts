/** Where signatures and contracts come from while the program serves. */
import { clusterPullCredentials } from '../../adapters/kubernetes/pull-credentials.ts';
import type { EvidenceSource } from '../../evidence/evidence-source.ts';
import { createEvidenceSource } from '../../evidence/gather.ts';
import { defined } from '../../kernel/defined.ts';
import type { Policies } from '../../ports/policies.ts';
import type { PullCredentials } from '../../ports/pull-credentials.ts';
import { closeEvidenceAdapters, createEvidenceAdapters, readDockerConfig } from '../evidence.ts';
import type { Foundation } from './foundation.ts';
import { keepWarm } from './warm-languages.ts';

export function startEvidence(
  { config, kubeConfig, metrics, log, onClose }: Foundation,
  policies: Pick<Policies, 'current'>,
): EvidenceSource {
  const adapters = createEvidenceAdapters(config.registry, metrics);
  onClose(() => closeEvidenceAdapters(adapters));
  const warming = keepWarm(adapters.languages, policies);
  onClose(async () => warming.close());
  const installation = readDockerConfig(config.registry.dockerConfig, (message) => log.warn({}, message));
  const pullCredentials: PullCredentials =
    kubeConfig === undefined
      ? { ofWorkload: () => installation.credentials }
      : clusterPullCredentials({ kubeConfig, log, ...defined('installation', installation.config) });
  return createEvidenceSource({ ...adapters, metrics, pullCredentials });
}
