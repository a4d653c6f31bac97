/**
 * A process that decides without end and is killed: writes to a decision log, delivers to SQLite, and notes
 * in a third file the uid of each decision that is settled. Arguments: log, database, notes, prefix of uids.
 */
import { openSync, writeSync } from 'node:fs';
import * as nodeDisk from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Disk } from '../../src/adapters/decision-log/log-file.ts';
import { openLogSpool } from '../../src/adapters/decision-log/log-spool.ts';
import { openDecisionLog } from '../../src/adapters/decision-log/open-decision-log.ts';
import { sqliteRecords } from '../../src/adapters/sqlite/sqlite-records.ts';
import { deliver } from '../../src/records/deliver.ts';
import { decision } from './chains.ts';
import { CountedMetrics } from './fakes.ts';

const [, , file = '', database = '', notesFile = '', prefix = ''] = process.argv;
const notes = openSync(notesFile, 'a');
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const clock = { now: () => new Date() };
const open = await openDecisionLog(
  { clock, log, disk: slowDisk() },
  { file, writerId: 'killed', maxBytes: 2_000_000, maxFiles: 1_000 },
);
const spool = openLogSpool({ log, committed: () => open.committed() }, file);
deliver(
  { spool, records: sqliteRecords(database), clock, log, metrics: new CountedMetrics() },
  { pollMs: 5, pauses: { firstMs: 5, longestMs: 50 } },
);
const reasons = [{ code: 'SIGNATURE_MISSING', message: 'x'.repeat(4_000) }];
for (let settled = 0; ;) {
  const uids = Array.from({ length: 100 }, (_, index) => `${prefix}-${settled + index}`);
  await Promise.all(
    uids.map(async (uid) => {
      const { ok } = await open.append(decision({ uid, reasons, time: new Date().toISOString() }));
      if (ok) writeSync(notes, `${uid}\n`);
    }),
  );
  settled += uids.length;
  await sleep(3);
}

/** Writes a piece at a time, as an operating system may: the end comes in the middle of a write. */
function slowDisk(): Disk {
  const open: Disk['open'] = async (...args) => {
    const handle = await nodeDisk.open(...args);
    return new Proxy(handle, {
      get: (target, name) => {
        if (name === 'write')
          return (bytes: Buffer, at: number) => target.write(bytes, at, Math.min(3_000, bytes.length - at));
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  };
  return { ...nodeDisk, open };
}
