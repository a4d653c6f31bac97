/** Decisions on their way from the decision log into the store, where they can be asked for. */
import type { OpenDecisionLog } from '../../adapters/decision-log/open-decision-log.ts';
import { defined } from '../../kernel/defined.ts';
import type { CertificateSource } from '../../ports/certificates.ts';
import type { RecordStore } from '../../records/store.ts';
import { startRecords } from '../start-records.ts';
import type { Foundation } from './foundation.ts';

export interface KeptRecords {
  readonly records: RecordStore;
  /** Sentences for readiness: requests are answered all the same. */
  warnings(): readonly string[];
}

/** How long the end waits for decisions to be delivered; what is left is delivered after the next start. */
const graceMs = 5_000;

/** Without a database decisions stay in the decision log. Closes the log. */
export async function startKeepingRecords(
  { config, clock, log, metrics, onClose }: Foundation,
  _certificates: CertificateSource,
  decisionLog: OpenDecisionLog | undefined,
): Promise<KeptRecords | undefined> {
  if (config.records === undefined) {
    onClose(() => decisionLog?.close());
    return undefined;
  }
  const spool = decisionLog && { file: config.decisionLog.file, committed: () => decisionLog.committed() };
  const running = await startRecords(
    { clock, log, metrics: metrics.delivery },
    { ...config.records, ...defined('decisionLog', spool) },
  );
  onClose(async () => {
    await decisionLog?.close();
    await running.close(graceMs);
  });
  const warnings = (): readonly string[] => {
    const problem = running.delivery()?.problem;
    return problem === undefined ? [] : [`decisions wait in the decision log: ${problem}`];
  };
  return { records: running.records, warnings };
}
