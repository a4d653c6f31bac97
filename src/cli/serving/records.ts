/** Decisions on their way from the decision log into the store, where they can be asked for. */
import type { OpenDecisionLog } from '../../adapters/decision-log/open-decision-log.ts';
import { clusterRecordPeers } from '../../adapters/kubernetes/record-peers.ts';
import { defined } from '../../kernel/defined.ts';
import type { CertificateSource } from '../../ports/certificates.ts';
import type { RecordStore } from '../../records/store.ts';
import { isPostgres } from '../record-store.ts';
import { startRecords } from '../start-records.ts';
import type { Foundation } from './foundation.ts';

export interface KeptRecords {
  readonly records: RecordStore;
  /** Other replicas take over what is here. */
  readonly isCopied: boolean;
  /** Sentences for readiness: requests are answered all the same. */
  warnings(): readonly string[];
}

/** How long the end waits for decisions to be delivered; what is left is delivered after the next start. */
const graceMs = 5_000;

/** Without a database decisions stay in the decision log. Closes the log. */
export async function startKeepingRecords(
  base: Foundation,
  certificates: CertificateSource,
  decisionLog: OpenDecisionLog | undefined,
): Promise<KeptRecords | undefined> {
  const { config, clock, log, metrics, onClose } = base;
  if (config.records === undefined) {
    onClose(() => decisionLog?.close());
    return undefined;
  }
  const spool = decisionLog && { file: config.decisionLog.file, committed: () => decisionLog.committed() };
  const others = otherReplicas(base, certificates);
  const running = await startRecords(
    { clock, log, metrics: metrics.delivery },
    {
      ...config.records,
      ...defined('decisionLog', spool),
      ...defined('peers', others && (() => others.peers())),
    },
  );
  onClose(async () => {
    await decisionLog?.close();
    await running.close(graceMs);
    await others?.close();
  });
  const warnings = (): readonly string[] => {
    const problem = running.delivery()?.problem;
    return problem === undefined ? [] : [`decisions wait in the decision log: ${problem}`];
  };
  return { records: running.records, isCopied: others !== undefined, warnings };
}

/** In a Pod, each replica with a database of its own takes over what the others have. */
function otherReplicas({ config, kubeConfig, log }: Foundation, certificates: CertificateSource) {
  const podName = process.env['POD_NAME'];
  const isShared = config.records === undefined || isPostgres(config.records.database);
  if (kubeConfig === undefined || podName === undefined || isShared || !config.parts.console) return undefined;
  return clusterRecordPeers({
    kubeConfig,
    namespace: config.namespace,
    service: 'countersign-console',
    podName,
    ca: () => certificates.current().ca,
    log,
  });
}
