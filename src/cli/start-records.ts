/** The keeping of records put together: the store, what brings decisions to it, and what removes old ones. */
import { openLogSpool } from '../adapters/decision-log/log-spool.ts';
import type { Committed } from '../adapters/decision-log/log-file.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import { copyFromPeers, type Peer } from '../records/copy-from-peers.ts';
import { deliver, type DeliveryMetrics, type DeliveryState } from '../records/deliver.ts';
import { copyHistory, type HistoryPeer } from '../records/history/copy-history.ts';
import { keepHistoryTidy } from '../records/history/keep-tidy.ts';
import { keepTidy } from '../records/keep-tidy.ts';
import type { Keep } from '../records/retention.ts';
import type { RecordStore } from '../records/store.ts';
import { recordStore, type DatabaseSettings } from './record-store.ts';

export interface RecordsPorts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: DeliveryMetrics;
}

export interface RecordsSettings extends DatabaseSettings {
  readonly keep: Keep;
  /** Days that records of actions are kept; absent: for ever. */
  readonly keepActionsDays?: number;
  /** The decision log of this process, when it writes one: close it before the records. */
  readonly decisionLog?: { readonly file: string; readonly committed: () => Committed | undefined };
  /** Replicas with stores of their own; only for SQLite. */
  readonly peers?: () => Promise<readonly (Peer & HistoryPeer)[]>;
}

export interface RunningRecords {
  readonly records: RecordStore;
  /** Nothing when there is no decision log. */
  delivery(): DeliveryState | undefined;
  /** Delivers what is there, for at most so long, and closes the store. */
  close(graceMs: number): Promise<void>;
}

/** Does not fail when the database is away: decisions wait in the log. Settings that make no sense are a UsageError. */
export async function startRecords(ports: RecordsPorts, settings: RecordsSettings): Promise<RunningRecords> {
  const { clock, log, metrics } = ports;
  const records = recordStore(settings);
  const ready = await records.ready();
  if (!ready.ok) log.error({ reason: ready.failure.message }, 'records database cannot be used yet');
  const { decisionLog, peers, keepActionsDays } = settings;
  const { history } = records;
  const delivery =
    decisionLog &&
    deliver({ spool: openLogSpool({ log, ...decisionLog }, decisionLog.file), records, clock, log, metrics });
  const stopCopying = peers && copyFromPeers({ records, log, peers });
  const stopCopyingHistory = peers && copyHistory({ history, log, peers });
  const stopTidyingHistory =
    keepActionsDays === undefined ? undefined : keepHistoryTidy({ history, clock, log }, keepActionsDays);
  const stopTidying = keepTidy({ store: records, clock, log }, settings.keep);
  return {
    records,
    delivery: () => delivery?.state(),
    close: async (graceMs) => {
      const stopped = [stopCopying?.(), stopCopyingHistory?.(), stopTidying(), stopTidyingHistory?.()];
      await Promise.all([delivery?.close(graceMs), ...stopped]);
      await records.close();
    },
  };
}
