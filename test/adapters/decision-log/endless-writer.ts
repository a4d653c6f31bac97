/** A process that appends without end, and tells on standard output how many decisions are settled. */
import { writeSync } from 'node:fs';
import { openDecisionLog } from '../../../src/adapters/decision-log/open-decision-log.ts';
import { decision } from './logs.ts';

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const open = await openDecisionLog(
  { clock: { now: () => new Date() }, log },
  { file: process.argv[2] ?? '', writerId: 'killed', maxBytes: 1e9, maxFiles: 1 },
);
for (let settled = 0; ;) {
  const results = await Promise.all(Array.from({ length: 100 }, () => open.append(decision())));
  if (!results.every(({ ok }) => ok)) throw new Error('not written');
  settled += results.length;
  writeSync(1, `${settled}\n`);
}
