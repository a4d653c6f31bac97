/** Records of actions on their way from the controller into the history, which survive a restart of either. */
import { join } from 'node:path';
import { outboxFiles } from '../../adapters/action-outbox/files.ts';
import { ok } from '../../kernel/result.ts';
import type { ActionHistory } from '../../ports/action-history.ts';
import { startOutbox, type RunningOutbox } from '../../records/history/outbox.ts';
import type { Foundation } from './foundation.ts';

export type WatchedOutbox = Pick<RunningOutbox, 'keep' | 'isStored' | 'onStored' | 'state'>;

/** Without a database nobody can ask what was run. */
const nothingIsKept: WatchedOutbox = {
  keep: () => Promise.resolve(ok(undefined)),
  isStored: () => true,
  onStored: () => () => undefined,
  state: () => ({ waiting: 0, bytes: 0 }),
};

/** How long the end waits for records to be stored; what is left is stored after the next start. */
const graceMs = 5_000;

/** Sentences for readiness: workflows run all the same. */
export function outboxWarnings(outbox: Pick<WatchedOutbox, 'state'>): readonly string[] {
  const { problem } = outbox.state();
  return problem === undefined ? [] : [`records of actions wait for the history: ${problem}`];
}

export function startActionOutbox(
  { config, log, metrics, onClose }: Foundation,
  history: Pick<ActionHistory, 'record'> | undefined,
): WatchedOutbox {
  if (config.workflows === undefined) return nothingIsKept;
  if (history === undefined) {
    log.warn({}, 'without --database nothing is kept of what workflows run');
    return nothingIsKept;
  }
  const folder = outboxFiles(join(config.workflows.dataFolder, 'action-records'));
  const counted = metrics.workflows.history;
  const outbox = startOutbox({
    folder,
    history: {
      record: async (records) => {
        const stored = await history.record(records);
        if (stored.ok) counted.delivered(records.length);
        else counted.deliveryFailed();
        return stored;
      },
    },
    log,
  });
  counted.waiting(() => outbox.state().waiting);
  onClose(() => outbox.close(graceMs));
  return outbox;
}
