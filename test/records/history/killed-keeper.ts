/**
 * A process that keeps records of actions without end and is killed: three steps of each workflow, begun and ended, into an
 * outbox that delivers to SQLite. It notes each record that was kept. Arguments: folder, database, notes, prefix of UIDs.
 */
import { openSync, writeSync } from 'node:fs';
import { outboxFiles } from '../../../src/adapters/action-outbox/files.ts';
import { sqliteRecords } from '../../../src/adapters/sqlite/sqlite-records.ts';
import { startOutbox } from '../../../src/records/history/outbox.ts';
import { completed, executing } from './actions.ts';

const [, , folder = '', database = '', notesFile = '', prefix = ''] = process.argv;
const notes = openSync(notesFile, 'a');
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const outbox = startOutbox({ folder: outboxFiles(folder), history: sqliteRecords(database).history, log });
for (let number = 0; ; number += 1) {
  const workflowUid = `${prefix}-${number}`;
  const steps = ['a', 'b', 'c'].map((step) => ({ workflowUid, step }));
  for (const action of steps.flatMap((step) => [executing(step), completed(step)])) {
    const kept = await outbox.keep([action]);
    if (kept.ok) writeSync(notes, `${workflowUid} ${action.step} ${action.status}\n`);
  }
}
